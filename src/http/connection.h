/*
 * One client's connection, and the table of all of them. Private to the layer.
 *
 * A connection belongs to the thread that has claimed it (claim.h), or that it was handed over to
 * with a feed (feeds.h); only that thread closes it. Others may, under the table's lock, shut the
 * socket down, which wakes its next owner.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "http/client_address.h"
#include "http/pace.h"
#include "http/server.h"

/* What an epoll event points at. */
enum event_kind { EVENT_CONNECTION, EVENT_LISTENER, EVENT_END };

enum claim {
    CLAIM_NONE,
    CLAIM_HELD,  /* a thread has it */
    CLAIM_MARKED /* a thread has it, and something may have come since it looked */
};

struct connection {
    enum event_kind kind;
    int fd;
    atomic_uint claim;          /* enum claim; claim.c's */
    bool is_muted;              /* the epoll does not tell of it */
    atomic_int_fast64_t due_ms; /* coarse monotonic; 0: none, a thread has it */
    atomic_bool is_idle;        /* between requests, nothing of the next has come */
    bool is_lingering;          /* answered and shut down for writing: whatever comes is dropped */
    int64_t head_due_ms;        /* of the head that has begun; 0: none has */
    size_t skip_bytes;          /* of an unread body, still to come */
    char *partial;              /* what has come of a head; NULL if nothing */
    size_t partial_bytes;
    size_t needed_bytes; /* no use looking before so many have come */
    struct address peer;
    char peer_text[ADDRESS_TEXT_SIZE];
    struct connection *previous, *next;
};

struct address_count;

/* Under LOCK: the lists, and how many connections each address has. */
struct connection_table {
    pthread_mutex_t lock;
    struct connection *first;
    struct connection *spares; /* memory of closed ones, by NEXT: see claim.h */
    unsigned count;
    struct address_count **buckets;
};

void connection_table_init(struct connection_table *table);
void connection_table_done(struct connection_table *table);

enum admission { ADMITTED, REFUSED_ALL, REFUSED_ADDRESS };

/* Takes FD into the table, unless a limit forbids it: then FD stays the caller's. The connection is
 * claimed, by the caller. */
enum admission connection_admit(struct connection_table *table, const struct http_limits *limits,
                                int fd, const struct address *peer, struct connection **out);
/* Closes it. Only its owner may. */
void connection_close(struct connection_table *table, struct connection *connection);

enum sweep {
    SWEEP_DUE,  /* shut down those whose time is over */
    SWEEP_IDLE, /* and those that are idle */
    SWEEP_ALL   /* and all others */
};
/* Returns how many were shut down for being due. */
unsigned connection_sweep(struct connection_table *table, enum sweep sweep, int64_t now_ms);

/* Milliseconds of a coarse monotonic clock, never 0. */
int64_t coarse_now_ms(void);

/* ---- moving bytes, blocking; PACE says when to give up ---- */

/* Up to SIZE bytes; *OUT is 0 when the client has closed. With FILL it waits for all of them,
 * within the socket's time slice. Fails with ERR_SLOW, ERR_INCOMPLETE. */
bool connection_read(struct connection *connection, struct pace *pace, void *buf, size_t size,
                     bool fill, size_t *out, struct error *err);
/* All of it; changes IOV. MORE: something follows at once. Fails with ERR_GONE_CLIENT. */
bool connection_write(struct connection *connection, struct pace *pace, struct iovec *iov,
                      unsigned count, bool more, struct error *err);
/* LENGTH bytes of a file. Fails with ERR_GONE_CLIENT, or ERR_UNAVAILABLE if the file cannot be read
 * or ends before. */
bool connection_send_file(struct connection *connection, struct pace *pace, int fd, uint64_t offset,
                          uint64_t length, struct error *err);

/* The same two, but only what can be sent without waiting: *IOV and *COUNT, *OFFSET and *LENGTH are
 * what is left. */
bool connection_write_now(struct connection *connection, struct iovec **iov, unsigned *count,
                          bool more, struct error *err);
bool connection_send_file_now(struct connection *connection, int fd, uint64_t *offset,
                              uint64_t *length, struct error *err);

/* Sets the socket's options: no delay, and the time slice of one blocking call, after which the
 * pace is looked at. */
void connection_prepare(const struct connection *connection, const struct http_limits *limits);

#endif
