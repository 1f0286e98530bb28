#include "cli/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/str.h"

/* The character at the start of TEXT, which is not empty: *LENGTH bytes. False if they are no
 * UTF-8; *LENGTH is then 1. */
static bool next_character(const char *text, uint32_t *character, size_t *length)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t want = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

    *length = 1;
    if (strnlen(text, want) < want || !utf8_is_valid((struct str){text, want}))
        return false;
    *character = at[0] & masks[want];
    for (size_t i = 1; i < want; i++)
        *character = *character << 6 | (at[i] & 0x3fu);
    *length = want;
    return true;
}

static bool acts_on_terminal(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f;
}

void text_visible(const char *text, char *out, size_t size)
{
    size_t used = 0, length;

    for (; *text; text += length) {
        char piece[16];
        uint32_t c = 0;
        bool valid = next_character(text, &c, &length);
        int piece_length;

        if (!valid || (acts_on_terminal(c) && c < 0x80))
            piece_length = snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)*text);
        else if (acts_on_terminal(c))
            piece_length = snprintf(piece, sizeof piece, "\\u{%x}", c);
        else
            piece_length = snprintf(piece, sizeof piece, "%.*s", (int)length, text);
        if (used + (size_t)piece_length >= size)
            break;
        memcpy(out + used, piece, (size_t)piece_length);
        used += (size_t)piece_length;
    }
    out[used] = '\0';
}

/* wcwidth needs a UTF-8 locale, which main() sets; without one all characters count as one. */
static size_t character_width(uint32_t c)
{
    int width = wcwidth((wchar_t)c);

    return width < 0 ? 1 : (size_t)width;
}

size_t text_width(const char *visible)
{
    size_t columns = 0, length;

    for (; *visible; visible += length) {
        uint32_t c;

        columns += next_character(visible, &c, &length) ? character_width(c) : 1;
    }
    return columns;
}

void text_cut(char *visible, size_t columns)
{
    size_t used = 0, length;
    char *at = visible;

    if (text_width(visible) <= columns)
        return;
    for (; *at; at += length) {
        uint32_t c;
        size_t width = next_character(at, &c, &length) ? character_width(c) : 1;

        if (used + width + 1 > columns)
            break;
        used += width;
    }
    strcpy(at, columns > 0 ? "…" : "");
}

void text_local_time(const char *rfc3339, char out[static TEXT_TIME_SIZE])
{
    int64_t time_us;
    time_t seconds;
    struct tm parts;

    strcpy(out, "-");
    if (!rfc3339 || !time_from_rfc3339(str_from(rfc3339), &time_us))
        return;
    seconds = (time_t)(time_us / US_PER_S);
    if (localtime_r(&seconds, &parts))
        strftime(out, TEXT_TIME_SIZE, "%Y-%m-%d %H:%M", &parts);
}

void text_duration(double seconds, char out[static TEXT_DURATION_SIZE])
{
    uint64_t whole;

    if (!(seconds >= 0) || seconds > 1e15) {
        strcpy(out, "-");
        return;
    }
    whole = (uint64_t)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(out, TEXT_DURATION_SIZE, "%llu:%02llu:%02llu", (unsigned long long)whole / 3600,
                 (unsigned long long)whole / 60 % 60, (unsigned long long)whole % 60);
    else
        snprintf(out, TEXT_DURATION_SIZE, "%llu:%02llu", (unsigned long long)whole / 60,
                 (unsigned long long)whole % 60);
}
