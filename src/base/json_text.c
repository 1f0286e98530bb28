#include "base/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_depth.h"

#define REAL_SIZE 32
#define DIGITS_SURE 15 /* any number of so many digits is that of one double: DBL_DIG */
#define DIGITS_MAX 17

bool json_text_read(const char *text, size_t length, json_t **out, struct error *err)
{
    json_error_t why;
    json_t *root;

    if (!json_depth_is_bounded(text, length))
        return error_tell(err, ERR_BAD_JSON, "the JSON nests deeper than %d levels",
                          JSON_DEPTH_MAX);
    root = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!root)
        return error_tell(err, ERR_BAD_JSON, "line %d, column %d: %s", why.line, why.column,
                          why.text);
    *out = root;
    return true;
}

/* ---- reals ---- */

/* As JSON has it, and still a real: e22 for e+22, 1.0 for 1. */
static void put_in_form(char text[REAL_SIZE])
{
    char *exponent = strchr(text, 'e'), *digits;

    if (!exponent) {
        if (!strchr(text, '.'))
            strcat(text, ".0");
        return;
    }
    exponent += 1 + (exponent[1] == '-'); /* 'e', and a sign that is kept */
    digits = exponent + strspn(exponent, "+0");
    memmove(exponent, digits, strlen(digits) + 1);
}

/* The first number of digits that says the same; the length of TEXT, or 0 if none is shorter. */
static size_t write_short(double value, char text[REAL_SIZE])
{
    for (int digits = DIGITS_SURE; digits < DIGITS_MAX; digits++) {
        snprintf(text, REAL_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            put_in_form(text);
            return strlen(text);
        }
    }
    return 0;
}

/* Writes the number of LENGTH bytes at FROM to TO, which may be the same place; returns what is
 * behind it. */
static char *copy_number(char *to, const char *from, size_t length)
{
    char text[REAL_SIZE];
    size_t shorter = 0;

    if (length > DIGITS_SURE && strspn(from, "-0123456789") < length) /* it is a real */
        shorter = write_short(strtod(from, NULL), text);
    if (shorter > 0 && shorter < length)
        memcpy(to, text, shorter);
    else
        memmove(to, from, shorter = length);
    return to + shorter;
}

static size_t string_length(const char *text)
{
    size_t length = 1;

    while (text[length] != '"')
        length += text[length] == '\\' ? 2 : 1;
    return length + 1;
}

/* In place, as nothing becomes longer. */
static void shorten_reals(char *text)
{
    const char *from = text;
    char *to = text;

    while (*from) {
        size_t length = strspn(from, "+-.0123456789eE");

        if (*from == '"') {
            length = string_length(from);
            memmove(to, from, length);
            to += length;
        } else if (length > 0 && *from != 'e') { /* not the last of "true" */
            to = copy_number(to, from, length);
        } else {
            length = 1;
            *to++ = *from;
        }
        from += length;
    }
    *to = '\0';
}

char *json_text_write(const json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags | JSON_REAL_PRECISION(DIGITS_MAX));

    if (text)
        shorten_reals(text);
    return text;
}
