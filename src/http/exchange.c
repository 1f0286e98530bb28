#include "http/exchange.h"

#include <assert.h>

#include "base/log.h"
#include "http/standby.h"

#define REQUEST_ID_MAX 128
#define PATH_SHOWN_MAX 1024 /* bytes of it in the log: what follows it must have its place */

/* ---- who asks ---- */

static bool is_sane_id(const char *id)
{
    size_t length = strlen(id);

    for (size_t i = 0; i < length; i++) {
        char c = id[i];
        bool is_alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_alphanumeric && !strchr("-_.:+/=", c))
            return false;
    }
    return length > 0 && length <= REQUEST_ID_MAX;
}

static void choose_id(struct exchange *x)
{
    const struct http_options *options = &x->server->options;
    const char *given = x->is_trusted ? request_header(&x->request, "X-Request-Id") : NULL;

    if (given && is_sane_id(given)) {
        x->request.id = given;
        return;
    }
    uuid_format(uuid_new(options->clock, x->bench->random), x->id);
    x->request.id = x->id;
}

static void see_client(struct exchange *x)
{
    const struct address *peer = &x->connection->peer;
    struct request *req = &x->request;
    const char *host = request_header(req, "Host");
    struct forwarded seen = {*peer, "http", NULL};

    if (x->is_trusted) {
        struct forwarded_headers headers = {
            request_header(req, "Forwarded"), request_header(req, "X-Forwarded-For"),
            request_header(req, "X-Forwarded-Proto"), request_header(req, "X-Forwarded-Host")};

        forwarded_resolve(&x->server->trusted, peer, &headers, x->bench->mem, &seen);
    }
    if (x->is_trusted)
        address_format(&seen.client, x->client);
    else
        memcpy(x->client, x->connection->peer_text, sizeof x->client);
    req->client = x->client;
    req->scheme = seen.scheme;
    req->host = seen.host ? seen.host : host ? host : "";
}

static void prepare(struct exchange *x)
{
    const struct http_limits *limits = &x->server->limits;
    struct workbench *bench = x->bench;

    x->request = (struct request){.method = x->head.method,
                                  .path = x->head.path,
                                  .query = x->head.query,
                                  .app = x->server->options.app,
                                  .mem = bench->mem,
                                  .started_us = clock_monotonic_us()};
    x->response.exchange = x;
    x->response.pace = (struct pace){.min_rate = limits->send_min_rate,
                                     .window_us = (int64_t)limits->rate_window_ms * 1000,
                                     .grace_us = (int64_t)limits->rate_grace_ms * 1000};
    x->is_trusted = networks_contain(&x->server->trusted, &x->connection->peer);
    choose_id(x);
    see_client(x);
}

/* ---- the answer ---- */

static bool find_route(struct exchange *x, struct error *err)
{
    const struct router *router = x->server->router;
    struct str path = str_from(x->head.path);
    const char *allow;

    if (router_match(router, x->request.method, path, x->bench->mem, &x->match, err)) {
        x->request.route = x->match.route;
        return true;
    }
    if (err->kind == ERR_METHOD && (allow = router_allow(router, path, x->bench->mem)))
        response_header_always(&x->response, "Allow", allow);
    return false;
}

/* What an OPTIONS route has to say comes on top of this. */
static void tell_methods(struct exchange *x)
{
    const char *allow = router_allow(x->server->router, str_from(x->head.path), x->bench->mem);

    response_header_always(&x->response, "Allow", allow ? allow : "OPTIONS");
}

static bool changes_something(enum http_method method)
{
    return method != METHOD_GET && method != METHOD_HEAD && method != METHOD_OPTIONS;
}

static bool run_handler(struct exchange *x, struct error *err)
{
    const struct route *route = x->match.route;

    body_init(&x->body, x);
    if (route->method == METHOD_OPTIONS)
        tell_methods(x);
    if (x->head.length > x->body.limit)
        return error_tell(err, ERR_BODY_TOO_LARGE, "the body is larger than %ju bytes",
                          (uintmax_t)x->body.limit);
    if (!(route->flags & ROUTE_QUICK))
        x->bench->pass_on(x->bench);
    if (changes_something(x->request.method)) /* and so waits for a disk */
        standby_relieve(x->server);
    if (!route->handler(&x->request, &x->response, err))
        return false;
    assert(response_has_begun(&x->response));
    return response_finish(&x->response, err);
}

static bool answer(struct exchange *x, struct error *err)
{
    if (find_route(x, err))
        return run_handler(x, err);
    body_init(&x->body, x);
    if (x->request.method == METHOD_OPTIONS && err->kind == ERR_METHOD)
        return response_empty(&x->response, 204, err); /* Allow is set already */
    return false;
}

/* ---- the books ---- */

static void count_latency(struct http_metrics *metrics, int64_t elapsed_us)
{
    static const int64_t bounds_us[] = HTTP_LATENCY_BOUNDS_US;
    size_t bucket = 0;

    while (bucket < COUNT_OF(bounds_us) && elapsed_us > bounds_us[bucket])
        bucket++;
    atomic_fetch_add_explicit(&metrics->latency[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->latency_sum_us, (uint_fast64_t)elapsed_us,
                              memory_order_relaxed);
}

static enum log_level level_of(const struct exchange *x, int status)
{
    if (status >= 500)
        return LOG_ERROR;
    if (x->match.route && x->match.route->flags & ROUTE_LOG_QUIET && status < 400)
        return LOG_DEBUG;
    return LOG_INFO;
}

static const char *shown_path(const struct exchange *x)
{
    const char *path = x->request.path;

    if (strlen(path) <= PATH_SHOWN_MAX)
        return path;
    return arena_printf(x->bench->mem, "%.*s...", PATH_SHOWN_MAX, path);
}

static void write_log(const struct exchange *x, int status, int64_t elapsed_us,
                      const struct error *failure)
{
    enum log_level level = level_of(x, status);

    if (!log_enabled(level))
        return;
    log_event(level, "request", log_text("method", method_name(x->request.method)),
              log_text("path", shown_path(x)), log_int("status", status),
              log_int("bytes_in", x->body.received), log_int("bytes_out", x->response.bytes_out),
              log_int("us", elapsed_us), log_text("client", x->client),
              log_text("request_id", x->request.id),
              log_text("error", failure ? failure->log : NULL));
}

static void record(struct exchange *x, const struct error *failure)
{
    struct http_metrics *metrics = &x->server->metrics;
    int64_t elapsed_us = clock_monotonic_us() - x->request.started_us;
    bool gone = failure && failure->kind == ERR_GONE_CLIENT;
    int status = gone ? error_status(failure) : x->response.status;

    atomic_fetch_add_explicit(&metrics->requests[gone ? 0 : status / 100], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->bytes_in, x->body.received, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->bytes_out, x->response.bytes_out, memory_order_relaxed);
    count_latency(metrics, elapsed_us);
    write_log(x, status, elapsed_us, failure);
}

/* Sends the problem for FAILURE, unless an answer has begun or nobody is there to read one. */
static void answer_failure(struct exchange *x, const struct error *failure)
{
    struct error ignored;

    if (response_has_begun(&x->response))
        x->response.was_cut = true;
    else if (failure->kind == ERR_GONE_CLIENT)
        x->response.was_cut = true;
    else
        response_problem(&x->response, failure, &ignored);
}

static enum exchange_end end_of(struct exchange *x)
{
    uint64_t skip;
    bool clean = body_leaves_connection(&x->body, x->server->limits.drain_max_bytes, &skip);

    if (x->response.feed)
        return EXCHANGE_FEED;
    if (x->response.was_cut)
        return EXCHANGE_CLOSE;
    if (x->response.wants_close || atomic_load(&x->is_interrupted))
        return clean && skip == 0 ? EXCHANGE_CLOSE : EXCHANGE_LINGER;
    /* What of it has come already is in the inbox, and skipped from there first. */
    x->connection->skip_bytes = (size_t)skip;
    return EXCHANGE_KEEP;
}

enum exchange_end exchange_run(struct exchange *x, const struct head *head)
{
    struct http_metrics *metrics = &x->server->metrics;
    struct error failure;
    bool good;

    x->head = *head;
    prepare(x);
    atomic_fetch_add_explicit(&metrics->requests_active, 1, memory_order_relaxed);
    if (x->server->options.before)
        x->server->options.before(&x->request, &x->response);
    good = answer(x, &failure);
    if (!good)
        answer_failure(x, &failure);
    if (x->server->options.after)
        x->server->options.after(&x->request);
    body_done(&x->body);
    response_done(&x->response);
    record(x, good ? NULL : &failure);
    atomic_fetch_sub_explicit(&metrics->requests_active, 1, memory_order_relaxed);
    return end_of(x);
}

void exchange_refuse(struct exchange *x, const struct error *err)
{
    x->head = (struct head){.method = METHOD_OTHER, .path = "", .target = {"", 0}};
    prepare(x);
    response_close(&x->response);
    answer_failure(x, err);
    response_done(&x->response);
    atomic_fetch_add_explicit(&x->server->metrics.heads_refused, 1, memory_order_relaxed);
    record(x, err);
}
