/* response_content: preconditions and ranges over a representation (RFC 9110 sections 13 and 14).
 */
#include <stdio.h>
#include <sys/stat.h>

#include "http/exchange.h"
#include "http/range.h"

#define LARGE_ANSWER_BYTES (256 * 1024)

struct selection {
    enum range_result result;
    struct http_range ranges[RANGES_MAX];
    unsigned count;
};

static bool check_file(const struct content *content, struct error *err)
{
    struct stat status;

    if (content->fd < 0)
        return true;
    if (fstat(content->fd, &status) != 0)
        return error_errno(err, "look at the content's file");
    if ((uint64_t)status.st_size < content->size)
        return error_set(err, ERR_UNAVAILABLE, "the content's file has %jd bytes of %ju",
                         (intmax_t)status.st_size, (uintmax_t)content->size);
    return true;
}

static void set_validators(struct response *res, const struct content *content)
{
    char date[TIME_HTTP_SIZE];

    if (content->etag)
        response_header(res, "ETag", content->etag);
    if (content->modified_us != 0) {
        time_to_http(content->modified_us, date);
        response_header(res, "Last-Modified", date);
    }
    response_header(res, "Accept-Ranges", "bytes");
}

static void select_ranges(const struct request *req, const struct conditions *conditions,
                          const struct validators *validators, uint64_t size, struct selection *out)
{
    const char *header = request_header(req, "Range");

    out->result = RANGE_IGNORE;
    if (header && req->method == METHOD_GET && if_range_holds(conditions->if_range, validators))
        out->result = range_parse(str_from(header), size, out->ranges, &out->count);
}

static bool send_file(struct response *res, int fd, struct http_range range, struct error *err)
{
    struct connection *connection = res->exchange->connection;

    if (!res->has_place &&
        !connection_send_file_now(connection, fd, &range.start, &range.length, err))
        return false;
    return range.length == 0 ||
           (response_may_wait(res, err) &&
            connection_send_file(connection, &res->pace, fd, range.start, range.length, err));
}

static bool send_range(struct response *res, const struct content *content, struct http_range range,
                       struct error *err)
{
    bool good;

    if (content->fd < 0)
        return content->write(content->context, range.start, range.length, &res->stream, err) &&
               response_flush(res, err);
    good = send_file(res, content->fd, range, err);
    if (good)
        res->bytes_out += range.length;
    res->was_cut = res->was_cut || !good;
    return good;
}

/* The body's one head and piece: all of it, or one range. */
static bool send_single(struct response *res, const struct content *content, int status,
                        struct http_range range, struct error *err)
{
    struct sink *sink;

    if (content->fd < 0) {
        if (!response_stream(res, status, range.length, &sink, err))
            return false;
    } else if (!response_send_head(res, status, range.length, NULL, 0,
                                   range.length > 0 && response_has_body(res, status), err)) {
        return false;
    }
    if (!response_has_body(res, status)) {
        res->stream_left = 0;
        return true;
    }
    return range.length == 0 || send_range(res, content, range, err);
}

/* ---- several ranges ---- */

struct part_heads {
    const char *texts[RANGES_MAX];
    const char *tail;
    uint64_t length; /* of the whole body */
};

static void make_part_heads(struct response *res, const struct content *content,
                            const struct selection *selection, struct part_heads *out)
{
    struct workbench *bench = res->exchange->bench;
    uint8_t random[16];
    char boundary[HEX_SIZE(sizeof random)], where[CONTENT_RANGE_SIZE];

    bench->random->fill(bench->random, random, sizeof random);
    hex_encode(random, sizeof random, boundary);
    out->length = 0;
    for (unsigned i = 0; i < selection->count; i++) {
        content_range_format(selection->ranges[i], content->size, where);
        out->texts[i] =
            arena_printf(bench->mem, "\r\n--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n",
                         boundary, content->type, where);
        out->length += strlen(out->texts[i]) + selection->ranges[i].length;
    }
    out->tail = arena_printf(bench->mem, "\r\n--%s--\r\n", boundary);
    out->length += strlen(out->tail);
    res->content_type = arena_printf(bench->mem, "multipart/byteranges; boundary=%s", boundary);
}

/* Part heads are counted by the stream; what sendfile sends beside it is not, so it is told. */
static bool send_part(struct response *res, const struct content *content, const char *head,
                      struct http_range range, struct error *err)
{
    if (!res->stream.write(&res->stream, head, strlen(head), err))
        return false;
    if (content->fd < 0)
        return send_range(res, content, range, err);
    res->stream_left -= range.length;
    return response_flush(res, err) && send_range(res, content, range, err);
}

static bool send_several(struct response *res, const struct content *content,
                         const struct selection *selection, struct error *err)
{
    struct part_heads heads;
    struct sink *sink;

    make_part_heads(res, content, selection, &heads);
    if (!response_stream(res, 206, heads.length, &sink, err))
        return false;
    for (unsigned i = 0; i < selection->count; i++) {
        if (!send_part(res, content, heads.texts[i], selection->ranges[i], err))
            return false;
    }
    return sink->write(sink, heads.tail, strlen(heads.tail), err);
}

/* ---- */

static bool unsatisfiable(struct response *res, uint64_t size, struct error *err)
{
    char where[CONTENT_RANGE_SIZE];

    content_range_unsatisfied(size, where);
    response_header_always(res, "Content-Range", where);
    return error_set(err, ERR_RANGE, "the range lies outside of %ju bytes", (uintmax_t)size);
}

static bool send_selected(struct response *res, const struct content *content,
                          const struct selection *selection, struct error *err)
{
    struct http_range all = {0, content->size};
    char where[CONTENT_RANGE_SIZE];

    if (selection->result == RANGE_UNSATISFIABLE)
        return unsatisfiable(res, content->size, err);
    if (selection->result == RANGE_IGNORE)
        return send_single(res, content, 200, all, err);
    if (selection->count > 1)
        return send_several(res, content, selection, err);
    content_range_format(selection->ranges[0], content->size, where);
    response_header(res, "Content-Range", where);
    return send_single(res, content, 206, selection->ranges[0], err);
}

static uint64_t bytes_selected(const struct content *content, const struct selection *selection)
{
    uint64_t sum = 0;

    if (selection->result != RANGE_PARTS)
        return selection->result == RANGE_IGNORE ? content->size : 0;
    for (unsigned i = 0; i < selection->count; i++)
        sum += selection->ranges[i].length;
    return sum;
}

/* A large content will wait for its client: where that cannot be, it is refused before it begins.
 */
static bool send_counted(struct response *res, const struct content *content,
                         const struct selection *selection, struct error *err)
{
    bool is_large = bytes_selected(content, selection) >= LARGE_ANSWER_BYTES &&
                    res->exchange->head.method != METHOD_HEAD;

    if (is_large && !response_take_place(res))
        return error_tell(err, ERR_UNAVAILABLE, "too many downloads at once, try again later");
    return send_selected(res, content, selection, err);
}

bool response_content(struct response *res, const struct content *content, struct error *err)
{
    const struct request *req = &res->exchange->request;
    struct validators validators = {true, content->etag, content->modified_us};
    struct conditions conditions;
    struct selection selection;

    if (!check_file(content, err))
        return false;
    request_conditions(req, &conditions);
    set_validators(res, content);
    switch (conditions_evaluate(&conditions, &validators, true)) {
    case CONDITION_FAILED:
        return error_set(err, ERR_PRECONDITION, "a precondition does not hold");
    case CONDITION_NOT_MODIFIED:
        return response_empty(res, 304, err);
    case CONDITION_PROCEED:
        break;
    }
    response_header(res, "Content-Type", content->type);
    select_ranges(req, &conditions, &validators, content->size, &selection);
    return send_counted(res, content, &selection, err);
}
