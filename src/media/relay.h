/*
 * Hands decoded frames from the thread that makes them to two that use them, each at its own pace.
 * The threads are started once, before the sandbox shuts (it permits no new ones), and rest between
 * works.
 */
#ifndef MEDIA_RELAY_H
#define MEDIA_RELAY_H

#include <pthread.h>

#include "media/av.h"

#define RELAY_FRAMES 128
#define RELAY_USERS 2

struct relay;

/* What a thread does with a work: frame after frame, then the end. */
struct relay_user {
    void *context;
    void (*frame)(void *context, const AVFrame *frame);
    void (*finish)(void *context);
};

struct relay {
    const struct av *av;
    struct relay_thread {
        struct relay *relay;
        pthread_t thread;
        struct relay_user user;
        uint64_t used; /* frames; under the lock */
        bool at_work;  /* under the lock */
    } users[RELAY_USERS];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* for the users: frames, the end, a work */
    pthread_cond_t freed;   /* for the maker */
    /* Under the lock: frames from the least of USED to MADE are in their places, and nobody writes
     * those. */
    uint64_t made;
    bool ended;
    AVFrame *frames[RELAY_FRAMES];
};

/* Starts the threads, and waits until they have asked the system for all that threads ask for when
 * they start: the sandbox permits none of it. False if they cannot be started. */
bool relay_open(struct relay *relay, const struct av *av);

/* Begins a work for USERS; one without a function for frames is left out. */
void relay_begin(struct relay *relay, const struct relay_user users[RELAY_USERS]);
/* Moves FRAME in; waits while there is no place. */
void relay_put(struct relay *relay, AVFrame *frame);
/* No more frames: waits until all users have finished. */
void relay_end(struct relay *relay);

#endif
