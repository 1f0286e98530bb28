#include "http/feeds.h"

#include <errno.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/engine.h"

#define EVENTS_AT_ONCE 64
/* What the kernel may hold of one feed, so that a reader that takes nothing is soon noticed. */
#define KERNEL_BUFFER_BYTES (64 * 1024)
#define FRAME_BYTES 32 /* around a chunk: its size, line ends, and the last chunk */
#define DROP_BYTES 4096
#define LOOK_MS 200 /* how often it is looked at what readers take */

struct held {
    struct connection *connection;
    struct feed *feed;
    bool chunked;
    bool is_last;         /* what is in REST ends the answer */
    bool is_asked;        /* to be asked in the next pass, whether it is a round or not */
    char *rest;           /* what the kernel did not take yet; NULL: nothing */
    size_t rest_bytes;    /* of REST */
    size_t sent_bytes;    /* of REST */
    int64_t given_bytes;  /* to the kernel, of all */
    int64_t taken_bytes;  /* by the reader, of those, when it was looked at last */
    int64_t looked_at_ms; /* coarse */
    int64_t still_ms;     /* for so long the reader has taken nothing though there was something */
    struct held *previous, *next;
};

struct feeds {
    struct http_server *server;
    pthread_t thread;
    int epoll_fd;
    int wake_fd;

    pthread_mutex_t lock; /* guards the two below */
    struct held *arrivals;
    bool is_running;

    atomic_bool is_woken; /* a round is due */
    atomic_bool is_ending;

    /* The thread's own: */
    struct held *first;
    struct buf scratch;
    struct feed_round round;
    int64_t round_due_ms;
};

/* ---- one feed ---- */

static void drop(struct feeds *feeds, struct held *held)
{
    struct http_server *server = feeds->server;

    if (held->next)
        held->next->previous = held->previous;
    if (held->previous)
        held->previous->next = held->next;
    else
        feeds->first = held->next;
    held->feed->free(held->feed);
    atomic_fetch_sub(&server->metrics.feeds_open, 1);
    atomic_fetch_sub(&server->metrics.connections_open, 1);
    connection_close(&server->connections, held->connection);
    free(held->rest);
    free(held);
}

static void listen_for(struct feeds *feeds, struct held *held, bool writable, bool is_new)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (writable ? EPOLLOUT : 0),
                                .data.ptr = held};

    epoll_ctl(feeds->epoll_fd, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, held->connection->fd,
              &event);
}

/* Sends what it can of BYTES without waiting. False if the client is gone. */
static bool send_some(struct feeds *feeds, struct held *held, const char *bytes, size_t length,
                      size_t *sent)
{
    struct iovec iov = {(void *)bytes, length}, *left = &iov;
    struct error ignored;
    unsigned count = 1;

    *sent = 0;
    if (!connection_write_now(held->connection, &left, &count, false, &ignored))
        return false;
    *sent = count > 0 ? length - left->iov_len : length;
    held->given_bytes += (int64_t)*sent;
    atomic_fetch_add_explicit(&feeds->server->metrics.bytes_out, *sent, memory_order_relaxed);
    return true;
}

/* Sends what was left over. False if the feed is over, one way or the other. */
static bool push_rest(struct feeds *feeds, struct held *held)
{
    size_t sent;

    if (!send_some(feeds, held, held->rest + held->sent_bytes, held->rest_bytes - held->sent_bytes,
                   &sent))
        return false;
    held->sent_bytes += sent;
    if (held->sent_bytes < held->rest_bytes)
        return true;
    free(take(held->rest));
    held->rest_bytes = held->sent_bytes = 0;
    held->is_asked = true;
    listen_for(feeds, held, false, false);
    return !held->is_last;
}

static void keep_rest(struct feeds *feeds, struct held *held, const char *bytes, size_t length)
{
    held->rest = malloc(length);
    if (!held->rest)
        abort();
    memcpy(held->rest, bytes, length);
    held->rest_bytes = length;
    held->sent_bytes = 0;
    listen_for(feeds, held, true, false);
}

/* Puts the frame of a chunk around the CONTENT that stands in OUT behind FRAME_BYTES. */
static struct str frame(const struct held *held, struct buf *out, bool is_last)
{
    size_t content = out->length - FRAME_BYTES;
    char size[20];
    int length;

    if (!held->chunked)
        return (struct str){out->bytes + FRAME_BYTES, content};
    if (content == 0) {
        buf_add_text(out, is_last ? "0\r\n\r\n" : "");
        return (struct str){out->bytes + FRAME_BYTES, out->length - FRAME_BYTES};
    }
    length = snprintf(size, sizeof size, "%zx\r\n", content);
    memcpy(out->bytes + FRAME_BYTES - length, size, (size_t)length);
    buf_add_text(out, is_last ? "\r\n0\r\n\r\n" : "\r\n");
    return (struct str){out->bytes + FRAME_BYTES - length,
                        out->length - FRAME_BYTES + (size_t)length};
}

/* Asks the feed for what there is and sends it. False if the feed is over. */
static bool ask(struct feeds *feeds, struct held *held, bool end_now)
{
    static const char room[FRAME_BYTES] = {0};
    struct buf *out = &feeds->scratch;
    struct str bytes;
    size_t sent;

    held->is_asked = false;
    buf_clear(out);
    buf_add(out, room, sizeof room);
    out->limit = FRAME_BYTES + FEED_FILL_BYTES;
    held->is_last = end_now || !held->feed->fill(held->feed, &feeds->round, out);
    out->limit += FRAME_BYTES;
    bytes = frame(held, out, held->is_last);
    if (bytes.len == 0) {
        held->is_asked = held->feed->has_more;
        return !held->is_last;
    }
    if (!send_some(feeds, held, bytes.ptr, bytes.len, &sent))
        return false;
    if (sent == bytes.len) {
        held->is_asked = true; /* there may be more */
        return !held->is_last;
    }
    keep_rest(feeds, held, bytes.ptr + sent, bytes.len - sent);
    return true;
}

/* What a client sends behind its request is nothing that it may. False if it has closed. */
static bool drop_input(const struct held *held)
{
    char bytes[DROP_BYTES];
    ssize_t got = recv(held->connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

static void serve_event(struct feeds *feeds, struct held *held, uint32_t events)
{
    bool goes_on = !(events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP));

    if (goes_on && events & EPOLLIN)
        goes_on = drop_input(held);
    if (goes_on && events & EPOLLOUT && held->rest)
        goes_on = push_rest(feeds, held);
    if (!goes_on)
        drop(feeds, held);
}

/* ---- all feeds ---- */

/*
 * What the reader has taken shows in what the kernel still holds: a slow one empties the kernel's
 * buffer for long before there is room for more of the rest, and one that has vanished confirms
 * nothing of the little that may be there. (TCP_USER_TIMEOUT ends slow readers too: it counts until
 * there is a window for the whole of the next segment.) Time in which this process stood still is
 * not the reader's.
 */
static bool is_stalled(const struct feeds *feeds, struct held *held, int64_t now_ms)
{
    uint32_t stall_ms = feeds->server->limits.feed_stall_ms;
    int64_t passed_ms = now_ms - held->looked_at_ms, taken_bytes;
    int left = 0;

    if (stall_ms == 0 || passed_ms < LOOK_MS || ioctl(held->connection->fd, SIOCOUTQ, &left) < 0)
        return false;
    taken_bytes = held->given_bytes - left;
    if (left == 0 || taken_bytes > held->taken_bytes)
        held->still_ms = 0;
    else
        held->still_ms += passed_ms < 2 * FEED_ROUND_MS ? passed_ms : 2 * FEED_ROUND_MS;
    held->taken_bytes = taken_bytes;
    held->looked_at_ms = now_ms;
    return held->still_ms >= stall_ms;
}

/* One pass over all: in a round everybody is asked, between rounds only those whose last answer was
 * taken at once; at the end everybody once more, for the last chunk. True if somebody is to be
 * asked again without waiting. */
static bool ask_all(struct feeds *feeds, bool is_round, bool end_now)
{
    int64_t now_ms = coarse_now_ms();
    bool again = false;

    feeds->round.number++;
    feeds->round.now_us = clock_monotonic_us();
    for (struct held *held = feeds->first, *next; held; held = next) {
        bool goes_on = !is_stalled(feeds, held, now_ms);

        next = held->next;
        if (goes_on && !held->rest && (is_round || end_now || held->is_asked))
            goes_on = ask(feeds, held, end_now);
        if (!goes_on || end_now)
            drop(feeds, held);
        else
            again |= held->is_asked;
    }
    return again;
}

static void welcome(struct feeds *feeds, struct held *held)
{
    held->is_asked = true;
    held->looked_at_ms = coarse_now_ms();
    held->previous = NULL;
    held->next = feeds->first;
    if (feeds->first)
        feeds->first->previous = held;
    feeds->first = held;
    listen_for(feeds, held, false, true);
}

static void take_arrivals(struct feeds *feeds)
{
    struct held *held;

    pthread_mutex_lock(&feeds->lock);
    held = take(feeds->arrivals);
    pthread_mutex_unlock(&feeds->lock);
    while (held) {
        struct held *next = held->next;

        welcome(feeds, held);
        held = next;
    }
}

static void serve_events(struct feeds *feeds, int timeout_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(feeds->epoll_fd, events, EVENTS_AT_ONCE, timeout_ms);
    uint64_t wakes;

    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            serve_event(feeds, events[i].data.ptr, events[i].events);
        else
            (void)!read(feeds->wake_fd, &wakes, sizeof wakes);
    }
}

/* Nobody to serve: only a wake can bring something. */
static int timeout_of(const struct feeds *feeds, bool at_once)
{
    int64_t left_ms = feeds->round_due_ms - coarse_now_ms();

    if (at_once)
        return 0;
    if (!feeds->first)
        return -1;
    return left_ms > 0 ? (int)left_ms : 0;
}

static void *run_feeds(void *context)
{
    struct feeds *feeds = context;
    bool again = false, is_ending;

    do {
        bool is_round;

        is_ending = atomic_load(&feeds->is_ending); /* before the last arrivals are taken */
        serve_events(feeds, timeout_of(feeds, again || is_ending));
        take_arrivals(feeds);
        is_round =
            atomic_exchange(&feeds->is_woken, false) || coarse_now_ms() >= feeds->round_due_ms;
        if (is_round)
            feeds->round_due_ms = coarse_now_ms() + FEED_ROUND_MS;
        again = ask_all(feeds, is_round, is_ending || atomic_load(&feeds->server->is_stopping));
    } while (!is_ending || feeds->first);
    return NULL;
}

/* ---- for the others ---- */

struct feeds *feeds_new(struct http_server *server)
{
    struct feeds *feeds = calloc(1, sizeof *feeds);

    if (!feeds)
        abort();
    feeds->server = server;
    feeds->epoll_fd = feeds->wake_fd = -1;
    pthread_mutex_init(&feeds->lock, NULL);
    return feeds;
}

static bool make_descriptors(struct feeds *feeds, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    if (feeds->epoll_fd < 0)
        feeds->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (feeds->wake_fd < 0)
        feeds->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (feeds->epoll_fd >= 0 && feeds->wake_fd >= 0 &&
        (epoll_ctl(feeds->epoll_fd, EPOLL_CTL_ADD, feeds->wake_fd, &event) == 0 || errno == EEXIST))
        return true;
    error_errno(err, "make the descriptors of feeds");
    err->kind = ERR_UNAVAILABLE;
    return false;
}

static int start_without_signals(struct feeds *feeds)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&feeds->thread, NULL, run_feeds, feeds);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* Under the lock. */
static bool start(struct feeds *feeds, struct error *err)
{
    if (!make_descriptors(feeds, err))
        return false;
    buf_init(&feeds->scratch, FEED_FILL_BYTES + 2 * FRAME_BYTES);
    feeds->is_running = start_without_signals(feeds) == 0;
    return feeds->is_running || error_set(err, ERR_UNAVAILABLE, "no thread for feeds");
}

bool feeds_start(struct feeds *feeds, struct error *err)
{
    bool ok;

    pthread_mutex_lock(&feeds->lock);
    ok = feeds->is_running || start(feeds, err);
    pthread_mutex_unlock(&feeds->lock);
    return ok;
}

static void wake(struct feeds *feeds)
{
    uint64_t one = 1;

    (void)!write(feeds->wake_fd, &one, sizeof one);
}

void feeds_take(struct feeds *feeds, struct connection *connection, struct feed *feed, bool chunked)
{
    struct held *held = calloc(1, sizeof *held);
    int bytes = KERNEL_BUFFER_BYTES;

    if (!held)
        abort();
    *held = (struct held){.connection = connection, .feed = feed, .chunked = chunked};
    epoll_ctl(feeds->server->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    atomic_fetch_add(&feeds->server->metrics.feeds_open, 1);
    pthread_mutex_lock(&feeds->lock);
    held->next = feeds->arrivals;
    feeds->arrivals = held;
    pthread_mutex_unlock(&feeds->lock);
    wake(feeds);
}

void feeds_wake(struct feeds *feeds)
{
    if (atomic_load(&feeds->server->metrics.feeds_open) > 0 &&
        !atomic_exchange(&feeds->is_woken, true))
        wake(feeds);
}

void feeds_free(struct feeds *feeds)
{
    if (!feeds)
        return;
    if (feeds->is_running) {
        atomic_store(&feeds->is_ending, true);
        wake(feeds);
        pthread_join(feeds->thread, NULL);
        buf_done(&feeds->scratch);
    }
    fd_close(&feeds->epoll_fd);
    fd_close(&feeds->wake_fd);
    pthread_mutex_destroy(&feeds->lock);
    free(feeds);
}
