/* Worker threads: each waits on the epoll, and serves the connection it is woken for. Private. */
#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H

#include "http/engine.h"

/* Starts one more thread, unless there are as many as may be. False if none could be started. */
bool worker_start(struct http_server *server);
/* Starts threads until as many as the least are not blocked in a handler. */
void worker_start_enough(struct http_server *server);
/* Joins and frees those that have ended. Returns how many still run. */
unsigned worker_reap(struct http_server *server);

/* Closes a connection of the caller's, counted. */
void worker_drop(struct http_server *server, struct connection *connection);
/* When a connection that does nothing is to be shut down. */
static inline int64_t idle_due_ms(const struct http_limits *limits)
{
    return limits->idle_timeout_ms > 0 ? coarse_now_ms() + limits->idle_timeout_ms : 0;
}
/* Arms a listener, the first time and again; under its lock. */
bool listener_arm(struct http_server *server, struct listener *listener, bool is_new);

#endif
