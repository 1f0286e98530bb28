#include "http/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

#define BUCKETS 4096
#define SEND_FILE_SLICE_BYTES (1024 * 1024)

struct address_count {
    struct address address;
    unsigned count;
    struct address_count *next;
};

int64_t coarse_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void connection_table_init(struct connection_table *table)
{
    *table = (struct connection_table){.lock = PTHREAD_MUTEX_INITIALIZER};
    table->buckets = must(calloc(BUCKETS, sizeof(struct address_count *)));
}

void connection_table_done(struct connection_table *table)
{
    while (table->first)
        connection_close(table, table->first);
    while (table->spares) {
        struct connection *spare = table->spares;

        table->spares = spare->next;
        free(spare);
    }
    free(table->buckets);
    pthread_mutex_destroy(&table->lock);
}

/* FNV-1a. An IPv6 client has a /64 at least, so that is what counts as one address. */
static size_t bucket_of(const struct address *address)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < sizeof address->bytes; i++)
        hash = (hash ^ address->bytes[i]) * 16777619u;
    return hash % BUCKETS;
}

static struct address counted_as(const struct address *peer)
{
    static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct address address = *peer;

    if (memcmp(address.bytes, v4_prefix, sizeof v4_prefix) != 0)
        memset(address.bytes + 8, 0, 8);
    return address;
}

static struct address_count **find_count(struct connection_table *table,
                                         const struct address *address)
{
    struct address_count **at = &table->buckets[bucket_of(address)];

    while (*at && !address_equal(&(*at)->address, address))
        at = &(*at)->next;
    return at;
}

/* Under the lock. False if the address has as many as it may. */
static bool count_address(struct connection_table *table, const struct address *peer, unsigned max)
{
    struct address address = counted_as(peer);
    struct address_count **slot = find_count(table, &address);

    if (!*slot) {
        *slot = must(calloc(1, sizeof **slot));
        (*slot)->address = address;
    }
    if (max > 0 && !peer->is_unix && (*slot)->count >= max)
        return false;
    (*slot)->count++;
    return true;
}

static void uncount_address(struct connection_table *table, const struct address *peer)
{
    struct address address = counted_as(peer);
    struct address_count **slot = find_count(table, &address);
    struct address_count *entry = *slot;

    if (--entry->count == 0) {
        *slot = entry->next;
        free(entry);
    }
}

static void link_in(struct connection_table *table, struct connection *connection)
{
    connection->next = table->first;
    if (table->first)
        table->first->previous = connection;
    table->first = connection;
    table->count++;
}

static void unlink_from(struct connection_table *table, struct connection *connection)
{
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        table->first = connection->next;
    table->count--;
}

/* Under the lock. What is not named here is as it was: CLAIM may be looked at by others, and KIND
 * read, even of a spare. */
static struct connection *make_connection(struct connection_table *table, int fd,
                                          const struct address *peer)
{
    struct connection *connection = table->spares;

    if (connection) {
        table->spares = connection->next;
        connection->is_muted = connection->is_lingering = false;
        connection->head_due_ms = 0;
        connection->skip_bytes = connection->partial_bytes = connection->needed_bytes = 0;
        connection->previous = connection->next = NULL;
    } else {
        connection = must(calloc(1, sizeof *connection));
        connection->kind = EVENT_CONNECTION;
    }
    atomic_store(&connection->claim, CLAIM_HELD);
    connection->fd = fd;
    connection->peer = *peer;
    address_format(peer, connection->peer_text);
    return connection;
}

enum admission connection_admit(struct connection_table *table, const struct http_limits *limits,
                                int fd, const struct address *peer, struct connection **out)
{
    enum admission admission = ADMITTED;

    pthread_mutex_lock(&table->lock);
    if (limits->connections_max > 0 && table->count >= limits->connections_max) {
        admission = REFUSED_ALL;
    } else if (!count_address(table, peer, limits->connections_per_address_max)) {
        admission = REFUSED_ADDRESS;
    } else {
        *out = make_connection(table, fd, peer);
        link_in(table, *out);
    }
    pthread_mutex_unlock(&table->lock);
    return admission;
}

void connection_close(struct connection_table *table, struct connection *connection)
{
    free(take(connection->partial));
    pthread_mutex_lock(&table->lock);
    unlink_from(table, connection);
    uncount_address(table, &connection->peer);
    close(connection->fd);
    connection->next = table->spares;
    table->spares = connection;
    pthread_mutex_unlock(&table->lock);
}

/* How to shut a connection down, or -1 to leave it. Its owner reads an end of file, and can still
 * tell the client why. */
static int shutdown_for(const struct connection *connection, enum sweep sweep, int64_t now_ms)
{
    int64_t due_ms = atomic_load(&connection->due_ms);

    if (sweep == SWEEP_ALL)
        return SHUT_RDWR;
    if (due_ms != 0 && now_ms >= due_ms)
        return SHUT_RD;
    return sweep == SWEEP_IDLE && atomic_load(&connection->is_idle) ? SHUT_RD : -1;
}

unsigned connection_sweep(struct connection_table *table, enum sweep sweep, int64_t now_ms)
{
    unsigned due = 0;

    pthread_mutex_lock(&table->lock);
    for (struct connection *at = table->first; at; at = at->next) {
        int how = shutdown_for(at, sweep, now_ms);

        if (how < 0)
            continue;
        shutdown(at->fd, how);
        due += sweep == SWEEP_DUE;
    }
    pthread_mutex_unlock(&table->lock);
    return due;
}

/* ---- moving bytes ---- */

void connection_prepare(const struct connection *connection, const struct http_limits *limits)
{
    int64_t slice_ms = limits->rate_window_ms / 4;
    struct timeval slice;
    int on = 1;

    if (limits->rate_window_ms == 0 || slice_ms > 1000)
        slice_ms = 1000;
    if (slice_ms < 10)
        slice_ms = 10;
    slice = (struct timeval){slice_ms / 1000, slice_ms % 1000 * 1000};
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice);
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice);
    if (!connection->peer.is_unix)
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static bool would_wait(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK;
}

static bool is_retry(int code)
{
    return would_wait(code) || code == EINTR;
}

bool connection_read(struct connection *connection, struct pace *pace, void *buf, size_t size,
                     bool fill, size_t *out, struct error *err)
{
    for (;;) {
        int64_t start_us = clock_monotonic_us();
        ssize_t got = recv(connection->fd, buf, size, fill ? MSG_WAITALL : 0);
        int code = errno;

        if (got < 0 && !is_retry(code)) {
            errno = code;
            error_errno(err, "receive the body");
            err->kind = ERR_INCOMPLETE;
            return false;
        }
        if (!pace_add(pace, got > 0 ? (size_t)got : 0, clock_monotonic_us() - start_us))
            return error_tell(err, ERR_SLOW, "the body arrives too slowly");
        if (got >= 0) {
            *out = (size_t)got;
            return true;
        }
    }
}

static bool gone(struct error *err, const char *why)
{
    return error_set(err, ERR_GONE_CLIENT, "%s", why);
}

/* Takes LENGTH sent bytes off the front of what is to be sent. */
static void advance(struct iovec **iov, unsigned *count, size_t length)
{
    while (*count > 0 && length >= (*iov)->iov_len) {
        length -= (*iov)->iov_len;
        ++*iov;
        --*count;
    }
    if (*count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + length;
        (*iov)->iov_len -= length;
    }
}

bool connection_write(struct connection *connection, struct pace *pace, struct iovec *iov,
                      unsigned count, bool more, struct error *err)
{
    advance(&iov, &count, 0);
    while (count > 0) {
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
        int64_t start_us = clock_monotonic_us();
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        int code = errno;

        if (sent < 0 && !is_retry(code))
            return gone(err, "the client closed before the answer was sent");
        if (!pace_add(pace, sent > 0 ? (size_t)sent : 0, clock_monotonic_us() - start_us))
            return gone(err, "the client reads too slowly");
        if (sent > 0)
            advance(&iov, &count, (size_t)sent);
    }
    return true;
}

bool connection_write_now(struct connection *connection, struct iovec **iov, unsigned *count,
                          bool more, struct error *err)
{
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);

    advance(iov, count, 0);
    while (*count > 0) {
        struct msghdr message = {.msg_iov = *iov, .msg_iovlen = *count};
        ssize_t sent = sendmsg(connection->fd, &message, flags);

        if (sent >= 0)
            advance(iov, count, (size_t)sent);
        else if (errno != EINTR)
            return would_wait(errno) || gone(err, "the client closed before the answer was sent");
    }
    return true;
}

static bool send_file_failed(int code, struct error *err)
{
    if (code == EPIPE || code == ECONNRESET || code == ETIMEDOUT || code == ENOTCONN)
        return gone(err, "the client closed before the answer was sent");
    errno = code;
    error_errno(err, "send the file");
    err->kind = ERR_UNAVAILABLE;
    return false;
}

bool connection_send_file(struct connection *connection, struct pace *pace, int fd, uint64_t offset,
                          uint64_t length, struct error *err)
{
    off_t at = (off_t)offset;

    while (length > 0) {
        size_t slice = length < SEND_FILE_SLICE_BYTES ? (size_t)length : SEND_FILE_SLICE_BYTES;
        int64_t start_us = clock_monotonic_us();
        ssize_t sent = sendfile(connection->fd, fd, &at, slice);
        int code = errno;

        if (sent < 0 && !is_retry(code))
            return send_file_failed(code, err);
        if (sent == 0)
            return error_set(err, ERR_UNAVAILABLE, "the file ends %ju bytes early",
                             (uintmax_t)length);
        if (!pace_add(pace, sent > 0 ? (size_t)sent : 0, clock_monotonic_us() - start_us))
            return gone(err, "the client reads too slowly");
        if (sent > 0)
            length -= (uint64_t)sent;
    }
    return true;
}

/* sendfile has no flag for it, so for once the socket does not block. */
bool connection_send_file_now(struct connection *connection, int fd, uint64_t *offset,
                              uint64_t *length, struct error *err)
{
    off_t at = (off_t)*offset;
    ssize_t sent = 1;
    int code = 0;

    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    while (*length > 0 && sent > 0) {
        size_t slice = *length < SEND_FILE_SLICE_BYTES ? (size_t)*length : SEND_FILE_SLICE_BYTES;

        sent = sendfile(connection->fd, fd, &at, slice);
        code = errno;
        if (sent > 0)
            *length -= (uint64_t)sent;
    }
    fcntl(connection->fd, F_SETFL, 0);
    *offset = (uint64_t)at;
    if (sent == 0)
        return error_set(err, ERR_UNAVAILABLE, "the file ends %ju bytes early", (uintmax_t)*length);
    return sent > 0 || is_retry(code) || send_file_failed(code, err);
}
