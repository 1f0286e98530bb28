#include "service/leases.h"

#include <stdio.h>

#include "service/processing.h"
#include "service/queue.h"
#include "service/results.h"
#include "service/reuse.h"
#include "service/shared_clock.h"

#define EXPIRED_PAGE 100
#define SERVE_MOST_US US_PER_S      /* of jobs that the cache has, for one who wants others */
#define DUE_EARLY_US (US_PER_S / 4) /* more than nodes differ in the time they share */
#define CODE_EXPIRED "lease_expired"

/* ---- failures ---- */

/* Tried again later, or failed for good if that was the last time. */
static bool postpone(struct db *tx, const struct app *app, const struct job *job, const char *code,
                     const char *message, struct error *err)
{
    int64_t now_us = app_now_us(app);

    if (job->attempts > job->max_retries)
        return job_fail(tx, job, code, message, now_us, err) &&
               processing_failed(tx, app, job, code, message, err);
    return job_try_later(tx, job, code, message,
                         now_us + queue_retry_delay_us(app->queue, job->attempts, app->random),
                         err) &&
           processing_postponed(tx, app, job, true, err);
}

/* ---- what has run out ---- */

static bool expire_one(struct db *tx, const struct app *app, const struct job *job,
                       struct arena *mem, struct error *err)
{
    const char *message = arena_printf(
        mem, "worker \"%s\" was not heard of any more: it ended, or it takes longer than its lease",
        job->leased_by ? job->leased_by : "");

    return job_end_lease(tx, job, err) && postpone(tx, app, job, CODE_EXPIRED, message, err);
}

static bool expire_some(struct db *tx, const struct app *app, struct arena *mem, size_t *count,
                        struct error *err)
{
    struct job *jobs;

    if (!job_expired(tx, app_now_us(app), EXPIRED_PAGE, mem, &jobs, count, err))
        return false;
    for (size_t i = 0; i < *count; i++)
        if (!expire_one(tx, app, &jobs[i], mem, err))
            return false;
    return true;
}

struct expiry {
    struct app *app;
    size_t count;
};

static bool expire_work(struct db *tx, void *context, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct expiry *expiry = context;

    return expire_some(tx, expiry->app, mem, &expiry->count, err);
}

/* Whether anything has: most of the time nothing has, and nothing need be written. */
static bool look_for_expired(struct app *app, bool *found, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    struct job *jobs;
    size_t count;

    if (!database_read(app->database, &db, err) || !shared_clock_keep(app, db, err) ||
        !job_expired(db, app_now_us(app), 1, mem, &jobs, &count, err))
        return false;
    *found = count > 0;
    return true;
}

bool leases_expire(struct app *app, struct error *err)
{
    struct expiry expiry = {.app = app, .count = EXPIRED_PAGE};
    bool found;

    if (!look_for_expired(app, &found, err))
        return false;
    if (!found)
        return true;
    while (expiry.count == EXPIRED_PAGE)
        if (!database_write(app->database, expire_work, &expiry, err))
            return false;
    queue_signal(app->queue);
    return true;
}

/* ---- taking ---- */

struct taking {
    struct app *app;
    const struct lease_wish *wish;
    struct job_lease_request request;
    struct arena *mem;
    struct job *jobs;
    size_t count;
    struct job *served; /* those that the cache had the results of */
    size_t served_count;
};

static void fill_request(struct taking *taking)
{
    const struct lease_wish *wish = taking->wish;
    struct job_wanted *wanted = arena_array(taking->mem, wish->kind_count + 1, sizeof *wanted);

    for (size_t i = 0; i < wish->kind_count; i++) {
        const struct queue_kind *kind = queue_kind(taking->app->queue, wish->kinds[i]);

        wanted[i].kind = wish->kinds[i];
        if (kind) {
            wanted[i].group = kind->group;
            wanted[i].most = kind->most;
            wanted[i].most_each = kind->most_each;
        }
    }
    taking->request = (struct job_lease_request){
        .wanted = wanted,
        .wanted_count = wish->kind_count,
        .workspace_id = wish->workspace_id,
        .count = wish->count,
        .early_us = database_is_shared(taking->app->database) ? DUE_EARLY_US : 0,
        .worker = wish->worker};
}

static void set_times(struct taking *taking)
{
    int64_t lease_us = taking->wish->lease_us;

    taking->request.now_us = app_now_us(taking->app);
    taking->request.until_us =
        taking->request.now_us + (lease_us > 0 ? lease_us : queue_lease_us(taking->app->queue));
}

static bool complete_known(struct db *tx, const struct app *app, const struct job *job,
                           const char *result, struct error *err)
{
    return job_complete(tx, job, result, true, job->completed_at_us, err) &&
           results_keep(tx, app, job, result, true, err) && processing_completed(tx, app, job, err);
}

/* What is known already is done: such jobs end here, and are nobody's to work on. */
static bool serve_known(struct db *tx, struct taking *taking, struct error *err)
{
    size_t left = 0;

    taking->served = arena_array(taking->mem, taking->count + 1, sizeof *taking->served);
    for (size_t i = 0; i < taking->count; i++) {
        struct job job = taking->jobs[i];
        const char *result;

        job.completed_at_us = app_now_us(taking->app); /* if it is known */
        if (!reuse_find(tx, taking->app, &job, taking->mem, &result, err) ||
            (result && !complete_known(tx, taking->app, &job, result, err)))
            return false;
        if (result)
            taking->served[taking->served_count++] = job;
        else
            taking->jobs[left++] = taking->jobs[i];
    }
    taking->count = left;
    return true;
}

static bool take_work(struct db *tx, void *context, struct error *err)
{
    struct taking *taking = context;
    size_t expired;

    taking->served_count = 0;

    set_times(taking);
    if (!expire_some(tx, taking->app, taking->mem, &expired, err) ||
        !job_lease(tx, &taking->request, taking->mem, &taking->jobs, &taking->count, err))
        return false;
    for (size_t i = 0; i < taking->count; i++)
        if (!processing_began(tx, taking->app, &taking->jobs[i], err))
            return false;
    return serve_known(tx, taking, err);
}

static bool is_worth_it(struct taking *taking, bool *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    bool expired = false;

    if (!look_for_expired(taking->app, &expired, err) ||
        !database_read(taking->app->database, &db, err))
        return false;
    set_times(taking);
    if (!job_is_due(db, &taking->request, out, err))
        return false;
    *out |= expired;
    return true;
}

/* Writes only if a look says that there is something. */
static bool take_if_due(struct taking *taking, struct error *err)
{
    bool is_due;

    taking->count = taking->served_count = 0;
    return is_worth_it(taking, &is_due, err) &&
           (!is_due || database_write(taking->app->database, take_work, taking, err));
}

static void tell_served(const struct taking *taking)
{
    for (size_t i = 0; i < taking->served_count; i++)
        queue_count(taking->app->queue, taking->served[i].kind, QUEUE_COMPLETED, 0);
    if (taking->served_count > 0)
        queue_signal(taking->app->queue);
}

/* Until there is something to be done: what the cache had makes room for more, for a while. */
static bool take_what_is_left(struct taking *taking, struct error *err)
{
    int64_t until_us = clock_monotonic_us() + SERVE_MOST_US;

    do {
        if (!take_if_due(taking, err))
            return false;
        tell_served(taking);
    } while (taking->count == 0 && taking->served_count > 0 && clock_monotonic_us() < until_us);
    return true;
}

bool leases_take(struct app *app, const struct lease_wish *wish, struct arena *mem,
                 struct job **out, size_t *count, struct error *err)
{
    struct taking taking = {.app = app, .wish = wish, .mem = mem};

    fill_request(&taking);
    if (!take_what_is_left(&taking, err))
        return false;
    *out = taking.jobs;
    *count = taking.count;
    return true;
}

bool leases_await(struct app *app, const struct lease_wish *wish, int64_t until_us,
                  bool (*should_end)(void *context), void *context, struct arena *mem,
                  struct job **out, size_t *count, struct error *err)
{
    struct taking taking = {.app = app, .wish = wish, .mem = mem};

    fill_request(&taking);
    for (;;) {
        uint64_t turn = queue_turn(app->queue);

        if (!take_what_is_left(&taking, err))
            return false;
        if (taking.count > 0 || should_end(context) || clock_monotonic_us() >= until_us)
            break;
        queue_wait(app->queue, turn, until_us);
    }
    *out = taking.jobs;
    *count = taking.count;
    return true;
}

/* ---- holding on ---- */

struct beat {
    struct app *app;
    const struct held_job *held;
    int64_t lease_us;
    int32_t progress_milli;
    struct arena *mem;
    struct job job;
};

static bool beat_work(struct db *tx, void *context, struct error *err)
{
    struct beat *beat = context;
    const struct held_job *held = beat->held;
    int64_t now_us = app_now_us(beat->app);

    return job_held(tx, held->workspace_id, held->id, held->token, now_us, beat->mem, &beat->job,
                    NULL, err) &&
           job_heartbeat(tx, &beat->job, now_us + beat->lease_us, beat->progress_milli, err) &&
           job_by_id(tx, held->workspace_id, held->id, beat->mem, &beat->job, err);
}

bool leases_heartbeat(struct app *app, const struct held_job *held, int64_t lease_us,
                      int32_t progress_milli, struct arena *mem, struct job *out, struct error *err)
{
    struct beat beat = {.app = app,
                        .held = held,
                        .lease_us = lease_us > 0 ? lease_us : queue_lease_us(app->queue),
                        .progress_milli = progress_milli,
                        .mem = mem};

    if (!database_write(app->database, beat_work, &beat, err))
        return false;
    *out = beat.job;
    return true;
}

/* ---- ending ---- */

static bool complete(struct db *tx, const struct app *app, const struct job_end *end,
                     const struct job *job, struct error *err)
{
    return (!end->commit || end->commit(tx, job, end->context, err)) &&
           job_complete(tx, job, end->result, end->from_cache, job->completed_at_us, err) &&
           results_keep(tx, app, job, end->result, end->from_cache, err) &&
           processing_completed(tx, app, job, err);
}

static bool end_held(struct db *tx, const struct app *app, const struct job_end *end,
                     const struct job *job, struct error *err)
{
    switch (end->outcome) {
    case OUTCOME_COMPLETED:
        return complete(tx, app, end, job, err);
    case OUTCOME_FAILED:
        return job_fail(tx, job, end->code, end->message, app_now_us(app), err) &&
               processing_failed(tx, app, job, end->code, end->message, err);
    case OUTCOME_RETRYABLE:
        return postpone(tx, app, job, end->code, end->message, err);
    case OUTCOME_GIVEN_BACK:
        return job_give_back(tx, job, err) && processing_postponed(tx, app, job, false, err);
    }
    return error_set(err, ERR_INTERNAL, "outcome %d", (int)end->outcome);
}

/* Whoever completed a job may not say now that it failed, nor the other way round. */
static bool agrees(const struct job *job, enum job_outcome outcome)
{
    return (job->status == JOB_COMPLETED) == (outcome == OUTCOME_COMPLETED);
}

/* *HELD is false if the job's holder has ended it already, as they say now. */
static bool find_held(struct db *tx, const struct app *app, const struct job_end *end,
                      struct arena *mem, struct job *job, bool *held, struct error *err)
{
    bool ended;

    if (!job_held(tx, end->job.workspace_id, end->job.id, end->job.token, app_now_us(app), mem, job,
                  &ended, err))
        return false;
    *held = !ended;
    return !ended || agrees(job, end->outcome) ||
           error_tell(err, ERR_LEASE_LOST, "the job has ended otherwise");
}

struct ending {
    struct app *app;
    const struct job_end *ends;
    size_t count;
    bool *ended;          /* of each */
    struct error *errors; /* of each that is not */
    struct arena *mem;
    struct job *held; /* those that were held until now; kind NULL: not */
};

static void count_end(struct app *app, enum job_outcome outcome, const struct job *job)
{
    bool is_last = outcome == OUTCOME_FAILED || job->attempts > job->max_retries;

    if (outcome == OUTCOME_COMPLETED)
        queue_count(app->queue, job->kind, QUEUE_COMPLETED,
                    (app_now_us(app) - job->started_at_us) / 1000);
    else if (outcome != OUTCOME_GIVEN_BACK)
        queue_count(app->queue, job->kind, is_last ? QUEUE_FAILED : QUEUE_RETRIED, 0);
}

/* The committed end of a job that was held until now. */
static void conclude(struct app *app, const struct job_end *end, const struct job *job)
{
    count_end(app, end->outcome, job);
    if (end->outcome == OUTCOME_COMPLETED && end->result && !end->from_cache)
        reuse_keep(app, job, end->result, job_took_ms(job, job->completed_at_us));
}

static void conclude_all(const struct ending *ending)
{
    for (size_t i = 0; i < ending->count; i++)
        if (ending->held[i].kind)
            conclude(ending->app, &ending->ends[i], &ending->held[i]);
}

/* Those that are not held any more are left out: nothing of theirs was changed. */
static bool end_work(struct db *tx, void *context, struct error *err)
{
    struct ending *ending = context;

    for (size_t i = 0; i < ending->count; i++) {
        const struct job_end *end = &ending->ends[i];
        struct job *job = &ending->held[i];
        bool held = false;

        job->kind = NULL;
        ending->ended[i] =
            find_held(tx, ending->app, end, ending->mem, job, &held, &ending->errors[i]);
        if (!ending->ended[i] && ending->errors[i].kind != ERR_LEASE_LOST &&
            ending->errors[i].kind != ERR_JOB_CANCELLED &&
            ending->errors[i].kind != ERR_NOT_FOUND) {
            *err = ending->errors[i];
            return false;
        }
        job->completed_at_us = app_now_us(ending->app);
        if (held && !end_held(tx, ending->app, end, job, err))
            return false;
        if (!held)
            job->kind = NULL;
    }
    return true;
}

static bool end_one(struct app *app, const struct job_end *end, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    bool ended = false;
    struct job held = {0};
    struct ending ending = {.app = app,
                            .ends = end,
                            .count = 1,
                            .ended = &ended,
                            .errors = err,
                            .mem = mem,
                            .held = &held};
    struct error failed;

    if (!database_write(app->database, end_work, &ending, &failed)) {
        *err = failed;
        return false;
    }
    conclude_all(&ending);
    return ended;
}

void leases_end_all(struct app *app, const struct job_end *ends, size_t count, bool *ended,
                    struct error *errors)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct ending ending = {
        .app = app, .ends = ends, .count = count, .ended = ended, .errors = errors, .mem = mem};
    struct error err;

    ending.held = arena_array(mem, count, sizeof *ending.held);
    /* One whose effect cannot be committed takes the others with it: then each by itself. */
    if (database_write(app->database, end_work, &ending, &err))
        conclude_all(&ending);
    else
        for (size_t i = 0; i < count; i++)
            ended[i] = end_one(app, &ends[i], &errors[i]);
    queue_signal(app->queue);
}

bool leases_end(struct app *app, const struct job_end *end, struct arena *mem, struct job *out,
                struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    if (!end_one(app, end, err))
        return false;
    queue_signal(app->queue);
    return database_read(app->database, &db, err) &&
           job_by_id(db, end->job.workspace_id, end->job.id, mem, out, err);
}
