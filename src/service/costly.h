/*
 * Figures that take long to find where there is much to count. One that took a while is kept for a
 * hundred times as long: however often it is asked for, finding it costs a hundredth of a core at
 * most, and where there is little to count it is always true.
 */
#ifndef SERVICE_COSTLY_H
#define SERVICE_COSTLY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Below this a figure is found anew each time. */
#define COSTLY_CHEAP_US 5000
#define COSTLY_KEPT_TIMES 100

struct costly {
    pthread_mutex_t lock; /* held while it is found: who asks meanwhile waits for that */
    uint64_t figure;
    int64_t until_us;        /* so long is it kept; by NOW_US */
    int64_t (*now_us)(void); /* a steady clock */
};

#define COSTLY_INIT(clock)                                   \
    {                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .now_us = (clock) \
    }

/* *OUT is the figure, as FIND gives it with CONTEXT or gave it a while ago. Fails as FIND. */
bool costly_ask(struct costly *self, bool (*find)(void *context, uint64_t *out, struct error *err),
                void *context, uint64_t *out, struct error *err);

#endif
