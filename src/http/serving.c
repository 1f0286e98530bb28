#include "http/serving.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http/claim.h"
#include "http/feeds.h"

#define READS_AT_ONCE 256 /* of one connection, before others have their turn */
#define PATIENCE 2        /* reads of one connection that the others of these events wait for */

/* ---- taking it and giving it back ---- */

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

/* ---- turns ---- */

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
            worker->bench.pass_on(&worker->bench);
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

void serving_run(struct worker *worker, struct connection *connection, bool saw_end)
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
