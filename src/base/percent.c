#include "base/percent.h"

/* The byte that stands at TEXT[*AT], which moves past it; -1 on a bad escape. */
static int decode_at(struct str text, size_t *at, bool plus_is_space)
{
    char c = text.ptr[*at];
    uint8_t byte;

    if (c != '%') {
        ++*at;
        return c == '+' && plus_is_space ? ' ' : (unsigned char)c;
    }
    if (text.len - *at < 3 || !hex_decode((struct str){text.ptr + *at + 1, 2}, &byte, 1))
        return -1;
    *at += 3;
    return byte;
}

bool percent_decode(struct str text, bool plus_is_space, struct arena *mem, char **out,
                    struct error *err)
{
    char *decoded = arena_alloc(mem, text.len + 1);
    size_t length = 0;

    for (size_t at = 0; at < text.len;) {
        int c = decode_at(text, &at, plus_is_space);

        if (c <= 0)
            return error_tell(err, ERR_INVALID, "the URL has a bad percent escape");
        decoded[length++] = (char)c;
    }
    *out = decoded;
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

char *percent_encode(const char *text, bool keep_slash, struct arena *mem)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(mem, 3 * strlen(text) + 1);
    char *to = out;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (is_unreserved(*text) || (keep_slash && *text == '/')) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return out;
}
