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
#define RELAY_BYTES (16 << 20) /* that wait at most, but for two frames larger than that */
#define RELAY_BATCH 16         /* frames that are handed on at once */
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

    /* The maker's own. */
    uint64_t put;        /* frames; those from MADE on nobody has been told of */
    uint64_t room_up_to; /* how far PUT may go without asking */
    uint64_t places;     /* how many may wait: fewer, where frames are large */

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
/* Moves FRAME in; waits while there is no place. It may be handed on with later ones only. */
void relay_put(struct relay *relay, AVFrame *frame);
/* No more frames: waits until all users have finished. */
void relay_end(struct relay *relay);

#endif
