#include "http/body.h"

#include <assert.h>
#include <sys/socket.h>

#include "http/exchange.h"

static bool body_read(struct source *source, void *buf, size_t size, size_t *out,
                      struct error *err);

void body_init(struct body *body, struct exchange *x)
{
    const struct http_limits *limits = &x->server->limits;
    const struct route *route = x->match.route;

    body->base.read = body_read;
    body->exchange = x;
    if (x->head.is_chunked)
        body->framing = BODY_CHUNKED;
    else if (x->head.length > 0)
        body->framing = BODY_LENGTH;
    body->left = x->head.length;
    body->limit = route && route->flags & ROUTE_STREAMS ? UINT64_MAX : limits->json_body_max_bytes;
    body->owes_continue = x->head.expects_continue;
    body->pace = (struct pace){.min_rate = limits->body_min_rate,
                               .window_us = (int64_t)limits->rate_window_ms * 1000,
                               .grace_us = (int64_t)limits->rate_grace_ms * 1000};
}

void body_done(struct body *body)
{
    if (body->is_counted)
        atomic_fetch_sub(&body->exchange->server->metrics.bodies_active, 1);
    body->is_counted = false;
}

static bool is_over(const struct body *body)
{
    if (body->framing == BODY_CHUNKED)
        return body->chunked.state == CHUNKED_DONE;
    return body->left == 0;
}

bool body_leaves_connection(const struct body *body, uint64_t skip_max, uint64_t *skip)
{
    *skip = 0;
    if (body->failure)
        return false;
    if (is_over(body) || body->framing == BODY_NONE)
        return true;
    *skip = body->left;
    return body->framing == BODY_LENGTH && !body->owes_continue && body->left <= skip_max;
}

/* Before the thread blocks for the first time: is there room for another body? */
static bool admit(struct body *body, struct error *err)
{
    struct http_server *server = body->exchange->server;
    unsigned active;

    if (body->is_counted)
        return true;
    active = atomic_fetch_add(&server->metrics.bodies_active, 1);
    body->is_counted = true;
    if (server->limits.bodies_max > 0 && active >= server->limits.bodies_max)
        return error_tell(err, ERR_UNAVAILABLE, "too many uploads at once, try again later");
    return true;
}

static bool send_continue(struct body *body, struct error *err)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec iov = {(void *)interim, sizeof interim - 1};

    if (!body->owes_continue)
        return true;
    if (!response_write(&body->exchange->response, &iov, 1, false, err))
        return false;
    body->owes_continue = false;
    return true;
}

static size_t take_from_inbox(struct inbox *inbox, void *buf, size_t size)
{
    size_t length = inbox->end - inbox->start;

    if (length > size)
        length = size;
    memcpy(buf, inbox->bytes + inbox->start, length);
    inbox->start += length;
    return length;
}

static bool ended_early(const struct body *body, struct error *err)
{
    if (atomic_load(&body->exchange->server->is_cut))
        return error_tell(err, ERR_UNAVAILABLE, "the server is shutting down");
    return error_tell(err, ERR_INCOMPLETE, "the client closed before the body was complete");
}

/* Waits for bytes of the client; at least one, or failure. */
static bool receive(struct body *body, void *buf, size_t size, bool fill, size_t *out,
                    struct error *err)
{
    struct connection *connection = body->exchange->connection;

    if (!admit(body, err) || !send_continue(body, err))
        return false;
    if (!connection_read(connection, &body->pace, buf, size, fill, out, err))
        return atomic_load(&body->exchange->server->is_cut) ? ended_early(body, err) : false;
    return *out > 0 || ended_early(body, err);
}

/* Content: first what came with the head, then straight from the connection. */
static bool read_content(struct body *body, void *buf, size_t size, uint64_t left, size_t *out,
                         struct error *err)
{
    struct inbox *inbox = &body->exchange->bench->inbox;

    if (size > left)
        size = (size_t)left;
    *out = take_from_inbox(inbox, buf, size);
    return *out > 0 || receive(body, buf, size, true, out, err);
}

/* Reads chunk framing until content follows or the body is over. */
static bool read_framing(struct body *body, struct error *err)
{
    struct inbox *inbox = &body->exchange->bench->inbox;
    struct chunked *chunked = &body->chunked;

    while (chunked->state != CHUNKED_DATA && chunked->state != CHUNKED_DONE) {
        size_t used, got;

        if (inbox->start == inbox->end) {
            if (!receive(body, inbox->bytes, inbox->room, false, &got, err))
                return false;
            inbox->start = 0;
            inbox->end = got;
        }
        if (!chunked_feed(chunked, inbox->bytes + inbox->start, inbox->end - inbox->start,
                          body->exchange->bench->mem, &used, err))
            return false;
        inbox->start += used;
    }
    return true;
}

static bool read_chunked(struct body *body, void *buf, size_t size, size_t *out, struct error *err)
{
    *out = 0;
    if (!read_framing(body, err))
        return false;
    if (body->chunked.state == CHUNKED_DONE)
        return true;
    if (!read_content(body, buf, size, body->chunked.left, out, err))
        return false;
    chunked_took(&body->chunked, *out);
    return true;
}

static bool read_length(struct body *body, void *buf, size_t size, size_t *out, struct error *err)
{
    if (!read_content(body, buf, size, body->left, out, err))
        return false;
    body->left -= *out;
    return true;
}

static bool read_some(struct body *body, void *buf, size_t size, size_t *out, struct error *err)
{
    bool good = body->framing == BODY_CHUNKED ? read_chunked(body, buf, size, out, err)
                                              : read_length(body, buf, size, out, err);

    if (!good)
        return false;
    body->received += *out;
    if (body->received > body->limit)
        return error_tell(err, ERR_BODY_TOO_LARGE, "the body is larger than %ju bytes",
                          (uintmax_t)body->limit);
    return true;
}

static bool body_read(struct source *source, void *buf, size_t size, size_t *out, struct error *err)
{
    struct body *body = container_of(source, struct body, base);

    assert(size > 0);
    if (body->failure) {
        *err = *body->failure;
        return false;
    }
    if (body->framing == BODY_NONE || is_over(body)) {
        *out = 0;
        return true;
    }
    if (read_some(body, buf, size, out, err))
        return true;
    body->failure = arena_alloc(body->exchange->bench->mem, sizeof *body->failure);
    *body->failure = *err;
    return false;
}
