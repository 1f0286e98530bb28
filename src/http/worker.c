#include "http/worker.h"

#include <signal.h>
#include <stdlib.h>

#include "http/accept.h"
#include "http/claim.h"
#include "http/serving.h"
#include "http/standby.h"

#define STACK_BYTES (256 * 1024)
#define BLOCKED_MS 3

/* ---- connections and listeners ---- */

bool listener_arm(struct http_server *server, struct listener *listener, bool is_new)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = listener};

    return epoll_ctl(server->epoll_fd, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, listener->fd,
                     &event) == 0;
}

void worker_drop(struct http_server *server, struct connection *connection)
{
    atomic_fetch_sub(&server->metrics.connections_open, 1);
    connection_close(&server->connections, connection);
}

/* ---- what else it was told of ---- */

static enum event_kind kind_of(const void *what)
{
    return *(const enum event_kind *)what;
}

/* What a worker was told of, and cannot see to now, is told again: to another. */
static void pass_on(struct workbench *bench)
{
    struct worker *worker = container_of(bench, struct worker, bench);

    while (worker->next_event < worker->event_count) {
        void *what = worker->events[worker->next_event++].data.ptr;

        if (kind_of(what) == EVENT_LISTENER)
            accept_from(worker->server, what);
        else if (kind_of(what) == EVENT_CONNECTION && claim_take(what))
            claim_hand_back(worker->server, what);
    }
}

/* ---- threads ---- */

static void unlink_worker(struct worker **list, struct worker *worker)
{
    if (worker->next)
        worker->next->previous = worker->previous;
    if (worker->previous)
        worker->previous->next = worker->next;
    else
        *list = worker->next;
    worker->previous = worker->next = NULL;
}

static void link_worker(struct worker **list, struct worker *worker)
{
    worker->next = *list;
    if (*list)
        (*list)->previous = worker;
    *list = worker;
}

/* Leaves the threads that run; with SURPLUS only if there are more than the least. */
static bool retire(struct worker *worker, bool surplus)
{
    struct http_server *server = worker->server;
    bool retires;

    pthread_mutex_lock(&server->workers_lock);
    retires = !surplus || atomic_load(&server->metrics.threads) > server->limits.threads_min;
    if (retires) {
        unlink_worker(&server->workers, worker);
        link_worker(&server->finished, worker);
        atomic_fetch_sub(&server->metrics.threads, 1);
    }
    pthread_mutex_unlock(&server->workers_lock);
    return retires;
}

/* False once the thread has retired. */
static bool wait_and_serve(struct worker *worker)
{
    struct http_server *server = worker->server;
    int timeout_ms = (int)server->limits.thread_idle_ms;
    int64_t began_us;

    if (!standby_take_place(server))
        return standby_wait(server) || !retire(worker, true);
    worker->next_event = 0;
    worker->event_count = epoll_wait(server->epoll_fd, worker->events, EVENTS_AT_ONCE,
                                     timeout_ms > 0 ? timeout_ms : -1);
    atomic_fetch_sub(&server->waiting, 1);
    if (worker->event_count == 0)
        return !retire(worker, true);
    began_us = clock_monotonic_us();
    while (worker->next_event < worker->event_count) {
        const struct epoll_event *event = &worker->events[worker->next_event++];

        if (kind_of(event->data.ptr) == EVENT_CONNECTION)
            serving_run(worker, event->data.ptr, (event->events & ~(uint32_t)EPOLLIN) != 0);
        else if (kind_of(event->data.ptr) == EVENT_LISTENER)
            accept_from(server, event->data.ptr);
        else
            return !retire(worker, false);
    }
    standby_report(server, &worker->load, worker->event_count, began_us);
    return true;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;

    while (wait_and_serve(worker))
        ;
    return NULL;
}

static void worker_free(struct worker *worker)
{
    arena_free(worker->bench.mem);
    free(worker->bench.inbox.bytes);
    free(worker);
}

static struct worker *worker_new(struct http_server *server)
{
    size_t room = server->limits.head_max_bytes + server->limits.small_body_bytes;
    struct worker *worker = calloc(1, sizeof *worker);
    char *bytes = malloc(room);

    if (!worker || !bytes)
        abort();
    worker->server = server;
    random_pool_init(&worker->random, server->options.random);
    worker->bench = (struct workbench){.server = server,
                                       .mem = arena_new(),
                                       .inbox = {.bytes = bytes, .room = room},
                                       .random = &worker->random.base,
                                       .date_s = -1,
                                       .pass_on = pass_on};
    return worker;
}

/* Signals are for the program's own threads, and SIGPIPE of sendfile for nobody. */
static bool start_thread(struct worker *worker)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    code = pthread_create(&worker->thread, &attributes, worker_main, worker);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0;
}

static bool may_start(struct http_server *server)
{
    return !atomic_load(&server->is_ending) &&
           atomic_load(&server->metrics.threads) < server->limits.threads_max;
}

bool worker_start(struct http_server *server)
{
    struct worker *worker;
    bool started = false;

    if (!may_start(server))
        return false;
    pthread_mutex_lock(&server->workers_lock);
    if (may_start(server)) {
        worker = worker_new(server);
        link_worker(&server->workers, worker);
        atomic_fetch_add(&server->metrics.threads, 1);
        started = start_thread(worker);
        if (!started) {
            atomic_fetch_sub(&server->metrics.threads, 1);
            unlink_worker(&server->workers, worker);
            worker_free(worker);
        }
    }
    pthread_mutex_unlock(&server->workers_lock);
    return started;
}

/* A handler that runs for longer than the coarse clock's tick most likely waits for something. */
static unsigned count_blocked(struct http_server *server)
{
    int64_t now_ms = coarse_now_ms();
    unsigned blocked = 0;

    pthread_mutex_lock(&server->workers_lock);
    for (struct worker *worker = server->workers; worker; worker = worker->next) {
        int64_t since_ms = atomic_load(&worker->busy_since_ms);

        blocked += since_ms != 0 && now_ms - since_ms > BLOCKED_MS;
    }
    pthread_mutex_unlock(&server->workers_lock);
    return blocked;
}

void worker_start_enough(struct http_server *server)
{
    unsigned blocked = count_blocked(server), wanted = blocked + server->limits.threads_min;
    unsigned waiting = atomic_load(&server->waiting), most = atomic_load(&server->waiting_max);

    while (atomic_load(&server->metrics.threads) < wanted && worker_start(server))
        ;
    if ((blocked > 0 || waiting == 0) && waiting < most)
        standby_call(server, most - waiting);
}

unsigned worker_reap(struct http_server *server)
{
    struct worker *finished;

    pthread_mutex_lock(&server->workers_lock);
    finished = take(server->finished);
    pthread_mutex_unlock(&server->workers_lock);
    while (finished) {
        struct worker *next = finished->next;

        pthread_join(finished->thread, NULL);
        worker_free(finished);
        finished = next;
    }
    return atomic_load(&server->metrics.threads);
}
