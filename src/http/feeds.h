/*
 * The thread that writes all feeds. Private to the layer.
 *
 * A connection that comes here has left the workers' epoll for good and stays claimed: its owner is
 * this thread, which closes it. Whatever its client still sends is read and dropped.
 */
#ifndef HTTP_FEEDS_H
#define HTTP_FEEDS_H

#include "http/connection.h"
#include "http/feed.h"

struct feeds;

struct feeds *feeds_new(struct http_server *server);
/* Ends the thread and what feeds there are; nobody may hand over another. NULL is accepted. */
void feeds_free(struct feeds *feeds);

/* Starts the thread, unless it runs. Fails with ERR_UNAVAILABLE. */
bool feeds_start(struct feeds *feeds, struct error *err);
/* Hands over a connection whose head has been sent, and its feed. CHUNKED: the body's framing; else
 * it ends with the connection. The thread has been started. */
void feeds_take(struct feeds *feeds, struct connection *connection, struct feed *feed,
                bool chunked);
/* See http_server_wake_feeds. */
void feeds_wake(struct feeds *feeds);

#endif
