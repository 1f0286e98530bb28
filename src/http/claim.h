/*
 * How a connection passes from thread to thread. Private to the layer.
 *
 * The epoll tells of a connection once each time that something comes (EPOLLET), to any worker. The
 * connection belongs to the worker that claims it, until that one releases it; a worker that is
 * told of one that is claimed only leaves a mark, and the owner looks again before it lets go. So
 * there is no system call between two requests but to wait, read and write, and nothing that comes
 * is missed.
 *
 * The memory of a connection is reused but not given back while its table lives: a worker may have
 * been told of it just before its owner closed it. Such a worker finds it claimed, or finds another
 * client's, at which it looks in vain.
 */
#ifndef HTTP_CLAIM_H
#define HTTP_CLAIM_H

#include "http/engine.h"

/* Makes the connection the caller's; or leaves a mark for the worker whose it is, and is false. */
bool claim_take(struct connection *connection);

/* Lets go of a connection that was read until nothing was left: it may be another's, or gone, when
 * this is true. False if it was marked meanwhile: then it is still the caller's, who must read
 * until nothing is left, or the end. */
bool claim_release(struct connection *connection);

/* Lets go of a connection in which something may be left unread: the epoll tells of it again. */
void claim_hand_back(struct http_server *server, struct connection *connection);

/* Has the epoll watch a new connection, which is the caller's, and lets go of it. False, and still
 * the caller's, if the kernel lacks memory. */
bool claim_watch(struct http_server *server, struct connection *connection);

/* The epoll is silent about the connection until it is handed back: its owner waits for what comes
 * by itself, and nobody else shall be woken for it. */
void claim_mute(struct http_server *server, struct connection *connection);

#endif
