#include "http/query.h"

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
