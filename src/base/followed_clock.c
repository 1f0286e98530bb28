#include "base/followed_clock.h"

#include <stdlib.h>

#include "base/scoped.h"

/* More than a quartz of a machine has. */
#define DRIFT_PER_MILLION 200

static int64_t followed_now_us(const struct clock *clock)
{
    const struct followed_clock *self = container_of(clock, struct followed_clock, clock);

    if (!atomic_load(&self->is_told))
        return clock_now_us(&clock_system);
    return clock_boot_us() + atomic_load(&self->ahead_us);
}

void followed_clock_init(struct followed_clock *self)
{
    *self = (struct followed_clock){.clock = {.now_us = followed_now_us}};
    pthread_mutex_init(&self->lock, NULL);
}

void followed_clock_done(struct followed_clock *self)
{
    pthread_mutex_destroy(&self->lock);
}

/* Whether the answer before it, which may be WRONG_US wrong by now, is as good as this one. */
static bool is_good_yet(int64_t wrong_us, int64_t difference_us, int64_t new_wrong_us)
{
    return wrong_us <= new_wrong_us && llabs(difference_us) <= wrong_us + new_wrong_us;
}

void followed_clock_tell(struct followed_clock *self, const struct clock_answer *answer)
{
    int64_t took_us = answer->answered_at_us - answer->asked_at_us;
    int64_t ahead_us = answer->shown_us - (answer->asked_at_us + took_us / 2);
    int64_t wrong_us = took_us / 2 + 1, drifted_us;

    pthread_mutex_lock(&self->lock);
    drifted_us = (answer->answered_at_us - self->told_at_us) * DRIFT_PER_MILLION / 1000000;
    if (!atomic_load(&self->is_told) ||
        !is_good_yet(self->wrong_us + drifted_us, ahead_us - atomic_load(&self->ahead_us),
                     wrong_us)) {
        atomic_store(&self->ahead_us, ahead_us);
        atomic_store(&self->is_told, true);
        self->told_at_us = answer->answered_at_us;
        self->wrong_us = wrong_us;
    }
    self->heard_at_us = answer->answered_at_us;
    pthread_mutex_unlock(&self->lock);
}

bool followed_clock_is_stale(struct followed_clock *self, int64_t age_us, int64_t now_us)
{
    bool stale;

    pthread_mutex_lock(&self->lock);
    stale = !atomic_load(&self->is_told) || now_us - self->heard_at_us > age_us;
    pthread_mutex_unlock(&self->lock);
    return stale;
}
