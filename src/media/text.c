/* Text of unknown quality made into UTF-8 that can be stored and shown. */
#include <stdint.h>

#include "media/tags.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* How many bytes the well-formed character at TEXT takes; 0 if there is none. */
static size_t character_length(struct str text)
{
    for (size_t length = 1; length <= 4 && length <= text.len; length++)
        if (utf8_is_valid((struct str){text.ptr, length}))
            return length;
    return 0;
}

static bool is_control(unsigned char byte)
{
    return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
}

const char *text_clean(struct arena *mem, struct str text, size_t max)
{
    /* Each byte becomes at most three. */
    size_t taken = text.len < max ? text.len : max;
    char *out = arena_alloc(mem, taken * 3 + 1);
    size_t length = 0;

    for (size_t i = 0; i < taken;) {
        size_t step = character_length((struct str){text.ptr + i, taken - i});

        if (step == 0 && taken < text.len && taken - i < 4)
            break; /* the cut went through a character */
        if (step == 1 && is_control((unsigned char)text.ptr[i])) {
            out[length++] = ' ';
        } else if (step > 0) {
            memcpy(out + length, text.ptr + i, step);
            length += step;
        } else {
            memcpy(out + length, REPLACEMENT, 3);
            length += 3;
            step = 1;
        }
        i += step;
    }
    length = utf8_prefix((struct str){out, length}, max);
    while (length > 0 && (out[length - 1] == ' ' || out[length - 1] == '\n'))
        length--;
    out[length] = '\0';
    return out;
}

const char *text_from_latin1(struct arena *mem, struct str text, size_t max)
{
    size_t taken = text.len < max ? text.len : max;
    char *out = arena_alloc(mem, taken * 2 + 1);
    size_t length = 0;

    for (size_t i = 0; i < taken; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];

        if (byte >= 0x80) {
            out[length++] = (char)(0xc0 | byte >> 6);
            byte = (unsigned char)(0x80 | (byte & 0x3f));
        }
        out[length++] = (char)byte;
    }
    return text_clean(mem, (struct str){out, length}, max);
}
