/* Sockets that are listened on. Private to the layer. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include <pthread.h>

#include "http/connection.h"

#define LISTENERS_MAX 16

struct listener {
    enum event_kind kind;
    pthread_mutex_t lock; /* held while accepting and while closing */
    int fd;               /* -1 once closed */
    bool is_paused;       /* out of descriptors: not armed until the supervisor arms it again */
    char *path;           /* of a unix socket that is to be removed; NULL if none */
    char name[128];       /* as a client would write it */
};

struct listeners {
    struct listener list[LISTENERS_MAX];
    size_t count;
};

/* See http_server_listen. */
bool listeners_add(struct listeners *listeners, const char *where, struct error *err);
/* See http_server_listen_inherited. */
bool listeners_inherit(struct listeners *listeners, unsigned *count, struct error *err);
/* Closes all; from any thread. */
void listeners_close(struct listeners *listeners);

#endif
