#include "media/id3.h"

#include <string.h>

enum { LATIN1 = 0, UTF16 = 1, UTF16_BE = 2, UTF8 = 3 };

#define TEXT_MAX_BYTES 8192

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static uint32_t unit_at(const uint8_t *bytes, bool big)
{
    return big ? be16(bytes) : le16(bytes);
}

/* Some writers put two byte order marks. Without any, little endian is what is met in the wild. */
static size_t skip_marks(const uint8_t *bytes, size_t length, bool *big)
{
    size_t at = 0;

    for (; at + 2 <= length; at += 2) {
        if (bytes[at] == 0xfe && bytes[at + 1] == 0xff)
            *big = true;
        else if (bytes[at] == 0xff && bytes[at + 1] == 0xfe)
            *big = false;
        else
            break;
    }
    return at;
}

static const char *from_utf16(struct arena *mem, const uint8_t *bytes, size_t length, bool big)
{
    char *out = arena_alloc(mem, length * 2 + 4);
    size_t filled = 0;

    for (size_t at = skip_marks(bytes, length, &big); at + 2 <= length; at += 2) {
        uint32_t code = unit_at(bytes + at, big);

        if (code >= 0xd800 && code < 0xdc00 && at + 4 <= length) {
            uint32_t low = unit_at(bytes + at + 2, big);

            if (low >= 0xdc00 && low < 0xe000) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                at += 2;
            }
        }
        if (code >= 0xd800 && code < 0xe000)
            code = 0xfffd;
        filled += put_utf8(out + filled, code);
    }
    return text_clean(mem, (struct str){out, filled}, TAG_VALUE_MAX_BYTES);
}

/* The length up to the terminator: one zero byte, or two where units have two. */
static size_t terminated_length(const uint8_t *bytes, size_t length, bool wide, size_t *used)
{
    size_t step = wide ? 2 : 1;
    size_t at = 0;

    while (at + step <= length && (bytes[at] != 0 || (wide && bytes[at + 1] != 0)))
        at += step;
    *used = at + step <= length ? at + step : length;
    return at;
}

const char *id3_text(struct arena *mem, unsigned encoding, const uint8_t *bytes, size_t length,
                     size_t *used)
{
    bool wide = encoding == UTF16 || encoding == UTF16_BE;
    size_t consumed;
    size_t text = terminated_length(bytes, length, wide, &consumed);
    struct str span = {(const char *)bytes, text < TEXT_MAX_BYTES ? text : TEXT_MAX_BYTES};

    if (used)
        *used = consumed;
    if (wide)
        return from_utf16(mem, bytes, span.len, encoding == UTF16_BE);
    if (encoding == UTF8)
        return text_clean(mem, span, TAG_VALUE_MAX_BYTES);
    return text_from_latin1(mem, span, TAG_VALUE_MAX_BYTES);
}
