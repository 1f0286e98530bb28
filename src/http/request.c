#include "http/request.h"

#include <assert.h>
#include <sys/socket.h>

#include "http/exchange.h"

static struct exchange *exchange_of(const struct request *req)
{
    return container_of((struct request *)req, struct exchange, request);
}

const char *request_param(const struct request *req, const char *name)
{
    const struct route_match *match = &exchange_of(req)->match;

    for (unsigned i = 0; i < match->param_count; i++) {
        if (strcmp(match->params[i].name, name) == 0)
            return match->params[i].value;
    }
    assert(!"the route has this parameter");
    return NULL;
}

static bool parse_query(struct request *req, const struct query **out, struct error *err)
{
    struct exchange *x = exchange_of(req);

    if (!x->query_is_parsed && req->query &&
        !query_parse(str_from(req->query), req->mem, &x->query, err))
        return false;
    x->query_is_parsed = true;
    *out = &x->query;
    return true;
}

bool request_query(struct request *req, const char *name, const char **out, struct error *err)
{
    const struct query *query;

    return parse_query(req, &query, err) && query_get(query, name, out, err);
}

bool request_query_number(struct request *req, const char *name, uint64_t min, uint64_t max,
                          uint64_t fallback, uint64_t *out, struct error *err)
{
    uint64_t number = fallback;
    const char *text;

    if (!request_query(req, name, &text, err))
        return false;
    if (text && (!str_to_u64(str_from(text), max, &number) || number < min))
        return error_tell(err, ERR_INVALID, "%s must be a number from %ju to %ju", name,
                          (uintmax_t)min, (uintmax_t)max);
    *out = number;
    return true;
}

bool request_query_bool(struct request *req, const char *name, bool fallback, bool *out,
                        struct error *err)
{
    const char *text;

    if (!request_query(req, name, &text, err))
        return false;
    if (!text)
        *out = fallback;
    else if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
        *out = true;
    else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
        *out = false;
    else
        return error_tell(err, ERR_INVALID, "%s must be true or false", name);
    return true;
}

static bool is_among(const char *text, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(text, *names) == 0)
            return true;
    }
    return false;
}

bool request_query_only(struct request *req, const char *const *names, struct error *err)
{
    const struct query *query;

    if (!parse_query(req, &query, err))
        return false;
    for (size_t i = 0; i < query->count; i++) {
        if (!is_among(query->pairs[i].name, names))
            return error_tell(err, ERR_INVALID, "there is no query parameter \"%.100s\" here",
                              query->pairs[i].name);
    }
    return true;
}

const char *request_header(const struct request *req, const char *name)
{
    return head_header(&exchange_of(req)->head, name, req->mem);
}

bool request_header_at(const struct request *req, size_t index, struct str *name, struct str *value)
{
    const struct head *head = &exchange_of(req)->head;

    if (index >= head->header_count)
        return false;
    *name = head->headers[index].name;
    *value = head->headers[index].value;
    return true;
}

bool request_has_type(const struct request *req, const char *type)
{
    const char *header = request_header(req, "Content-Type");
    struct str rest, essence;

    if (!header)
        return false;
    rest = str_from(header);
    return str_split(&rest, ';', &essence) && str_equal_nocase(str_trim(essence), type);
}

const char *request_trailer(const struct request *req, const char *name)
{
    return chunked_trailer(&exchange_of(req)->body.chunked, name, req->mem);
}

void request_conditions(const struct request *req, struct conditions *out)
{
    *out = (struct conditions){.if_match = request_header(req, "If-Match"),
                               .if_none_match = request_header(req, "If-None-Match"),
                               .if_modified_since = request_header(req, "If-Modified-Since"),
                               .if_unmodified_since = request_header(req, "If-Unmodified-Since"),
                               .if_range = request_header(req, "If-Range")};
}

bool request_check_conditions(const struct request *req, const struct validators *validators,
                              struct error *err)
{
    struct conditions conditions;

    request_conditions(req, &conditions);
    if (conditions_evaluate(&conditions, validators, false) == CONDITION_PROCEED)
        return true;
    return error_set(err, ERR_PRECONDITION, "a precondition does not hold");
}

const char *request_allow(const struct request *req)
{
    return router_allow(exchange_of(req)->server->router, str_from(req->path), req->mem);
}

const char *request_url(const struct request *req, const char *path)
{
    return arena_printf(req->mem, "%s://%s%s", req->scheme, req->host, path);
}

uint64_t request_body_length(const struct request *req)
{
    const struct head *head = &exchange_of(req)->head;

    return head->is_chunked ? REQUEST_LENGTH_UNKNOWN : head->length;
}

struct source *request_body(struct request *req)
{
    return &exchange_of(req)->body.base;
}

bool request_read_small(struct request *req, size_t limit, char **out, size_t *length,
                        struct error *err)
{
    struct source *body = request_body(req);
    uint64_t declared = request_body_length(req);
    size_t room = declared == REQUEST_LENGTH_UNKNOWN ? 4096 : (size_t)declared + 1;
    size_t total = 0, got;
    char *text;

    if (declared != REQUEST_LENGTH_UNKNOWN && declared > limit)
        return error_tell(err, ERR_BODY_TOO_LARGE, "the body is larger than %zu bytes", limit);
    text = arena_alloc(req->mem, room + 1);
    do {
        if (total == room) {
            char *larger = arena_alloc(req->mem, 2 * room + 1);

            memcpy(larger, text, total);
            text = larger;
            room *= 2;
        }
        if (!body->read(body, text + total, room - total, &got, err))
            return false;
        total += got;
        if (total > limit)
            return error_tell(err, ERR_BODY_TOO_LARGE, "the body is larger than %zu bytes", limit);
    } while (got > 0);
    *out = text;
    *length = total;
    return true;
}

void request_interrupt(struct request *req)
{
    struct exchange *x = exchange_of(req);

    atomic_store(&x->is_interrupted, true);
    shutdown(x->connection->fd, SHUT_RD);
}

bool request_should_end(const struct request *req)
{
    struct exchange *x = exchange_of(req);
    char byte;

    return atomic_load(&x->server->is_stopping) ||
           recv(x->connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}
