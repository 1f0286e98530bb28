#include "http/response.h"

#include <assert.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "http/exchange.h"
#include "http/feeds.h"
#include "http/problem.h"
#include "http/standby.h"
#include "http/text.h"

#define GATHER_BYTES (16 * 1024)

/* ---- headers ---- */

static void make_safe(char *value, size_t length)
{
    if (text_is_field_value((struct str){value, length}))
        return;
    for (char *at = value; at < value + length; at++) {
        if (!text_is_field_value((struct str){at, 1}))
            *at = ' ';
    }
}

static const char *safe_value(const char *value, struct arena *mem)
{
    char *copy = arena_strdup(mem, value);

    make_safe(copy, strlen(copy));
    return copy;
}

static void add_header(struct response *res, const char *name, const char *value, bool always)
{
    struct arena *mem = res->exchange->bench->mem;
    struct response_header *header;

    assert(text_is_token(str_from(name)) && res->status == 0);
    if (str_equal_nocase(str_from(name), "Content-Type")) {
        res->content_type = safe_value(value, mem);
        return;
    }
    header = arena_alloc(mem, sizeof *header);
    *header = (struct response_header){arena_strdup(mem, name), safe_value(value, mem), always,
                                       res->headers};
    res->headers = header;
}

void response_header(struct response *res, const char *name, const char *value)
{
    add_header(res, name, value, false);
}

void response_header_always(struct response *res, const char *name, const char *value)
{
    add_header(res, name, value, true);
}

void response_header_printf(struct response *res, const char *name, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_header(res, name, arena_vprintf(res->exchange->bench->mem, fmt, args), false);
    va_end(args);
}

void response_close(struct response *res)
{
    res->wants_close = true;
}

bool response_has_begun(const struct response *res)
{
    return res->status != 0;
}

/* ---- the head ---- */

/* Appends to memory that was measured to be large enough. */
struct pen {
    char *at;
    char *end;
};

static void put(struct pen *pen, const char *text, size_t length)
{
    assert(length <= (size_t)(pen->end - pen->at));
    memcpy(pen->at, text, length);
    pen->at += length;
}

static void put_text(struct pen *pen, const char *text)
{
    put(pen, text, strlen(text));
}

static void put_line(struct pen *pen, const char *name, const char *value)
{
    put_text(pen, name);
    put(pen, ": ", 2);
    put_text(pen, value);
    put(pen, "\r\n", 2);
}

static void put_number(struct pen *pen, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(pen, digits + at, sizeof digits - at);
}

static const char *date_now(struct workbench *bench)
{
    int64_t now_us = clock_now_us(bench->server->options.clock);

    if (now_us / US_PER_S != bench->date_s) {
        bench->date_s = now_us / US_PER_S;
        time_to_http(now_us, bench->date);
    }
    return bench->date;
}

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

bool response_has_body(const struct response *res, int status)
{
    /* The method on the wire, not one put in its place: it is what the client frames answers by. */
    return status_has_body(status) && res->exchange->head.method != METHOD_HEAD;
}

static bool keeps_connection(const struct response *res)
{
    const struct exchange *x = res->exchange;
    uint64_t skip;

    return x->head.keep_alive && !res->wants_close && !atomic_load(&x->is_interrupted) &&
           res->framing != STREAM_TO_CLOSE &&
           !atomic_load_explicit(&x->server->is_stopping, memory_order_relaxed) &&
           body_leaves_connection(&x->body, x->server->limits.drain_max_bytes, &skip);
}

static size_t head_size(const struct response *res)
{
    size_t size = 512 + (res->content_type ? strlen(res->content_type) : 0) +
                  strlen(res->exchange->request.id);

    for (const struct response_header *one = res->headers; one; one = one->next)
        size += strlen(one->name) + strlen(one->value) + 4;
    return size;
}

/* The newest stands first in the list. */
static void put_headers(struct pen *pen, const struct response_header *header)
{
    const struct response_header *last = NULL;

    while (last != header) {
        const struct response_header *one = header;

        while (one->next != last)
            one = one->next;
        put_line(pen, one->name, one->value);
        last = one;
    }
}

static void put_framing(struct pen *pen, struct response *res, int status, uint64_t length)
{
    if (length != RESPONSE_LENGTH_UNKNOWN && status_has_body(status)) {
        put_text(pen, "Content-Length: ");
        put_number(pen, length);
        put(pen, "\r\n", 2);
    } else if (res->framing == STREAM_CHUNKED) {
        put_line(pen, "Transfer-Encoding", "chunked");
    }
    if (!keeps_connection(res)) {
        res->wants_close = true;
        put_line(pen, "Connection", "close");
    } else if (res->exchange->head.is_http_1_0) {
        put_line(pen, "Connection", "keep-alive");
    }
}

static struct iovec make_head(struct response *res, int status, uint64_t length)
{
    struct exchange *x = res->exchange;
    size_t size = head_size(res);
    char *text = arena_alloc(x->bench->mem, size);
    struct pen pen = {text, text + size};

    put_text(&pen, "HTTP/1.1 ");
    put_number(&pen, (uint64_t)status);
    put(&pen, " ", 1);
    put_text(&pen, status_phrase(status));
    put(&pen, "\r\n", 2);
    put_line(&pen, "Date", date_now(x->bench));
    if (res->content_type && status_has_body(status))
        put_line(&pen, "Content-Type", res->content_type);
    put_framing(&pen, res, status, length);
    put_line(&pen, "X-Request-Id", x->request.id);
    put_headers(&pen, res->headers);
    put(&pen, "\r\n", 2);
    return (struct iovec){text, (size_t)(pen.at - text)};
}

/* ---- waiting for the client ---- */

bool response_take_place(struct response *res)
{
    struct http_server *server = res->exchange->server;
    unsigned max = server->limits.answers_max;

    if (res->has_place)
        return true;
    if (atomic_fetch_add(&server->metrics.answers_active, 1) >= max && max > 0) {
        atomic_fetch_sub(&server->metrics.answers_active, 1);
        return false;
    }
    res->has_place = true;
    res->exchange->bench->pass_on(res->exchange->bench);
    standby_relieve(server);
    return true;
}

bool response_may_wait(struct response *res, struct error *err)
{
    return response_take_place(res) ||
           error_set(err, ERR_GONE_CLIENT, "too many answers wait for their readers");
}

void response_done(struct response *res)
{
    if (res->has_place)
        atomic_fetch_sub(&res->exchange->server->metrics.answers_active, 1);
    res->has_place = false;
}

/* Most answers fit into the socket's buffer, and no thread waits for them. */
static bool write_all(struct response *res, struct iovec *iov, unsigned count, bool more,
                      struct error *err)
{
    struct connection *connection = res->exchange->connection;

    if (!res->has_place && !connection_write_now(connection, &iov, &count, more, err))
        return false;
    return count == 0 || (response_may_wait(res, err) &&
                          connection_write(connection, &res->pace, iov, count, more, err));
}

bool response_write(struct response *res, struct iovec *iov, unsigned count, bool more,
                    struct error *err)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < count; i++)
        total += iov[i].iov_len;
    if (!write_all(res, iov, count, more, err)) {
        res->was_cut = true;
        return false;
    }
    res->bytes_out += total;
    return true;
}

bool response_send_head(struct response *res, int status, uint64_t length, const struct iovec *iov,
                        unsigned count, bool more, struct error *err)
{
    struct iovec pieces[3];

    assert(res->status == 0 && count <= 2);
    pieces[0] = make_head(res, status, length);
    res->status = status;
    if (!response_has_body(res, status))
        count = 0;
    for (unsigned i = 0; i < count; i++)
        pieces[i + 1] = iov[i];
    return response_write(res, pieces, count + 1, more, err);
}

/* ---- interim answers ---- */

static bool is_waited_for(const struct response *res)
{
    int unsent = 0;

    return ioctl(res->exchange->connection->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0;
}

static size_t interim_size(const struct interim_field *fields, unsigned count)
{
    size_t size = 128;

    for (unsigned i = 0; i < count; i++)
        size += strlen(fields[i].name) + strlen(fields[i].value) + 4;
    return size;
}

static void put_interim(struct pen *pen, int status, const struct interim_field *fields,
                        unsigned count)
{
    put_text(pen, "HTTP/1.1 ");
    put_number(pen, (uint64_t)status);
    put(pen, " ", 1);
    put_text(pen, status_phrase(status));
    put(pen, "\r\n", 2);
    for (unsigned i = 0; i < count; i++) {
        char *value = pen->at + strlen(fields[i].name) + 2;

        assert(text_is_token(str_from(fields[i].name)));
        put_line(pen, fields[i].name, fields[i].value);
        make_safe(value, strlen(fields[i].value));
    }
    put(pen, "\r\n", 2);
}

/* There may be many for one request: nothing of them stays in its arena. */
bool response_interim(struct response *res, int status, const struct interim_field *fields,
                      unsigned count, bool droppable, struct error *err)
{
    scoped(memory_free) char *text = NULL;
    size_t size = interim_size(fields, count);
    struct iovec interim;
    struct pen pen;

    assert(res->status == 0 && status > 101 && status < 200);
    if (res->exchange->head.is_http_1_0 || (droppable && is_waited_for(res)))
        return true;
    text = malloc(size);
    assert(text);
    pen = (struct pen){text, text + size};
    put_interim(&pen, status, fields, count);
    interim = (struct iovec){text, (size_t)(pen.at - text)};
    return response_write(res, &interim, 1, false, err);
}

/* ---- whole answers ---- */

bool response_text(struct response *res, int status, const char *text, size_t length,
                   struct error *err)
{
    struct iovec body = {(void *)text, length};

    assert(res->content_type);
    return response_send_head(res, status, length, &body, 1, false, err);
}

bool response_json(struct response *res, int status, const char *json, size_t length,
                   struct error *err)
{
    if (!res->content_type)
        res->content_type = "application/json";
    return response_text(res, status, json, length, err);
}

bool response_empty(struct response *res, int status, struct error *err)
{
    return response_send_head(res, status, 0, NULL, 0, false, err);
}

static bool has_header(const struct response *res, const char *name)
{
    for (const struct response_header *one = res->headers; one; one = one->next) {
        if (str_equal_nocase(str_from(one->name), name))
            return true;
    }
    return false;
}

static void drop_headers(struct response *res)
{
    struct response_header **at = &res->headers;

    while (*at) {
        if ((*at)->always)
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
    res->content_type = NULL;
}

static void add_advice(struct response *res, int status)
{
    if (status == 401 && !has_header(res, "WWW-Authenticate"))
        response_header(res, "WWW-Authenticate", "Bearer");
    if ((status == 429 || status == 503) && !has_header(res, "Retry-After"))
        response_header(res, "Retry-After", status == 429 ? "1" : "5");
}

bool response_problem(struct response *res, const struct error *failure, struct error *err)
{
    struct exchange *x = res->exchange;
    int status = error_status(failure);
    size_t length;
    char *json;

    drop_headers(res);
    add_advice(res, status);
    res->content_type = PROBLEM_MEDIA_TYPE;
    json = problem_json(failure, x->request.id, x->bench->mem, &length);
    return response_text(res, status, json, length, err);
}

/* ---- streams ---- */

/* Sends LENGTH bytes of the stream's content in its framing. */
static bool send_piece(struct response *res, const void *bytes, size_t length, struct error *err)
{
    char size[20];
    struct iovec iov[3] = {{size, 0}, {(void *)bytes, length}, {(void *)"\r\n", 2}};

    if (length == 0)
        return true;
    if (res->framing != STREAM_CHUNKED)
        return response_write(res, iov + 1, 1, false, err);
    iov[0].iov_len = (size_t)snprintf(size, sizeof size, "%zx\r\n", length);
    return response_write(res, iov, 3, false, err);
}

bool response_flush(struct response *res, struct error *err)
{
    size_t length = res->gathered_bytes;

    res->gathered_bytes = 0;
    return send_piece(res, res->gathered, length, err);
}

static bool gather(struct response *res, const void *bytes, size_t length, struct error *err)
{
    if (length > GATHER_BYTES - res->gathered_bytes && !response_flush(res, err))
        return false;
    if (length >= GATHER_BYTES)
        return send_piece(res, bytes, length, err);
    memcpy(res->gathered + res->gathered_bytes, bytes, length);
    res->gathered_bytes += length;
    return true;
}

static bool stream_write(struct sink *sink, const void *bytes, size_t length, struct error *err)
{
    struct response *res = container_of(sink, struct response, stream);

    if (res->framing == STREAM_LENGTH) {
        assert(length <= res->stream_left);
        res->stream_left -= length;
    }
    return !response_has_body(res, res->status) || gather(res, bytes, length, err);
}

bool response_stream(struct response *res, int status, uint64_t length, struct sink **out,
                     struct error *err)
{
    if (length != RESPONSE_LENGTH_UNKNOWN)
        res->framing = STREAM_LENGTH;
    else
        res->framing = res->exchange->head.is_http_1_0 ? STREAM_TO_CLOSE : STREAM_CHUNKED;
    res->stream_left = length;
    res->stream.write = stream_write;
    if (response_has_body(res, status))
        res->gathered = arena_alloc(res->exchange->bench->mem, GATHER_BYTES);
    if (!response_send_head(res, status, length, NULL, 0, response_has_body(res, status), err))
        return false;
    *out = &res->stream;
    return true;
}

bool response_feed(struct response *res, struct feed *feed, struct error *err)
{
    struct exchange *x = res->exchange;

    assert(res->content_type);
    if (!feeds_start(x->server->feeds, err))
        return false;
    res->framing = x->head.is_http_1_0 ? STREAM_TO_CLOSE : STREAM_CHUNKED;
    res->wants_close = true;
    if (!response_send_head(res, 200, RESPONSE_LENGTH_UNKNOWN, NULL, 0, false, err))
        return false;
    if (response_has_body(res, 200))
        res->feed = feed;
    else
        feed->free(feed);
    return true;
}

bool response_finish(struct response *res, struct error *err)
{
    struct iovec last = {(void *)"0\r\n\r\n", 5};

    if (res->framing == STREAM_NONE || res->feed)
        return true;
    if (res->framing == STREAM_LENGTH && res->stream_left > 0) {
        res->was_cut = true;
        return error_set(err, ERR_INTERNAL, "the answer is %ju bytes short",
                         (uintmax_t)res->stream_left);
    }
    if (!response_has_body(res, res->status))
        return true;
    if (!response_flush(res, err))
        return false;
    return res->framing != STREAM_CHUNKED || response_write(res, &last, 1, false, err);
}
