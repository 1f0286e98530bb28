#include "http/query.h"

#include "http/text.h"

/* The byte that stands at TEXT[*AT], which moves past it; -1 on a bad escape. */
static int decode_at(struct str text, size_t *at, bool plus_is_space)
{
    char c = text.ptr[*at];
    int high, low;

    if (c != '%') {
        ++*at;
        return c == '+' && plus_is_space ? ' ' : (unsigned char)c;
    }
    if (text.len - *at < 3)
        return -1;
    high = text_hex_value(text.ptr[*at + 1]);
    low = text_hex_value(text.ptr[*at + 2]);
    if (high < 0 || low < 0)
        return -1;
    *at += 3;
    return high * 16 + low;
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

static bool parse_pair(struct str piece, struct arena *mem, struct query_pair *out,
                       struct error *err)
{
    const char *equals = memchr(piece.ptr, '=', piece.len);
    size_t name_length = equals ? (size_t)(equals - piece.ptr) : piece.len;
    struct str value = {piece.ptr + piece.len, 0};
    char *name_text, *value_text;

    if (equals)
        value = (struct str){equals + 1, piece.len - name_length - 1};
    if (name_length == 0)
        return error_tell(err, ERR_INVALID, "a query parameter has no name");
    if (!percent_decode((struct str){piece.ptr, name_length}, true, mem, &name_text, err) ||
        !percent_decode(value, true, mem, &value_text, err))
        return false;
    if (!utf8_is_valid(str_from(name_text)) || !utf8_is_valid(str_from(value_text)))
        return error_tell(err, ERR_INVALID, "the query is not UTF-8");
    *out = (struct query_pair){name_text, value_text};
    return true;
}

static size_t count_pieces(struct str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '&';
    return count;
}

bool query_parse(struct str text, struct arena *mem, struct query *out, struct error *err)
{
    size_t room = count_pieces(text);
    struct query query = {NULL, 0};
    struct str piece;

    if (room > QUERY_PAIRS_MAX)
        return error_tell(err, ERR_INVALID, "the query has more than %d parameters",
                          QUERY_PAIRS_MAX);
    query.pairs = arena_array(mem, room, sizeof *query.pairs);
    while (str_split(&text, '&', &piece)) {
        if (piece.len == 0)
            continue;
        if (!parse_pair(piece, mem, &query.pairs[query.count], err))
            return false;
        query.count++;
    }
    *out = query;
    return true;
}

bool query_get(const struct query *query, const char *name, const char **out, struct error *err)
{
    const char *found = NULL;

    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) != 0)
            continue;
        if (found)
            return error_tell(err, ERR_INVALID, "the query parameter \"%s\" is given twice", name);
        found = query->pairs[i].value;
    }
    *out = found;
    return true;
}
