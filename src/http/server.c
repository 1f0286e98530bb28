#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "http/feeds.h"
#include "http/standby.h"
#include "http/worker.h"

#define TICK_MAX_MS 250
#define TICK_STOPPING_MS 10
#define CROWDED_MS 5

void http_limits_default(struct http_limits *out)
{
    *out = (struct http_limits){
        .head_timeout_ms = 10 * 1000,
        .idle_timeout_ms = 75 * 1000,
        .linger_ms = 2 * 1000,
        .head_max_bytes = 16 * 1024,
        .target_max_bytes = 8 * 1024,
        .headers_max = 100,
        .body_min_rate = 1024,
        .send_min_rate = 1024,
        .rate_window_ms = 15 * 1000,
        .rate_grace_ms = 15 * 1000,
        .feed_stall_ms = 30 * 1000,
        .json_body_max_bytes = 1024 * 1024,
        .small_body_bytes = 16 * 1024,
        .drain_max_bytes = 256 * 1024,
        .bodies_max = 128,
        .answers_max = 192,
        .connections_max = 16 * 1024,
        .connections_per_address_max = 8 * 1024,
        .threads_min = 16,
        .threads_max = 384,
        .thread_idle_ms = 10 * 1000,
    };
}

static bool make_descriptors(struct http_server *server, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->end_event};

    server->end_event = EVENT_END;
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->epoll_fd >= 0 && server->wake_fd >= 0 && server->end_fd >= 0 &&
        epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->end_fd, &event) == 0)
        return true;
    return error_errno(err, "make the server's descriptors");
}

bool http_server_new(const struct http_options *options, struct http_server **out,
                     struct error *err)
{
    scoped(http_server_release) struct http_server *server = calloc(1, sizeof *server);
    const struct http_limits *limits = &options->limits;

    if (!server)
        abort();
    assert(limits->head_max_bytes > 0 && limits->threads_min > 0 &&
           limits->threads_max >= limits->threads_min &&
           limits->threads_max > limits->bodies_max + limits->answers_max);
    server->options = *options;
    server->limits = *limits;
    server->mem = arena_new();
    server->router = router_new(options->routes, options->route_count);
    server->epoll_fd = server->wake_fd = server->end_fd = -1;
    pthread_mutex_init(&server->workers_lock, NULL);
    standby_init(server);
    connection_table_init(&server->connections);
    server->feeds = feeds_new(server);
    atomic_store(&server->cut_at_ms, INT64_MAX);
    if (!networks_parse(options->trusted_proxies, server->mem, &server->trusted, err))
        return error_context(err, "trusted proxies");
    if (!make_descriptors(server, err))
        return false;
    *out = take(server);
    return true;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    listeners_close(&server->listeners);
    feeds_free(server->feeds);
    connection_table_done(&server->connections);
    fd_close(&server->epoll_fd);
    fd_close(&server->wake_fd);
    fd_close(&server->end_fd);
    router_free(server->router);
    arena_free(server->mem);
    pthread_mutex_destroy(&server->workers_lock);
    standby_done(server);
    free(server);
}

bool http_server_listen(struct http_server *server, const char *where, struct error *err)
{
    return listeners_add(&server->listeners, where, err);
}

bool http_server_listen_inherited(struct http_server *server, unsigned *count, struct error *err)
{
    return listeners_inherit(&server->listeners, count, err);
}

const char *http_server_address_at(const struct http_server *server, size_t index)
{
    return index < server->listeners.count ? server->listeners.list[index].name : NULL;
}

/* ---- the supervisor ---- */

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return b > 0 && b < a ? b : a;
}

static int64_t least_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* An eighth of the shortest time limit, so that none is overdrawn by more. */
static int tick_ms(const struct http_server *server)
{
    const struct http_limits *limits = &server->limits;
    uint32_t shortest = 8 * TICK_MAX_MS;

    if (atomic_load(&server->is_stopping))
        return TICK_STOPPING_MS;
    shortest = least_of(shortest, limits->head_timeout_ms);
    shortest = least_of(shortest, limits->idle_timeout_ms);
    shortest = least_of(shortest, limits->linger_ms);
    return shortest < 80 ? 10 : (int)(shortest / 8);
}

static void wait_for_wake(struct http_server *server, int64_t most_ms)
{
    struct pollfd wake = {server->wake_fd, POLLIN, 0};
    uint64_t count;

    if (poll(&wake, 1, (int)most_ms) == 1)
        (void)!read(server->wake_fd, &count, sizeof count);
}

/* Threads in place of those whose handlers block; asked again while nobody waits for an event. */
static void relieve(struct http_server *server)
{
    atomic_store(&server->is_crowded, false);
    worker_start_enough(server);
    if (atomic_load(&server->waiting) == 0)
        atomic_store(&server->is_crowded, true);
}

/* Waits for the time at which to look at everything, and relieves handlers that block meanwhile;
 * quick ones are done within CROWDED_MS. */
static void wait_for_tick(struct http_server *server)
{
    int64_t tick_at_ms = coarse_now_ms() + tick_ms(server), left_ms;

    while ((left_ms = tick_at_ms - coarse_now_ms()) > 0) {
        bool crowded = atomic_load(&server->is_crowded);

        wait_for_wake(server, crowded ? least_ms(left_ms, CROWDED_MS) : left_ms);
        if (atomic_load(&server->is_stopping))
            tick_at_ms = least_ms(tick_at_ms, coarse_now_ms() + TICK_STOPPING_MS);
        if (crowded)
            relieve(server);
    }
}

static void resume_listeners(struct http_server *server)
{
    for (size_t i = 0; i < server->listeners.count; i++) {
        struct listener *listener = &server->listeners.list[i];

        pthread_mutex_lock(&listener->lock);
        if (listener->is_paused && listener->fd >= 0)
            listener->is_paused = !listener_arm(server, listener, false);
        pthread_mutex_unlock(&listener->lock);
    }
}

/* One look at everything that is not due to a client's bytes. False when all has ended. */
static bool supervise(struct http_server *server)
{
    int64_t now_ms = coarse_now_ms();

    worker_reap(server);
    worker_start_enough(server);
    connection_sweep(&server->connections, SWEEP_DUE, now_ms);
    if (!atomic_load(&server->is_stopping)) {
        resume_listeners(server);
        return true;
    }
    listeners_close(&server->listeners);
    feeds_wake(server->feeds); /* they end */
    if (now_ms >= atomic_load(&server->cut_at_ms))
        atomic_store(&server->is_cut, true);
    connection_sweep(&server->connections, atomic_load(&server->is_cut) ? SWEEP_ALL : SWEEP_IDLE,
                     now_ms);
    return atomic_load(&server->metrics.connections_open) > 0;
}

static void end_workers(struct http_server *server)
{
    uint64_t one = 1;

    atomic_store(&server->is_ending, true);
    (void)!write(server->end_fd, &one, sizeof one);
    standby_call(server, UINT_MAX);
    while (worker_reap(server) > 0)
        poll(NULL, 0, 1);
    worker_reap(server); /* those that ended between the look at the list and the count */
}

static bool start(struct http_server *server, struct error *err)
{
    for (unsigned i = 0; i < server->limits.threads_min; i++) {
        if (!worker_start(server))
            return error_set(err, ERR_UNAVAILABLE, "cannot start the worker threads");
    }
    for (size_t i = 0; i < server->listeners.count; i++) {
        if (!listener_arm(server, &server->listeners.list[i], true))
            return error_errno(err, "wait for connections");
    }
    return true;
}

bool http_server_run(struct http_server *server, struct error *err)
{
    bool started = start(server, err);

    if (started) {
        do
            wait_for_tick(server);
        while (supervise(server));
    }
    end_workers(server);
    return started;
}

void http_server_stop(struct http_server *server, uint32_t grace_ms)
{
    int64_t cut_at_ms = coarse_now_ms() + grace_ms;
    int_fast64_t before = atomic_load(&server->cut_at_ms);
    uint64_t one = 1;

    while (cut_at_ms < before &&
           !atomic_compare_exchange_weak(&server->cut_at_ms, &before, cut_at_ms))
        ;
    atomic_store(&server->is_stopping, true);
    (void)!write(server->wake_fd, &one, sizeof one);
}

bool http_server_is_stopping(const struct http_server *server)
{
    return atomic_load(&server->is_stopping);
}

void http_server_wake_feeds(struct http_server *server)
{
    feeds_wake(server->feeds);
}

const struct http_metrics *http_server_metrics(const struct http_server *server)
{
    return &server->metrics;
}

const struct router *http_server_router(const struct http_server *server)
{
    return server->router;
}
