/* UTF-8, hex and base64: the part of str.h that is about encodings. */
#include "base/str.h"

/* The length of the well-formed character at P, of which LEFT bytes are there; 0 if there is none
 * (Unicode 15, table 3-7). */
static size_t utf8_character(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t length;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (left < length)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return length;
}

bool utf8_is_valid(struct str text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;

    for (size_t i = 0; i < text.len;) {
        size_t length = utf8_character(p + i, text.len - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

size_t utf8_prefix(struct str text, size_t max)
{
    size_t end = text.len < max ? text.len : max;

    if (end == text.len)
        return end;
    while (end > 0 && ((unsigned char)text.ptr[end] & 0xc0) == 0x80)
        end--;
    return end;
}

void hex_encode(const void *bytes, size_t length, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * length] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str text, void *out, size_t length)
{
    unsigned char *p = out;

    if (text.len != 2 * length)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (hex_digit(text.ptr[i]) < 0)
            return false;
    for (size_t i = 0; i < length; i++)
        p[i] = (unsigned char)(hex_digit(text.ptr[2 * i]) << 4 | hex_digit(text.ptr[2 * i + 1]));
    return true;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const void *bytes, size_t length, const char *letters, bool padded, char *out)
{
    const unsigned char *p = bytes;

    for (; length > 0; p += 3) {
        size_t n = length < 3 ? length : 3;
        uint32_t group =
            (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

        for (size_t i = 0; i <= n; i++)
            *out++ = letters[group >> (18 - 6 * i) & 63];
        for (size_t i = n; padded && i < 3; i++)
            *out++ = '=';
        length -= n;
    }
    *out = '\0';
}

void base64_encode(const void *bytes, size_t length, char *out)
{
    encode(bytes, length, alphabet, true, out);
}

void base64url_encode(const void *bytes, size_t length, char *out)
{
    encode(bytes, length, url_alphabet, false, out);
}

/* Decodes TEXT, which holds no padding. */
static bool decode(struct str text, const char *letters, void *out, size_t max, size_t *out_length)
{
    unsigned char *p = out;
    size_t length = text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0);
    uint32_t group = 0;
    unsigned bits = 0;
    size_t done = 0;

    if (text.len % 4 == 1 || length > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *letter = text.ptr[i] ? strchr(letters, text.ptr[i]) : NULL;

        if (!letter)
            return false;
        group = group << 6 | (uint32_t)(letter - letters);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            p[done++] = (unsigned char)(group >> bits);
        }
    }
    if ((group & ((1u << bits) - 1)) != 0)
        return false;
    *out_length = done;
    return true;
}

bool base64_decode(struct str text, void *out, size_t max, size_t *out_length)
{
    if (text.len % 4 != 0)
        return false;
    for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
        text.len--;
    return decode(text, alphabet, out, max, out_length);
}

bool base64url_decode(struct str text, void *out, size_t max, size_t *out_length)
{
    return decode(text, url_alphabet, out, max, out_length);
}
