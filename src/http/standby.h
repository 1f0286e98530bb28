/*
 * Who waits for events, and who stands by until it is needed. Private.
 *
 * A thread that waits is woken, and a switch of threads costs as much as a quick request. So only
 * as many wait as find enough to do: one, as long as it keeps up with requests that are quick;
 * twice as many when they do not keep up, or when requests take long, until each core has one. The
 * others stand by, and are called when a handler is about to block, or is seen to have blocked.
 */
#ifndef HTTP_STANDBY_H
#define HTTP_STANDBY_H

#include "http/engine.h"

#define EVENTS_AT_ONCE 4 /* of one wait; served one after the other, unless one has to wait */

/* What one thread found of late. Zeroed at first. */
struct workload {
    int score;             /* up with each long batch of events, down with others */
    int64_t full_since_us; /* monotonic; since when it had no such time. 0: it has */
};

void standby_init(struct http_server *server);
void standby_done(struct http_server *server);

/* Wakes COUNT of those that stand by, or all if they are fewer. */
void standby_call(struct http_server *server, unsigned count);
/* The thread that calls is about to block: somebody takes its place. */
void standby_relieve(struct http_server *server);

/* Takes one of the places in epoll_wait, if one is free. It is left by counting server->waiting
 * down. */
bool standby_take_place(struct http_server *server);
/* Says how long a thread was busy with what one wait brought it: EVENTS of at most EVENTS_AT_ONCE,
 * from BEGAN_US to now. More or fewer will wait from now on. */
void standby_report(struct http_server *server, struct workload *load, int events,
                    int64_t began_us);
/* Stands by. False if nobody called within the time that a thread may be idle. */
bool standby_wait(struct http_server *server);

#endif
