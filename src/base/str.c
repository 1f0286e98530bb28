#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_equal_text(struct str a, const char *b)
{
    return str_equal(a, str_from(b));
}

bool str_equal_nocase(struct str a, const char *b)
{
    return a.len == strlen(b) && (a.len == 0 || strncasecmp(a.ptr, b, a.len) == 0);
}

bool str_starts_with(struct str text, const char *prefix)
{
    size_t length = strlen(prefix);

    return text.len >= length && memcmp(text.ptr, prefix, length) == 0;
}

bool str_ends_with(struct str text, const char *suffix)
{
    size_t length = strlen(suffix);

    return text.len >= length && memcmp(text.ptr + text.len - length, suffix, length) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str text)
{
    while (text.len > 0 && is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool str_split(struct str *text, char separator, struct str *part)
{
    const char *at;

    if (!text->ptr)
        return false;
    at = text->len ? memchr(text->ptr, separator, text->len) : NULL;
    if (!at) {
        *part = *text;
        *text = (struct str){NULL, 0};
        return part->len > 0 || part->ptr;
    }
    *part = (struct str){text->ptr, (size_t)(at - text->ptr)};
    text->len -= part->len + 1;
    text->ptr = at + 1;
    return true;
}

/* ---- numbers ---- */

bool str_to_u64(struct str text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' ||
            __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
            return false;
    }
    if (value > max)
        return false;
    *out = value;
    return true;
}

/* Reads "12" or "1.5" off TEXT: NUMBER / SCALE, where SCALE is a power of ten. */
static bool take_decimal(struct str *text, uint64_t *number, uint64_t *scale)
{
    size_t digits = 0;
    bool point = false;

    *number = 0;
    *scale = 1;
    for (; text->len > 0; text->ptr++, text->len--) {
        char c = text->ptr[0];

        if (c == '.' && !point && digits > 0) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        if (__builtin_mul_overflow(*number, UINT64_C(10), number) ||
            __builtin_add_overflow(*number, (uint64_t)(c - '0'), number) || *scale > 1000000)
            return false;
        if (point)
            *scale *= 10;
        digits++;
    }
    return digits > 0 && (!point || *scale > 1);
}

static bool scaled(uint64_t number, uint64_t factor, uint64_t scale, uint64_t *out)
{
    uint64_t product;

    if (__builtin_mul_overflow(number, factor, &product))
        return false;
    *out = product / scale;
    return true;
}

/* 1 for "", 1024^n for "K", "KiB"; 1000^n for "KB". 0 if it is none of these. */
static uint64_t byte_unit(struct str unit)
{
    static const char letters[] = "KMGT";
    uint64_t base = 1024, factor = 1;
    const char *letter;

    if (unit.len == 0 || str_equal_nocase(unit, "B"))
        return 1;
    letter = strchr(letters, toupper((unsigned char)unit.ptr[0]));
    if (!letter || !*letter)
        return 0;
    unit = (struct str){unit.ptr + 1, unit.len - 1};
    if (str_equal_nocase(unit, "B"))
        base = 1000;
    else if (unit.len > 0 && !str_equal_nocase(unit, "iB"))
        return 0;
    for (const char *p = letters; p <= letter; p++)
        factor *= base;
    return factor;
}

bool str_to_bytes(struct str text, uint64_t *out)
{
    uint64_t number, scale, unit;

    text = str_trim(text);
    if (!take_decimal(&text, &number, &scale))
        return false;
    unit = byte_unit(str_trim(text));
    return unit > 0 && scaled(number, unit, scale, out);
}

bool str_to_ms(struct str text, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t number, scale;

    text = str_trim(text);
    if (!take_decimal(&text, &number, &scale))
        return false;
    text = str_trim(text);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_equal_text(text, units[i].unit))
            return scaled(number, units[i].ms, scale, out);
    return false;
}

void str_format_bytes(uint64_t bytes, char out[static 32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}
