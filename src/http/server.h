/*
 * The HTTP/1.1 server: listeners, connections, worker threads, limits, graceful stop.
 *
 * One epoll (ONESHOT) on which all worker threads wait. The one that is woken accepts, or reads
 * what has come of a head without blocking; once the head is complete it runs the handler as
 * straight-line code that may block, and then gives the connection back to the epoll. Connections
 * that wait hold neither a thread nor a buffer, also in the middle of an answer that goes on for
 * long (http/feed.h). Knows nothing of what the routes do.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/metrics.h"
#include "http/router.h"

/* Times in milliseconds, sizes in bytes, rates in bytes per second; 0 turns a limit of rate, time
 * or number off, except that sizes, threads_min and threads_max must be given. */
struct http_limits {
    uint32_t head_timeout_ms; /* for a whole head, and a small body with it, from its first byte */
    uint32_t idle_timeout_ms; /* between requests, and before the first */
    uint32_t linger_ms;       /* for a refused client to read the answer and close */
    size_t head_max_bytes;    /* request line and headers; beyond: 431 */
    size_t target_max_bytes;  /* the request target; beyond: 414 */
    unsigned headers_max;     /* header lines; beyond: 431 */
    uint64_t body_min_rate;   /* of a body that arrives, over each rate_window_ms */
    uint64_t send_min_rate;   /* of an answer that leaves, over each rate_window_ms */
    uint32_t rate_window_ms;  /* also the longest time in which nothing moves */
    uint32_t rate_grace_ms;   /* the minimum rates do not hold before */
    uint32_t feed_stall_ms;   /* the longest time in which a feed's reader takes nothing */
    uint64_t json_body_max_bytes; /* of routes without ROUTE_STREAMS */
    size_t small_body_bytes;      /* bodies up to this are awaited without holding a thread */
    uint64_t drain_max_bytes;     /* of an unread body, skipped to keep the connection */
    unsigned bodies_max;          /* other bodies received at once; beyond: 503 */
    unsigned answers_max;         /* large contents sent at once; beyond: 503 */
    unsigned connections_max;     /* beyond: 503, closed */
    unsigned connections_per_address_max; /* beyond: 429, closed; unix sockets are exempt */
    unsigned threads_min;    /* worker threads that are not blocked in a handler, at least */
    unsigned threads_max;    /* at most; must exceed bodies_max and answers_max together */
    uint32_t thread_idle_ms; /* after which a thread above threads_min with nothing to do ends */
};

/* The limits that fit a server open to the internet. */
void http_limits_default(struct http_limits *out);

struct http_options {
    const struct route *routes; /* must outlive the server */
    size_t route_count;
    struct http_limits limits;
    const char *trusted_proxies; /* "127.0.0.0/8, ::1, unix": whose X-Forwarded-For, -Proto, -Host,
                                    Forwarded and X-Request-Id are believed. NULL: nobody's */
    struct app *app;             /* handed to every request */
    const struct clock *clock;
    const struct random_source *random;
    /* Called for each request before its route is looked for, in its thread; NULL: nothing. It sets
     * headers that stay whatever becomes of the request (response_header_always), and may put
     * another method in the place of the one that was sent. */
    void (*before)(struct request *req, struct response *res);
    /* Called at the end of each request, in its thread, when it has been answered; NULL: nothing.
     */
    void (*after)(struct request *req);
};

struct http_server;

/* Makes a server that listens nowhere yet; OPTIONS is copied. Fails with ERR_INVALID if
 * trusted_proxies is malformed, ERR_UNAVAILABLE if the system has no descriptors left. */
bool http_server_new(const struct http_options *options, struct http_server **out,
                     struct error *err);
/* After http_server_run has returned, or without it. Closes what is open and removes unix sockets.
 */
void http_server_free(struct http_server *server);
DEFINE_RELEASE(http_server, struct http_server)

/*
 * Listens at WHERE: "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (both families), ":8080" (all
 * addresses), port 0 for any free one; or "unix:/run/x.sock", optionally
 * "unix:/run/x.sock?mode=0660", replacing a socket that nobody listens on. May be called several
 * times, before http_server_run.
 *
 * Fails with ERR_INVALID if WHERE is malformed, ERR_EXISTS if the address is in use,
 * ERR_UNAVAILABLE.
 */
bool http_server_listen(struct http_server *server, const char *where, struct error *err);
/* Whether WHERE has the form that http_server_listen takes; names are not looked up. ERR_INVALID.
 */
bool http_listen_check(const char *where, struct error *err);
/* Takes over the sockets of systemd's socket activation (LISTEN_PID, LISTEN_FDS); *COUNT says how
 * many, 0 if there are none. */
bool http_server_listen_inherited(struct http_server *server, unsigned *count, struct error *err);
/* Where it listens, as a client would write it ("127.0.0.1:8080", "unix:/run/x.sock"); NULL past
 * the last. */
const char *http_server_address_at(const struct http_server *server, size_t index);

/* Serves until http_server_stop and its grace are over. The calling thread becomes a supervisor of
 * deadlines and threads. False only if it could not start. */
bool http_server_run(struct http_server *server, struct error *err);
/*
 * Ends the server: closes the listeners and idle connections at once, lets requests that run finish
 * for at most GRACE_MS, then cuts them off. Returns at once; from any thread and from signal
 * handlers. A second call can only shorten the grace.
 */
void http_server_stop(struct http_server *server, uint32_t grace_ms);
bool http_server_is_stopping(const struct http_server *server);

/* Asks all feeds (http/feed.h) for what there is, soon; costs next to nothing while there are none.
 * From any thread. */
void http_server_wake_feeds(struct http_server *server);

const struct http_metrics *http_server_metrics(const struct http_server *server);
const struct router *http_server_router(const struct http_server *server);

#endif
