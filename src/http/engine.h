/* The server's inside: what workers and the supervisor share. Private to the layer. */
#ifndef HTTP_ENGINE_H
#define HTTP_ENGINE_H

#include "http/client_address.h"
#include "http/connection.h"
#include "http/listener.h"

struct feeds;
struct worker;

struct http_server {
    struct http_options options;
    struct http_limits limits;
    struct arena *mem;
    struct router *router;
    struct networks trusted;
    struct http_metrics metrics;
    struct listeners listeners;
    struct connection_table connections;
    struct feeds *feeds;

    int epoll_fd;
    int wake_fd; /* wakes the supervisor */
    int end_fd;  /* wakes all workers, for good */
    enum event_kind end_event;

    atomic_uint waiting;           /* workers in epoll_wait */
    atomic_uint waiting_max;       /* at most so many: see standby.h */
    unsigned cores;                /* and never more than these */
    atomic_bool is_stopping;       /* no new connections, no keep-alive */
    atomic_bool is_crowded;        /* a handler began while nobody waited for the next event */
    atomic_bool is_cut;            /* the grace is over */
    atomic_bool is_ending;         /* the workers are to end, and no more are started */
    atomic_int_fast64_t cut_at_ms; /* of coarse_now_ms; meaningful once it is stopping */

    pthread_mutex_t workers_lock; /* of the two lists */
    struct worker *workers;       /* that run */
    struct worker *finished;      /* to be joined */

    pthread_mutex_t standby_lock; /* of the two counts */
    pthread_cond_t standby_calls;
    unsigned standing_by; /* workers that wait to be called */
    unsigned called;      /* how many of them have been, and have not woken yet */
};

#endif
