#include "base/json_check.h"

#include "base/json_depth.h"

struct checker {
    const char *at, *end;
    bool in_object[JSON_DEPTH_MAX]; /* what each open bracket is, outermost first */
    unsigned depth;
};

static bool at_end(const struct checker *checker)
{
    return checker->at == checker->end;
}

/* Takes C if it comes next. */
static bool take_char(struct checker *checker, char c)
{
    if (at_end(checker) || *checker->at != c)
        return false;
    checker->at++;
    return true;
}

static void skip_blanks(struct checker *checker)
{
    while (!at_end(checker) && (*checker->at == ' ' || *checker->at == '\t' ||
                                *checker->at == '\n' || *checker->at == '\r'))
        checker->at++;
}

static bool take_word(struct checker *checker, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(checker->end - checker->at) < length || memcmp(checker->at, word, length) != 0)
        return false;
    checker->at += length;
    return true;
}

/* One digit at least. */
static bool take_digits(struct checker *checker)
{
    const char *start = checker->at;

    while (!at_end(checker) && *checker->at >= '0' && *checker->at <= '9')
        checker->at++;
    return checker->at > start;
}

static bool take_number(struct checker *checker)
{
    take_char(checker, '-');
    if (!take_char(checker, '0') && !take_digits(checker))
        return false;
    if (take_char(checker, '.') && !take_digits(checker))
        return false;
    if (!take_char(checker, 'e') && !take_char(checker, 'E'))
        return true;
    if (!take_char(checker, '+'))
        take_char(checker, '-');
    return take_digits(checker);
}

static bool take_escape(struct checker *checker)
{
    char hex[2];

    if (at_end(checker))
        return false;
    if (*checker->at != 'u') {
        bool known = strchr("\"\\/bfnrt", *checker->at) && *checker->at;

        checker->at += known;
        return known;
    }
    if (checker->end - checker->at < 5 || !hex_decode((struct str){checker->at + 1, 4}, hex, 2))
        return false;
    checker->at += 5;
    return true;
}

static bool take_string(struct checker *checker)
{
    if (!take_char(checker, '"'))
        return false;
    while (!at_end(checker) && (unsigned char)*checker->at >= 0x20) {
        char c = *checker->at++;

        if (c == '"')
            return true;
        if (c == '\\' && !take_escape(checker))
            return false;
    }
    return false;
}

static bool take_name(struct checker *checker)
{
    skip_blanks(checker);
    if (!take_string(checker))
        return false;
    skip_blanks(checker);
    return take_char(checker, ':');
}

static bool take_scalar(struct checker *checker)
{
    if (at_end(checker))
        return false;
    switch (*checker->at) {
    case '"':
        return take_string(checker);
    case 't':
        return take_word(checker, "true");
    case 'f':
        return take_word(checker, "false");
    case 'n':
        return take_word(checker, "null");
    default:
        return take_number(checker);
    }
}

/* Takes a bracket that opens. *EMPTY: and the one that closes it. */
static bool take_opening(struct checker *checker, bool is_object, bool *empty)
{
    if (checker->depth == JSON_DEPTH_MAX)
        return false;
    checker->in_object[checker->depth++] = is_object;
    skip_blanks(checker);
    *empty = take_char(checker, is_object ? '}' : ']');
    checker->depth -= *empty;
    return *empty || !is_object || take_name(checker);
}

/* Takes scalars and brackets up to the end of a value. */
static bool take_down(struct checker *checker)
{
    bool empty = false;

    while (!empty) {
        bool is_object;

        skip_blanks(checker);
        is_object = take_char(checker, '{');
        if (!is_object && !take_char(checker, '['))
            return take_scalar(checker);
        if (!take_opening(checker, is_object, &empty))
            return false;
    }
    return true;
}

/* Takes what stands behind a value: brackets that close, then a comma, behind which another value
 * comes (*MORE), or nothing. */
static bool take_up(struct checker *checker, bool *more)
{
    *more = false;
    while (checker->depth > 0) {
        bool is_object = checker->in_object[checker->depth - 1];

        skip_blanks(checker);
        if (take_char(checker, ',')) {
            *more = true;
            return !is_object || take_name(checker);
        }
        if (!take_char(checker, is_object ? '}' : ']'))
            return false;
        checker->depth--;
    }
    return true;
}

bool json_check(struct str text, struct error *err)
{
    struct checker checker = {.at = text.ptr, .end = text.ptr + text.len};
    bool ok, more = true;

    if (!utf8_is_valid(text))
        return error_tell(err, ERR_BAD_JSON, "the JSON is not valid UTF-8");
    do
        ok = take_down(&checker) && take_up(&checker, &more);
    while (ok && more);
    skip_blanks(&checker);
    if (ok && at_end(&checker))
        return true;
    if (checker.depth == JSON_DEPTH_MAX)
        return error_tell(err, ERR_BAD_JSON, "byte %zu: not JSON, or nested deeper than %d levels",
                          (size_t)(checker.at - text.ptr), JSON_DEPTH_MAX);
    return error_tell(err, ERR_BAD_JSON, "byte %zu: not JSON", (size_t)(checker.at - text.ptr));
}
