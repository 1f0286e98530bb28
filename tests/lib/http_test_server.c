/*
 * A server of toy routes on the HTTP layer, for tests that speak to it over raw sockets.
 *
 *   http-test-server LISTEN… [--NAME=NUMBER…]     limits by name, as in struct http_limits
 *
 * Prints "listening ADDRESS" for each listener and "ready", then serves until SIGTERM (which gives
 * running requests --grace_ms) and prints "stopped".
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "http/digest_header.h"
#include "http/feed.h"
#include "http/multipart.h"
#include "http/problem.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server.h"

#define CONTENT_BYTES (4u * 1024 * 1024)

struct app {
    struct http_server *server;
    int content_fd; /* CONTENT_BYTES bytes: byte i is i * 7 + i / 256 */
    uint32_t grace_ms;
};

static char content_byte(uint64_t i)
{
    return (char)(i * 7 + i / 256);
}

static bool get_hello(struct request *req, struct response *res, struct error *err)
{
    static const char json[] = "{\"hello\":\"world\"}";

    (void)req;
    return response_json(res, 200, json, sizeof json - 1, err);
}

/* Everything the layer says about the request, one "name=value" a line. */
static bool any_echo(struct request *req, struct response *res, struct error *err)
{
    const char *query = "", *text;
    struct str name, value;

    if (!request_query(req, "q", &query, err))
        return false;
    text = arena_printf(req->mem,
                        "method=%s\npath=%s\nquery=%s\nq=%s\nid=%s\nclient=%s\nscheme=%s\nhost=%s\n"
                        "request_id=%s\nurl=%s\n",
                        method_name(req->method), req->path, req->query ? req->query : "(none)",
                        query ? query : "(none)", request_param(req, "id"), req->client,
                        req->scheme, req->host, req->id, request_url(req, "/x"));
    for (size_t i = 0; request_header_at(req, i, &name, &value); i++)
        text = arena_printf(req->mem, "%sheader:%s=%s\n", text, name.ptr, value.ptr);
    response_header(res, "Content-Type", "text/plain");
    return response_text(res, 200, text, strlen(text), err);
}

/* Reads the body and answers its length, a checksum of it, and a trailer. */
static bool post_sum(struct request *req, struct response *res, struct error *err)
{
    struct source *body = request_body(req);
    uint64_t total = 0, sum = 14695981039346656037u, block;
    const char *trailer;
    char *buf, *text;
    size_t got;

    if (!request_query_number(req, "block", 1, 1 << 20, 256 * 1024, &block, err))
        return false;
    buf = arena_alloc(req->mem, (size_t)block);
    do {
        if (!body->read(body, buf, (size_t)block, &got, err))
            return false;
        for (size_t i = 0; i < got; i++)
            sum = (sum ^ (unsigned char)buf[i]) * 1099511628211u;
        total += got;
    } while (got > 0);
    trailer = request_trailer(req, "X-Check");
    text = arena_printf(req->mem, "%ju %016jx %s\n", (uintmax_t)total, (uintmax_t)sum,
                        trailer ? trailer : "-");
    response_header(res, "Content-Type", "text/plain");
    return response_text(res, 200, text, strlen(text), err);
}

/* A small body, echoed. */
static bool post_small(struct request *req, struct response *res, struct error *err)
{
    size_t length;
    char *text;

    if (!request_read_small(req, 1000, &text, &length, err))
        return false;
    return response_json(res, 200, text, length, err);
}

/* Answers without a look at the body. */
static bool post_ignore(struct request *req, struct response *res, struct error *err)
{
    (void)req;
    return response_empty(res, 204, err);
}

static bool post_refuse(struct request *req, struct response *res, struct error *err)
{
    (void)req;
    (void)res;
    error_tell(err, ERR_QUOTA_STORAGE, "the quota is used up");
    return error_limit(err, 1000, 10);
}

/* One line for each part: name, file name, type, length, checksum. */
static bool post_form(struct request *req, struct response *res, struct error *err)
{
    const char *type = request_header(req, "Content-Type"), *boundary, *text = "";
    struct multipart *form;

    if (!multipart_boundary(str_from(type ? type : ""), req->mem, &boundary, err))
        return false;
    form = multipart_new(request_body(req), boundary, req->mem);
    for (;;) {
        uint64_t total = 0, sum = 14695981039346656037u;
        struct multipart_part part;
        char buf[8192];
        size_t got;
        bool found;

        if (!multipart_next(form, &found, &part, err))
            return false;
        if (!found)
            break;
        do {
            if (!part.body->read(part.body, buf, sizeof buf, &got, err))
                return false;
            for (size_t i = 0; i < got; i++)
                sum = (sum ^ (unsigned char)buf[i]) * 1099511628211u;
            total += got;
        } while (got > 0);
        text = arena_printf(req->mem, "%s%s|%s|%s|%ju|%016jx\n", text, part.name,
                            part.filename ? part.filename : "-", part.type ? part.type : "-",
                            (uintmax_t)total, (uintmax_t)sum);
    }
    response_header(res, "Content-Type", "text/plain");
    return response_text(res, 200, text, strlen(text), err);
}

static bool write_content(void *context, uint64_t start, uint64_t length, struct sink *dest,
                          struct error *err)
{
    char block[5000];

    (void)context;
    while (length > 0) {
        size_t step = length < sizeof block ? (size_t)length : sizeof block;

        for (size_t i = 0; i < step; i++)
            block[i] = content_byte(start + i);
        if (!dest->write(dest, block, step, err))
            return false;
        start += step;
        length -= step;
    }
    return true;
}

/* {id} is "fd" or "callback". */
static bool get_content(struct request *req, struct response *res, struct error *err)
{
    struct content content = {.size = CONTENT_BYTES,
                              .type = "audio/wav",
                              .etag = "\"abc\"",
                              .modified_us = INT64_C(1700000000) * US_PER_S,
                              .fd = -1,
                              .write = write_content};
    uint64_t size;

    if (!request_query_number(req, "size", 0, CONTENT_BYTES, CONTENT_BYTES, &size, err))
        return false;
    content.size = size;
    if (strcmp(request_param(req, "id"), "fd") == 0)
        content.fd = req->app->content_fd;
    response_header(res, "Cache-Control", "private");
    return response_content(res, &content, err);
}

/* ?count= pieces of ?size= bytes, with ?length= declared if it is there. */
static bool get_stream(struct request *req, struct response *res, struct error *err)
{
    uint64_t count, size, length;
    struct sink *sink;
    char *piece;

    if (!request_query_number(req, "count", 0, 100000, 10, &count, err) ||
        !request_query_number(req, "size", 1, 1 << 20, 10, &size, err) ||
        !request_query_number(req, "length", 0, UINT64_MAX - 1, RESPONSE_LENGTH_UNKNOWN, &length,
                              err))
        return false;
    piece = arena_alloc(req->mem, (size_t)size);
    memset(piece, 'x', (size_t)size);
    response_header(res, "Content-Type", "text/plain");
    if (!response_stream(res, 200, length, &sink, err))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!sink->write(sink, piece, (size_t)size, err))
            return false;
    }
    return true;
}

/* COUNT interim answers of SIZE bytes and more, then the body's length. */
static bool post_interim(struct request *req, struct response *res, struct error *err)
{
    uint64_t count, size;
    bool droppable;
    char *value;

    if (!request_query_number(req, "count", 0, 100000, 1, &count, err) ||
        !request_query_number(req, "size", 0, 100000, 1, &size, err) ||
        !request_query_bool(req, "droppable", false, &droppable, err))
        return false;
    value = arena_alloc(req->mem, size + 1);
    memset(value, 'x', size);
    for (uint64_t i = 0; i < count; i++) {
        const struct interim_field fields[] = {{"Number", arena_printf(req->mem, "%ju", i)},
                                               {"Value", value},
                                               {"Unsafe", "a\r\nb: c"}};

        if (!response_interim(res, 104, fields, COUNT_OF(fields), droppable, err))
            return false;
    }
    return post_small(req, res, err);
}

static bool options_interim(struct request *req, struct response *res, struct error *err)
{
    (void)req;
    response_header(res, "Accept-Patch", "a/b");
    return response_empty(res, 204, err);
}

/* Fails when part of the answer has been sent. */
static bool get_broken(struct request *req, struct response *res, struct error *err)
{
    struct sink *sink;

    (void)req;
    response_header(res, "Content-Type", "text/plain");
    if (!response_stream(res, 200, RESPONSE_LENGTH_UNKNOWN, &sink, err) ||
        !sink->write(sink, "begun", 5, err) || !response_flush(res, err))
        return false;
    return error_set(err, ERR_INTERNAL, "a secret path /etc/shadow");
}

static bool get_error(struct request *req, struct response *res, struct error *err)
{
    uint64_t number;
    enum error_kind kind;
    int status;
    const char *code, *words;

    if (!request_query_number(req, "kind", 0, 1000, 0, &number, err))
        return false;
    response_header(res, "X-Dropped", "1");
    response_header_always(res, "X-Kept", "1");
    if (!error_kind_at((unsigned)number, &kind, &status, &code, &words))
        return error_set(err, ERR_NOT_FOUND, "no such kind");
    return error_set(err, kind, "a secret path /etc/shadow");
}

static bool get_headers(struct request *req, struct response *res, struct error *err)
{
    const char *value;

    if (!request_query(req, "value", &value, err))
        return false;
    response_header(res, "X-Value", value ? value : "");
    response_header(res, "Set-Cookie", "a=1");
    response_header(res, "Set-Cookie", "b=2");
    return response_empty(res, 204, err);
}

/* Runs until SIGUSR1 comes for the process, or for ?ms=. */
static bool get_sleep(struct request *req, struct response *res, struct error *err)
{
    uint64_t ms;

    if (!request_query_number(req, "ms", 0, 60000, 100, &ms, err))
        return false;
    poll(NULL, 0, (int)ms);
    return get_hello(req, res, err);
}

/* Events until the server stops or the client leaves. */
static bool get_events(struct request *req, struct response *res, struct error *err)
{
    struct sink *sink;

    response_header(res, "Content-Type", "text/event-stream");
    if (!response_stream(res, 200, RESPONSE_LENGTH_UNKNOWN, &sink, err))
        return false;
    while (!request_should_end(req)) {
        if (!sink->write(sink, "data: x\n\n", 9, err) || !response_flush(res, err))
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

/* ?count= pieces of ?size= bytes, one a time that it is asked, then the end; without a count one in
 * each round, for ever. */
struct toy_feed {
    struct feed feed;
    uint64_t count;
    size_t size;
};

static bool fill_toy(struct feed *feed, const struct feed_round *round, struct buf *out)
{
    struct toy_feed *toy = container_of(feed, struct toy_feed, feed);

    (void)round;
    for (size_t i = 0; i < toy->size; i++)
        buf_add(out, "x", 1);
    return toy->count == 0 || --toy->count > 0;
}

static void free_toy(struct feed *feed)
{
    free(container_of(feed, struct toy_feed, feed));
}

static bool get_feed(struct request *req, struct response *res, struct error *err)
{
    scoped(feed_release) struct feed *feed = NULL;
    struct toy_feed *toy;
    uint64_t count, size;

    if (!request_query_number(req, "count", 0, 100000, 0, &count, err) ||
        !request_query_number(req, "size", 1, FEED_FILL_BYTES, 10, &size, err))
        return false;
    toy = calloc(1, sizeof *toy);
    assert(toy);
    *toy = (struct toy_feed){
        .feed = {.fill = fill_toy, .free = free_toy}, .count = count, .size = (size_t)size};
    feed = &toy->feed;
    response_header(res, "Content-Type", "text/plain");
    if (!response_feed(res, feed, err))
        return false;
    (void)take(feed);
    return true;
}

/* Says once that it is there, then nothing. */
static bool fill_silent(struct feed *feed, const struct feed_round *round, struct buf *out)
{
    struct toy_feed *toy = container_of(feed, struct toy_feed, feed);

    (void)round;
    if (toy->count++ == 0)
        buf_add_text(out, "here");
    return true;
}

static bool get_silence(struct request *req, struct response *res, struct error *err)
{
    scoped(feed_release) struct feed *feed = NULL;
    struct toy_feed *toy = calloc(1, sizeof *toy);

    (void)req;
    assert(toy);
    *toy = (struct toy_feed){.feed = {.fill = fill_silent, .free = free_toy}};
    feed = &toy->feed;
    response_header(res, "Content-Type", "text/plain");
    if (!response_feed(res, feed, err))
        return false;
    (void)take(feed);
    return true;
}

static bool get_metrics(struct request *req, struct response *res, struct error *err)
{
    const struct http_metrics *m = http_server_metrics(req->app->server);
    char *json = arena_printf(
        req->mem,
        "{\"open\":%u,\"feeds\":%u,\"active\":%u,\"bodies\":%u,\"answers\":%u,\"threads\":%u,"
        "\"accepted\":%ju,\"refused\":%ju,\"timed_out\":%ju,\"heads_refused\":%ju,"
        "\"bytes_in\":%ju,\"bytes_out\":%ju,\"2xx\":%ju,\"4xx\":%ju,\"5xx\":%ju,\"gone\":%ju}",
        atomic_load(&m->connections_open), atomic_load(&m->feeds_open),
        atomic_load(&m->requests_active), atomic_load(&m->bodies_active),
        atomic_load(&m->answers_active), atomic_load(&m->threads),
        (uintmax_t)atomic_load(&m->connections_accepted),
        (uintmax_t)atomic_load(&m->connections_refused),
        (uintmax_t)atomic_load(&m->connections_timed_out),
        (uintmax_t)atomic_load(&m->heads_refused), (uintmax_t)atomic_load(&m->bytes_in),
        (uintmax_t)atomic_load(&m->bytes_out), (uintmax_t)atomic_load(&m->requests[2]),
        (uintmax_t)atomic_load(&m->requests[4]), (uintmax_t)atomic_load(&m->requests[5]),
        (uintmax_t)atomic_load(&m->requests[0]));

    return response_json(res, 200, json, strlen(json), err);
}

static bool get_rest(struct request *req, struct response *res, struct error *err)
{
    const char *key = request_param(req, "key");

    response_header(res, "Content-Type", "text/plain");
    return response_text(res, 200, key, strlen(key), err);
}

static const struct route routes[] = {
    {METHOD_GET, "/hello", get_hello, ROUTE_LOG_QUIET | ROUTE_QUICK, NULL},
    {METHOD_GET, "/echo/{id}", any_echo, 0, NULL},
    {METHOD_PUT, "/echo/{id}", any_echo, 0, NULL},
    {METHOD_POST, "/sum", post_sum, ROUTE_STREAMS, NULL},
    {METHOD_POST, "/small", post_small, 0, NULL},
    {METHOD_POST, "/limited", post_sum, 0, NULL},
    {METHOD_POST, "/ignore", post_ignore, ROUTE_STREAMS, NULL},
    {METHOD_POST, "/refuse", post_refuse, ROUTE_STREAMS, NULL},
    {METHOD_POST, "/form", post_form, ROUTE_STREAMS, NULL},
    {METHOD_GET, "/content/{id}", get_content, 0, NULL},
    {METHOD_GET, "/stream", get_stream, 0, NULL},
    {METHOD_GET, "/broken", get_broken, 0, NULL},
    {METHOD_POST, "/interim", post_interim, ROUTE_STREAMS, NULL},
    {METHOD_OPTIONS, "/interim", options_interim, 0, NULL},
    {METHOD_GET, "/error", get_error, 0, NULL},
    {METHOD_GET, "/headers", get_headers, 0, NULL},
    {METHOD_GET, "/sleep", get_sleep, 0, NULL},
    {METHOD_GET, "/events", get_events, 0, NULL},
    {METHOD_GET, "/feed", get_feed, 0, NULL},
    {METHOD_GET, "/silence", get_silence, 0, NULL},
    {METHOD_GET, "/metrics", get_metrics, ROUTE_LOG_QUIET, NULL},
    {METHOD_GET, "/files/{key...}", get_rest, 0, NULL},
};

#define LIMIT(name)                                         \
    {                                                       \
        "--" #name "=", offsetof(struct http_limits, name), \
            sizeof(((struct http_limits *)0)->name)         \
    }

static const struct {
    const char *flag;
    size_t offset;
    size_t size;
} limit_flags[] = {
    LIMIT(head_timeout_ms),  LIMIT(idle_timeout_ms),  LIMIT(linger_ms),
    LIMIT(head_max_bytes),   LIMIT(target_max_bytes), LIMIT(headers_max),
    LIMIT(body_min_rate),    LIMIT(send_min_rate),    LIMIT(rate_window_ms),
    LIMIT(rate_grace_ms),    LIMIT(feed_stall_ms),    LIMIT(json_body_max_bytes),
    LIMIT(small_body_bytes), LIMIT(drain_max_bytes),  LIMIT(bodies_max),
    LIMIT(answers_max),      LIMIT(connections_max),  LIMIT(connections_per_address_max),
    LIMIT(threads_min),      LIMIT(threads_max),      LIMIT(thread_idle_ms),
};

static bool set_limit(struct http_limits *limits, const char *argument)
{
    for (size_t i = 0; i < COUNT_OF(limit_flags); i++) {
        size_t length = strlen(limit_flags[i].flag);
        uint64_t value;

        if (strncmp(argument, limit_flags[i].flag, length) != 0)
            continue;
        value = strtoull(argument + length, NULL, 10);
        memcpy((char *)limits + limit_flags[i].offset, &value, limit_flags[i].size);
        return true;
    }
    return false;
}

static void *stop_on_signal(void *argument)
{
    struct app *app = argument;
    sigset_t wanted;
    int number;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    while (sigwait(&wanted, &number) != 0)
        ;
    http_server_stop(app->server, app->grace_ms);
    return NULL;
}

static int make_content(void)
{
    int fd = memfd_create("content", MFD_CLOEXEC);
    char *bytes = malloc(CONTENT_BYTES);

    assert(fd >= 0 && bytes);
    for (size_t i = 0; i < CONTENT_BYTES; i++)
        bytes[i] = content_byte(i);
    if (write(fd, bytes, CONTENT_BYTES) != CONTENT_BYTES)
        abort();
    free(bytes);
    return fd;
}

static void die(const struct error *err)
{
    fprintf(stderr, "%s\n", err->log);
    exit(2);
}

static bool is_listen(const char *argument)
{
    return strncmp(argument, "--", 2) != 0;
}

static void read_flags(int argc, char **argv, struct http_options *options, struct app *app)
{
    for (int i = 1; i < argc; i++) {
        if (is_listen(argv[i]) || strcmp(argv[i], "--inherit") == 0)
            continue;
        if (strncmp(argv[i], "--trust=", 8) == 0)
            options->trusted_proxies = argv[i] + 8;
        else if (strncmp(argv[i], "--grace_ms=", 11) == 0)
            app->grace_ms = (uint32_t)strtoul(argv[i] + 11, NULL, 10);
        else if (strcmp(argv[i], "--quiet") == 0)
            log_setup(LOG_ERROR, LOG_LOGFMT);
        else if (!set_limit(&options->limits, argv[i])) {
            fprintf(stderr, "unknown flag %s\n", argv[i]);
            exit(2);
        }
    }
}

static void listen_everywhere(struct http_server *server, int argc, char **argv)
{
    struct error err;
    unsigned inherited;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--inherit") == 0) {
            if (!http_server_listen_inherited(server, &inherited, &err))
                die(&err);
        } else if (is_listen(argv[i]) && !http_server_listen(server, argv[i], &err)) {
            die(&err);
        }
    }
    for (size_t i = 0; http_server_address_at(server, i); i++)
        printf("listening %s\n", http_server_address_at(server, i));
    printf("ready\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct app app = {.content_fd = make_content(), .grace_ms = 5000};
    struct http_options options = {.routes = routes,
                                   .route_count = COUNT_OF(routes),
                                   .app = &app,
                                   .clock = &clock_system,
                                   .random = &random_system};
    struct error err;
    pthread_t signals;
    sigset_t blocked;

    http_limits_default(&options.limits);
    read_flags(argc, argv, &options, &app);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    if (!http_server_new(&options, &app.server, &err))
        die(&err);
    pthread_create(&signals, NULL, stop_on_signal, &app);
    listen_everywhere(app.server, argc, argv);
    if (!http_server_run(app.server, &err))
        die(&err);
    pthread_join(signals, NULL);
    http_server_free(app.server);
    close(app.content_fd);
    printf("stopped\n");
    return 0;
}
