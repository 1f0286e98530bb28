/*
 * Who waits for events, and who stands by until it is needed. Private.
 *
 * As many threads wait for events as there are cores to run them. More would only be woken in turn,
 * a switch of threads for each quick request. The others stand by, and are called when a handler is
 * about to block, or is seen to have blocked.
 */
#ifndef HTTP_STANDBY_H
#define HTTP_STANDBY_H

#include "http/engine.h"

void standby_init(struct http_server *server);
void standby_done(struct http_server *server);

/* Wakes COUNT of those that stand by, or all if they are fewer. */
void standby_call(struct http_server *server, unsigned count);
/* The thread that calls is about to block: somebody takes its place. */
void standby_relieve(struct http_server *server);

/* Takes one of the places in epoll_wait, if one is free. It is left by counting server->waiting
 * down. */
bool standby_take_place(struct http_server *server);
/* Stands by. False if nobody called within the time that a thread may be idle. */
bool standby_wait(struct http_server *server);

#endif
