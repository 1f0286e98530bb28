/*
 * A clock that follows another one, elsewhere: it is told now and then what that one shows, and
 * goes by the time since this machine was started in between. What the wall clock here says, or
 * whether somebody sets it, makes no difference.
 *
 * What was answered was true at some moment between question and answer, so half of the time
 * between them is how wrong it may be (F. Cristian, "Probabilistic clock synchronization", 1989).
 * The best answer is gone by until one is better than what the drift since then has left of it, or
 * does not agree with it: then the other clock was set.
 */
#ifndef BASE_FOLLOWED_CLOCK_H
#define BASE_FOLLOWED_CLOCK_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"

struct followed_clock {
    struct clock clock; /* the machine's wall clock until it is told something */
    atomic_bool is_told;
    atomic_int_fast64_t ahead_us; /* of clock_boot_us */

    pthread_mutex_t lock; /* guards what follows, and the writing of what stands above */
    int64_t told_at_us;   /* all are of clock_boot_us */
    int64_t wrong_us;     /* at most, then */
    int64_t heard_at_us;  /* the last answer, gone by or not */
};

/* What another clock showed, and between which moments of clock_boot_us. */
struct clock_answer {
    int64_t asked_at_us, answered_at_us;
    int64_t shown_us;
};

void followed_clock_init(struct followed_clock *self);
void followed_clock_done(struct followed_clock *self);
void followed_clock_tell(struct followed_clock *self, const struct clock_answer *answer);
/* Whether the last answer is more than AGE_US old at NOW_US, or there was none. */
bool followed_clock_is_stale(struct followed_clock *self, int64_t age_us, int64_t now_us);

#endif
