#include "cli/sweeper.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/log.h"
#include "service/sweep.h"

#define SWEEP_EVERY_S 60

struct sweeper {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under LOCK */
};

static void sweep_once(struct app *app)
{
    struct error err;

    if (!sweep_run(app, NULL, &err))
        log_event(LOG_WARN, "sweep failed", log_text("error", err.log));
}

/* False once the sweeper is to stop. */
static bool wait_for_turn(struct sweeper *sweeper)
{
    struct timespec until;
    bool go_on;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SWEEP_EVERY_S;
    pthread_mutex_lock(&sweeper->lock);
    while (!sweeper->stopping &&
           pthread_cond_timedwait(&sweeper->wake, &sweeper->lock, &until) != ETIMEDOUT)
        ;
    go_on = !sweeper->stopping;
    pthread_mutex_unlock(&sweeper->lock);
    return go_on;
}

static void *sweep_thread(void *context)
{
    struct sweeper *sweeper = context;

    while (wait_for_turn(sweeper))
        sweep_once(sweeper->app);
    return NULL;
}

static struct sweeper *sweeper_new(struct app *app)
{
    struct sweeper *sweeper = calloc(1, sizeof(*sweeper));
    pthread_condattr_t monotonic;

    if (!sweeper)
        abort();
    sweeper->app = app;
    pthread_mutex_init(&sweeper->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sweeper->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return sweeper;
}

static void sweeper_discard(struct sweeper *sweeper)
{
    pthread_cond_destroy(&sweeper->wake);
    pthread_mutex_destroy(&sweeper->lock);
    free(sweeper);
}

bool sweeper_start(struct app *app, struct sweeper **out, struct error *err)
{
    struct sweeper *sweeper;

    if (!sweep_start(app, NULL, err))
        return false;
    sweep_once(app);
    sweeper = sweeper_new(app);
    errno = pthread_create(&sweeper->thread, NULL, sweep_thread, sweeper);
    if (errno != 0) {
        sweeper_discard(sweeper);
        return error_set(err, ERR_UNAVAILABLE, "no thread for sweeping");
    }
    *out = sweeper;
    return true;
}

void sweeper_free(struct sweeper *sweeper)
{
    if (!sweeper)
        return;
    pthread_mutex_lock(&sweeper->lock);
    sweeper->stopping = true;
    pthread_cond_signal(&sweeper->wake);
    pthread_mutex_unlock(&sweeper->lock);
    pthread_join(sweeper->thread, NULL);
    sweeper_discard(sweeper);
}
