#include "http/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "http/accept.h"
#include "http/claim.h"
#include "http/exchange.h"
#include "http/feeds.h"
#include "http/standby.h"

#define STACK_BYTES (256 * 1024)
#define READS_AT_ONCE 256 /* of one connection, before others have their turn */
#define EVENTS_AT_ONCE 4  /* served one after the other, unless one has to wait */
#define PATIENCE 2        /* reads of one connection that the others of these events wait for */
#define BLOCKED_MS 3

struct worker {
    struct http_server *server;
    pthread_t thread;
    struct workbench bench;
    struct random_pool random;
    struct exchange exchange;
    bool was_filled; /* the last read, to the brim: there may be more */
    struct epoll_event events[EVENTS_AT_ONCE];
    int event_count, next_event;
    atomic_int_fast64_t busy_since_ms; /* coarse; 0: it runs no handler */
    struct worker *previous, *next;
};

/* ---- giving connections back ---- */

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

static size_t waiting_bytes(const struct worker *worker)
{
    return worker->bench.inbox.end - worker->bench.inbox.start;
}

static void keep_partial(struct worker *worker, struct connection *connection)
{
    const struct inbox *inbox = &worker->bench.inbox;

    connection->partial_bytes = waiting_bytes(worker);
    if (connection->partial_bytes == 0)
        return;
    connection->partial = malloc(connection->partial_bytes);
    if (!connection->partial)
        abort();
    memcpy(connection->partial, inbox->bytes + inbox->start, connection->partial_bytes);
}

static void take_partial(struct worker *worker, struct connection *connection)
{
    struct inbox *inbox = &worker->bench.inbox;

    inbox->start = 0;
    inbox->end = connection->partial_bytes;
    if (connection->partial)
        memcpy(inbox->bytes, connection->partial, connection->partial_bytes);
    free(take(connection->partial));
    connection->partial_bytes = 0;
}

static int64_t next_due_ms(const struct http_server *server, struct connection *connection,
                           bool is_idle)
{
    const struct http_limits *limits = &server->limits;
    int64_t now_ms = coarse_now_ms();

    if (connection->is_lingering)
        return connection->head_due_ms;
    if (is_idle)
        return idle_due_ms(limits);
    if (connection->head_due_ms == 0 && limits->head_timeout_ms > 0)
        connection->head_due_ms = now_ms + limits->head_timeout_ms;
    return connection->head_due_ms;
}

/* A stay with a connection begins, or goes on: it is not waiting for its client any more. */
static void unpark(struct worker *worker, struct connection *connection)
{
    atomic_store(&connection->due_ms, 0);
    atomic_store(&connection->is_idle, false);
    worker->was_filled = false;
    take_partial(worker, connection);
}

/* Nothing more can be done until the client sends something. False if it has, meanwhile. */
static bool park(struct worker *worker, struct connection *connection, bool is_read)
{
    struct http_server *server = worker->server;
    bool is_idle =
        waiting_bytes(worker) == 0 && connection->skip_bytes == 0 && !connection->is_lingering;

    if (is_idle && atomic_load(&server->is_stopping)) {
        worker_drop(server, connection);
        return true;
    }
    keep_partial(worker, connection);
    atomic_store(&connection->is_idle, is_idle);
    atomic_store(&connection->due_ms, next_due_ms(server, connection, is_idle));
    if (is_read && !connection->is_muted)
        return claim_release(connection);
    claim_hand_back(server, connection);
    return true;
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

/* ---- serving ---- */

enum turn {
    TURN_AGAIN,
    TURN_NEEDS_BYTES,
    TURN_PARK,
    TURN_CLOSE,
    TURN_GIVEN /* the connection is another's, and may be gone */
};

static struct exchange *fresh_exchange(struct worker *worker, struct connection *connection)
{
    struct exchange *x = &worker->exchange;

    memset(x, 0, sizeof *x);
    x->server = worker->server;
    x->bench = &worker->bench;
    x->connection = connection;
    return x;
}

/* The client may still be sending: closing now could destroy the answer on its way (RFC 9112
 * section 9.6), so what comes is read and dropped for a while. */
static enum turn linger(struct worker *worker, struct connection *connection)
{
    uint32_t linger_ms = worker->server->limits.linger_ms;

    if (linger_ms == 0)
        return TURN_CLOSE;
    shutdown(connection->fd, SHUT_WR);
    connection->is_lingering = true;
    connection->head_due_ms = coarse_now_ms() + linger_ms;
    return TURN_AGAIN;
}

static enum turn refuse(struct worker *worker, struct connection *connection,
                        const struct error *err)
{
    struct exchange *x = fresh_exchange(worker, connection);

    exchange_refuse(x, err);
    arena_reset(worker->bench.mem);
    return x->response.was_cut ? TURN_CLOSE : linger(worker, connection);
}

/* Nobody waits for the next event: the supervisor looks whether handlers block. Only the first call
 * wakes it, so that a busy server does not pay for it with each request; until somebody waits again
 * the supervisor looks every few milliseconds by itself. */
static void call_for_threads(struct http_server *server)
{
    uint64_t one = 1;

    if (!atomic_exchange(&server->is_crowded, true))
        (void)!write(server->wake_fd, &one, sizeof one);
}

static enum turn run(struct worker *worker, struct connection *connection, const struct head *head)
{
    struct exchange *x = fresh_exchange(worker, connection);
    enum exchange_end end;

    connection->head_due_ms = 0;
    connection->needed_bytes = 0;
    if (head->is_chunked || head->length > waiting_bytes(worker))
        claim_mute(worker->server, connection);
    atomic_store_explicit(&worker->busy_since_ms, coarse_now_ms(), memory_order_relaxed);
    if (atomic_load(&worker->server->waiting) == 0)
        call_for_threads(worker->server);
    end = exchange_run(x, head);
    atomic_store_explicit(&worker->busy_since_ms, 0, memory_order_relaxed);
    arena_reset(worker->bench.mem);
    if (end == EXCHANGE_FEED) {
        feeds_take(worker->server->feeds, connection, x->response.feed,
                   x->response.framing == STREAM_CHUNKED);
        return TURN_GIVEN;
    }
    if (end == EXCHANGE_KEEP) /* the next request has hardly come yet: a read would be in vain */
        return waiting_bytes(worker) > 0 || connection->skip_bytes > 0 ? TURN_AGAIN : TURN_PARK;
    if (end == EXCHANGE_CLOSE && (x->response.was_cut || waiting_bytes(worker) == 0))
        return TURN_CLOSE;
    return linger(worker, connection);
}

/* A small body is awaited together with its head, so that a slow one holds no thread. */
static bool awaits_body(struct worker *worker, struct connection *connection,
                        const struct head *head, size_t head_bytes)
{
    if (head->expects_continue || head->is_resumable || !head->has_length ||
        head->length > worker->server->limits.small_body_bytes)
        return false;
    connection->needed_bytes = head_bytes + (size_t)head->length;
    return waiting_bytes(worker) < connection->needed_bytes;
}

static enum turn try_request(struct worker *worker, struct connection *connection)
{
    const struct http_limits *limits = &worker->server->limits;
    struct head_limits head_limits = {limits->head_max_bytes, limits->target_max_bytes,
                                      limits->headers_max};
    struct inbox *inbox = &worker->bench.inbox;
    size_t skip, length;
    struct error err;
    struct head head;

    if (waiting_bytes(worker) < connection->needed_bytes || waiting_bytes(worker) == 0)
        return TURN_NEEDS_BYTES;
    switch (head_find(inbox->bytes + inbox->start, waiting_bytes(worker), &head_limits, &skip,
                      &length, &err)) {
    case HEAD_PARTIAL:
        return TURN_NEEDS_BYTES;
    case HEAD_BAD:
        return refuse(worker, connection, &err);
    case HEAD_COMPLETE:
        break;
    }
    inbox->start += skip;
    if (!head_parse(inbox->bytes + inbox->start, length, &head_limits, worker->bench.mem, &head,
                    &err))
        return refuse(worker, connection, &err);
    if (awaits_body(worker, connection, &head, length)) {
        arena_reset(worker->bench.mem);
        return TURN_NEEDS_BYTES;
    }
    inbox->start += length;
    return run(worker, connection, &head);
}

static enum turn skip_body(struct worker *worker, struct connection *connection)
{
    struct inbox *inbox = &worker->bench.inbox;
    size_t skip = waiting_bytes(worker);

    if (skip > connection->skip_bytes)
        skip = connection->skip_bytes;
    inbox->start += skip;
    connection->skip_bytes -= skip;
    if (connection->skip_bytes > 0)
        return TURN_NEEDS_BYTES;
    connection->head_due_ms = 0;
    return TURN_AGAIN;
}

static enum turn take_turn(struct worker *worker, struct connection *connection)
{
    if (connection->is_lingering) {
        worker->bench.inbox.start = worker->bench.inbox.end = 0;
        return TURN_NEEDS_BYTES;
    }
    if (connection->skip_bytes > 0)
        return skip_body(worker, connection);
    return try_request(worker, connection);
}

enum arrival { ARRIVED, NOTHING_YET, CLIENT_CLOSED };

static enum arrival receive_some(struct worker *worker, const struct connection *connection)
{
    struct inbox *inbox = &worker->bench.inbox;
    ssize_t got;

    if (inbox->start > 0) {
        memmove(inbox->bytes, inbox->bytes + inbox->start, waiting_bytes(worker));
        inbox->end -= inbox->start;
        inbox->start = 0;
    }
    do
        got =
            recv(connection->fd, inbox->bytes + inbox->end, inbox->room - inbox->end, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return NOTHING_YET;
    if (got <= 0)
        return CLIENT_CLOSED;
    inbox->end += (size_t)got;
    worker->was_filled = inbox->end == inbox->room;
    return ARRIVED;
}

/* The time for the head, or for lingering, is over. */
static bool is_late(const struct connection *connection)
{
    return connection->head_due_ms != 0 && coarse_now_ms() >= connection->head_due_ms;
}

static enum turn give_up(struct worker *worker, struct connection *connection)
{
    struct error err;

    if (connection->is_lingering)
        return TURN_CLOSE;
    atomic_fetch_add(&worker->server->metrics.connections_timed_out, 1);
    if (connection->skip_bytes > 0)
        return TURN_CLOSE;
    error_tell(&err, ERR_SLOW, "the request's head took too long to arrive");
    return refuse(worker, connection, &err);
}

/* Takes turns until nothing more can be done, TURN_PARK, or TURN_CLOSE or TURN_GIVEN. With READS_ON
 * only when nothing is left to read. */
static enum turn converse(struct worker *worker, struct connection *connection, bool reads_on,
                          unsigned *reads)
{
    enum turn turn = is_late(connection) ? give_up(worker, connection) : TURN_NEEDS_BYTES;

    while (turn != TURN_CLOSE && turn != TURN_GIVEN) {
        if (turn == TURN_PARK && !reads_on && !worker->was_filled)
            return TURN_PARK;
        if (*reads > PATIENCE)
            pass_on(&worker->bench);
        if (turn != TURN_AGAIN) {
            enum arrival arrival =
                *reads < READS_AT_ONCE ? receive_some(worker, connection) : NOTHING_YET;

            ++*reads;
            if (arrival != ARRIVED)
                return arrival == NOTHING_YET ? TURN_PARK : TURN_CLOSE;
        }
        turn = take_turn(worker, connection);
    }
    return turn;
}

/* SAW_END: the epoll told of the client's end, which it does not tell twice. */
static void serve(struct worker *worker, struct connection *connection, bool saw_end)
{
    bool reads_on = saw_end;
    unsigned reads = 0;
    enum turn turn;

    if (!claim_take(connection))
        return;
    for (;;) {
        unpark(worker, connection);
        turn = converse(worker, connection, reads_on, &reads);
        if (turn == TURN_CLOSE)
            worker_drop(worker->server, connection);
        if (turn != TURN_PARK || park(worker, connection, reads <= READS_AT_ONCE))
            return;
        reads_on = true;
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

    if (!standby_take_place(server))
        return standby_wait(server) || !retire(worker, true);
    worker->next_event = 0;
    worker->event_count = epoll_wait(server->epoll_fd, worker->events, EVENTS_AT_ONCE,
                                     timeout_ms > 0 ? timeout_ms : -1);
    atomic_fetch_sub(&server->waiting, 1);
    if (worker->event_count == 0)
        return !retire(worker, true);
    while (worker->next_event < worker->event_count) {
        const struct epoll_event *event = &worker->events[worker->next_event++];

        if (kind_of(event->data.ptr) == EVENT_CONNECTION)
            serve(worker, event->data.ptr, (event->events & ~(uint32_t)EPOLLIN) != 0);
        else if (kind_of(event->data.ptr) == EVENT_LISTENER)
            accept_from(server, event->data.ptr);
        else
            return !retire(worker, false);
    }
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
    unsigned waiting = atomic_load(&server->waiting);

    while (atomic_load(&server->metrics.threads) < wanted && worker_start(server))
        ;
    if (blocked > 0 && waiting < server->waiting_max)
        standby_call(server, server->waiting_max - waiting);
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
