/* A worker thread, as its two sides know it: worker.c, which keeps the threads, and serving.c,
 * which has one serve a connection. */
#ifndef HTTP_WORKER_STATE_H
#define HTTP_WORKER_STATE_H

#include <sys/epoll.h>

#include "http/exchange.h"
#include "http/standby.h"
#include "http/worker.h"

struct worker {
    struct http_server *server;
    pthread_t thread;
    struct workbench bench;
    struct random_pool random;
    struct exchange exchange;
    bool was_filled; /* the last read, to the brim: there may be more */
    struct epoll_event events[EVENTS_AT_ONCE];
    int event_count, next_event;
    struct workload load;
    atomic_int_fast64_t busy_since_ms; /* coarse; 0: it runs no handler */
    struct worker *previous, *next;
};

#endif
