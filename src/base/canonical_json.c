#include "base/canonical_json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_depth.h"

/* ---- numbers ---- */

#define DIGITS_MAX 17 /* suffice for every double */

/* digits[0].digits[1]… times ten to the power of EXPONENT. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int exponent;
};

static double decimal_value(const struct decimal *decimal)
{
    char text[CANONICAL_NUMBER_SIZE];

    snprintf(text, sizeof text, "%c.%se%d", decimal->digits[0], decimal->digits + 1,
             decimal->exponent);
    return strtod(text, NULL);
}

/* VALUE rounded to COUNT digits. */
static void round_to(double value, int count, struct decimal *out)
{
    char text[CANONICAL_NUMBER_SIZE];
    const char *e;

    snprintf(text, sizeof text, "%.*e", count - 1, value);
    e = strchr(text, 'e');
    out->digits[0] = text[0];
    memcpy(out->digits + 1, text + 2, count > 1 ? (size_t)(e - text) - 2 : 0);
    out->digits[count] = '\0';
    out->exponent = atoi(e + 1);
}

/* The next decimal of as many digits. */
static void step_up(struct decimal *decimal)
{
    for (size_t i = strlen(decimal->digits); i-- > 0; decimal->digits[i] = '0')
        if (decimal->digits[i] != '9') {
            decimal->digits[i]++;
            return;
        }
    decimal->digits[0] = '1'; /* 9.99 has become 10.0 */
    decimal->exponent++;
}

/* The fewest digits that read as VALUE. Below a power of two doubles are denser than above: there
 * the nearest decimal may read as a neighbour, and the next one up as VALUE all the same. */
static void shortest(double value, struct decimal *out)
{
    for (int count = 1; count <= DIGITS_MAX; count++) {
        round_to(value, count, out);
        if (decimal_value(out) == value)
            return;
        step_up(out);
        if (decimal_value(out) == value)
            return;
    }
    assert(false); /* 17 digits tell all doubles apart */
}

static void drop_zeros(struct decimal *decimal)
{
    size_t count = strlen(decimal->digits);

    while (count > 1 && decimal->digits[count - 1] == '0')
        decimal->digits[--count] = '\0';
}

/* ECMA-262, Number::toString, steps 7 to 12: k digits, the point behind the nth. */
static void lay_out(const struct decimal *decimal, char *out, size_t size)
{
    const char *digits = decimal->digits;
    int k = (int)strlen(digits), n = decimal->exponent + 1;

    if (k <= n && n <= 21)
        snprintf(out, size, "%s%.*s", digits, n - k, "00000000000000000000");
    else if (0 < n && n <= 21)
        snprintf(out, size, "%.*s.%s", n, digits, digits + n);
    else if (-6 < n && n <= 0)
        snprintf(out, size, "0.%.*s%s", -n, "00000", digits);
    else
        snprintf(out, size, "%c%s%se%+d", digits[0], k > 1 ? "." : "", digits + 1, n - 1);
}

void canonical_number(double value, char out[static CANONICAL_NUMBER_SIZE])
{
    struct decimal decimal;

    assert(isfinite(value));
    if (value == 0) {
        strcpy(out, "0"); /* -0 as well */
        return;
    }
    shortest(fabs(value), &decimal);
    drop_zeros(&decimal);
    out[0] = '-';
    lay_out(&decimal, out + (value < 0), CANONICAL_NUMBER_SIZE - 1);
}

/* ---- reading ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool continues_number(char c)
{
    return is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
}

/* Whether NUMBER, as written, is what it is as a double: true for all that is not a plain integer.
 */
static bool integer_is_kept(const char *number, size_t length)
{
    char text[32], again[CANONICAL_NUMBER_SIZE];

    for (size_t i = 0; i < length; i++)
        if (!is_digit(number[i]) && !(i == 0 && number[i] == '-'))
            return true;
    if (length < 16 || length >= sizeof text) /* 15 digits always are; no double has so many */
        return length < 16;
    memcpy(text, number, length);
    text[length] = '\0';
    canonical_number(strtod(text, NULL), again);
    return strcmp(text, again) == 0;
}

/* The length of the number or string at the start of TEXT, or of any one character else. */
static size_t token_length(const char *text, size_t left)
{
    size_t i = 1;

    if (text[0] == '"') {
        while (i < left && text[i] != '"')
            i += text[i] == '\\' ? 2 : 1;
        return i < left ? i + 1 : left;
    }
    if (is_digit(text[0]) || text[0] == '-')
        while (i < left && continues_number(text[i]))
            i++;
    return i;
}

/* TEXT is JSON. */
static bool integers_are_kept(const char *text, size_t length, struct error *err)
{
    for (size_t at = 0, step; at < length; at += step) {
        step = token_length(text + at, length - at);
        if ((is_digit(text[at]) || text[at] == '-') && !integer_is_kept(text + at, step))
            return error_tell(err, ERR_BAD_JSON,
                              "the integer %.*s has more digits than a double keeps; write it as "
                              "a string",
                              (int)(step < 40 ? step : 40), text + at);
    }
    return true;
}

bool canonical_json_read(const char *text, size_t length, json_t **out, struct error *err)
{
    const size_t flags =
        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL;
    json_error_t why;
    json_t *value;

    if (!json_depth_is_bounded(text, length))
        return error_tell(err, ERR_BAD_JSON, "the JSON nests deeper than %d levels",
                          JSON_DEPTH_MAX);
    value = json_loadb(text, length, flags, &why);
    if (!value)
        return error_tell(err, ERR_BAD_JSON, "line %d, column %d: %s", why.line, why.column,
                          why.text);
    if (!integers_are_kept(text, length, err)) {
        json_decref(value);
        return false;
    }
    *out = value;
    return true;
}

/* ---- writing ---- */

static bool write_value(const json_t *value, unsigned depth, struct buf *out, struct error *err);

/* RFC 8785 section 3.2.2.2: the two-letter escapes, \u00xx for other controls, all else as it is.
 */
static void write_string(const char *text, size_t length, struct buf *out)
{
    static const char letters[] = "btn\0fr"; /* of 0x08 to 0x0d; 0x0b has none */
    size_t plain = 0;

    buf_add(out, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(out, text + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c >= 0x08 && c <= 0x0d && c != 0x0b)
            buf_printf(out, "\\%c", letters[c - 0x08]);
        else
            buf_printf(out, "\\u%04x", c);
    }
    buf_add(out, text + plain, length - plain);
    buf_add(out, "\"", 1);
}

static bool write_number(double value, struct buf *out, struct error *err)
{
    char text[CANONICAL_NUMBER_SIZE];

    if (!isfinite(value))
        return error_tell(err, ERR_BAD_JSON, "a number is not finite");
    canonical_number(value, text);
    buf_add_text(out, text);
    return true;
}

static bool write_integer(json_int_t value, struct buf *out, struct error *err)
{
    double as_double = (double)value;

    /* 2^63 is no json_int_t, so it must not be cast back */
    if (as_double >= 0x1p63 || (json_int_t)as_double != value)
        return error_tell(err, ERR_BAD_JSON, "an integer has more digits than a double keeps");
    return write_number(as_double, out, err);
}

/*
 * The order of UTF-16 code units, of names in UTF-8. Bytes compare as code points do, which differ
 * from code units in one thing: what lies behind U+FFFF (0xf0 and up) is written with surrogates,
 * which come before U+E000 (0xee and up).
 */
static int compare_names(const void *a, const void *b)
{
    const unsigned char *x = *(const unsigned char *const *)a;
    const unsigned char *y = *(const unsigned char *const *)b;

    for (; *x && *x == *y; x++, y++)
        ;
    if (*x >= 0xee && *y >= 0xee && (*x >= 0xf0) != (*y >= 0xf0))
        return *x >= 0xf0 ? -1 : 1;
    return *x - *y;
}

static bool write_members(const json_t *object, const char **names, unsigned depth, struct buf *out,
                          struct error *err)
{
    size_t count = json_object_size(object), n = 0;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        names[n++] = name;
    }
    if (count > 0)
        qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add(out, ",", 1);
        write_string(names[i], strlen(names[i]), out);
        buf_add(out, ":", 1);
        if (!write_value(json_object_get(object, names[i]), depth, out, err))
            return false;
    }
    return true;
}

static bool write_object(const json_t *object, unsigned depth, struct buf *out, struct error *err)
{
    scoped(memory_free) const char **names = calloc(json_object_size(object) + 1, sizeof *names);

    if (!names)
        abort();
    buf_add(out, "{", 1);
    if (!write_members(object, names, depth, out, err))
        return false;
    buf_add(out, "}", 1);
    return true;
}

static bool write_list(const json_t *list, unsigned depth, struct buf *out, struct error *err)
{
    buf_add(out, "[", 1);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0)
            buf_add(out, ",", 1);
        if (!write_value(json_array_get(list, i), depth, out, err))
            return false;
    }
    buf_add(out, "]", 1);
    return true;
}

static bool write_value(const json_t *value, unsigned depth, struct buf *out, struct error *err)
{
    if (depth > JSON_DEPTH_MAX)
        return error_tell(err, ERR_BAD_JSON, "the JSON nests deeper than %d levels",
                          JSON_DEPTH_MAX);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object(value, depth + 1, out, err);
    case JSON_ARRAY:
        return write_list(value, depth + 1, out, err);
    case JSON_STRING:
        write_string(json_string_value(value), json_string_length(value), out);
        return true;
    case JSON_INTEGER:
        return write_integer(json_integer_value(value), out, err);
    case JSON_REAL:
        return write_number(json_real_value(value), out, err);
    case JSON_TRUE:
        return buf_add_text(out, "true") || true;
    case JSON_FALSE:
        return buf_add_text(out, "false") || true;
    case JSON_NULL:
        break;
    }
    return buf_add_text(out, "null") || true;
}

bool canonical_json_write(const json_t *value, struct buf *out, struct error *err)
{
    if (!write_value(value, 0, out, err))
        return false;
    return !out->overflow ||
           error_tell(err, ERR_BODY_TOO_LARGE, "the JSON is larger than %zu bytes", out->limit);
}
