#include "jobs/scheduler.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/log.h"

struct scheduler {
    struct app *app;
    const struct job_kind *const *kinds;
    size_t count;
    int64_t *due_us; /* of each kind, on the monotonic clock */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under LOCK */
};

/* ---- running ---- */

static int64_t every_us(const struct scheduler *scheduler, const struct job_kind *kind)
{
    return kind->every_ms > 0 ? (int64_t)kind->every_ms * 1000
                              : scheduler->app->settings.sweep_every_us;
}

static void run_one(struct scheduler *scheduler, size_t i)
{
    const struct job_kind *kind = scheduler->kinds[i];
    struct error err;

    if (!kind->run(scheduler->app, &err))
        log_event(LOG_WARN, "job failed", log_text("job", kind->name), log_text("error", err.log));
    scheduler->due_us[i] = clock_monotonic_us() + every_us(scheduler, kind);
}

/* The kind that is due first. There is one at least. */
static size_t next_kind(const struct scheduler *scheduler)
{
    size_t first = 0;

    for (size_t i = 1; i < scheduler->count; i++)
        if (scheduler->due_us[i] < scheduler->due_us[first])
            first = i;
    return first;
}

/* False once the scheduler is to stop. */
static bool wait_until(struct scheduler *scheduler, int64_t at_us)
{
    struct timespec until = {.tv_sec = at_us / US_PER_S, .tv_nsec = at_us % US_PER_S * 1000};
    bool go_on;

    pthread_mutex_lock(&scheduler->lock);
    while (!scheduler->stopping &&
           pthread_cond_timedwait(&scheduler->wake, &scheduler->lock, &until) != ETIMEDOUT)
        ;
    go_on = !scheduler->stopping;
    pthread_mutex_unlock(&scheduler->lock);
    return go_on;
}

static void *run_all(void *context)
{
    struct scheduler *scheduler = context;
    size_t next = next_kind(scheduler);

    for (; wait_until(scheduler, scheduler->due_us[next]); next = next_kind(scheduler))
        run_one(scheduler, next);
    return NULL;
}

/* ---- starting and stopping ---- */

static struct scheduler *scheduler_new(struct app *app, const struct job_kind *const *kinds,
                                       size_t count)
{
    struct scheduler *scheduler = calloc(1, sizeof *scheduler);
    int64_t *due_us = calloc(count, sizeof *due_us);
    pthread_condattr_t monotonic;

    if (!scheduler || !due_us)
        abort();
    *scheduler = (struct scheduler){.app = app, .kinds = kinds, .count = count, .due_us = due_us};
    pthread_mutex_init(&scheduler->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&scheduler->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return scheduler;
}

static void discard(struct scheduler *scheduler)
{
    pthread_cond_destroy(&scheduler->wake);
    pthread_mutex_destroy(&scheduler->lock);
    free(scheduler->due_us);
    free(scheduler);
}

/* Signals are the main thread's business. */
static int start_without_signals(struct scheduler *scheduler)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&scheduler->thread, NULL, run_all, scheduler);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

bool scheduler_start(struct app *app, const struct job_kind *const *kinds, size_t count,
                     struct scheduler **out, struct error *err)
{
    struct scheduler *scheduler;

    assert(count > 0);
    for (size_t i = 0; i < count; i++)
        if (kinds[i]->prepare && !kinds[i]->prepare(app, err))
            return error_context(err, "job \"%s\"", kinds[i]->name);
    scheduler = scheduler_new(app, kinds, count);
    for (size_t i = 0; i < count; i++)
        if (!kinds[i]->is_slow) /* those are due by now */
            run_one(scheduler, i);
    if (start_without_signals(scheduler) != 0) {
        discard(scheduler);
        return error_set(err, ERR_UNAVAILABLE, "no thread for the scheduler");
    }
    *out = scheduler;
    return true;
}

void scheduler_free(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    pthread_mutex_lock(&scheduler->lock);
    scheduler->stopping = true;
    pthread_cond_signal(&scheduler->wake);
    pthread_mutex_unlock(&scheduler->lock);
    pthread_join(scheduler->thread, NULL);
    discard(scheduler);
}
