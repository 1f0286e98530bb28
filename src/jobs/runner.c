#include "jobs/runner.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "jobs/batch_end.h"
#include "service/queue.h"

#define NAME_SIZE 128
#define KINDS_MAX 32
#define THREADS_MAX 256
#define TIME_LIMIT_MS (10 * 60 * 1000)
#define TICK_MAX_US US_PER_S
#define TICK_MIN_US (US_PER_S / 20)

/* One thread that runs jobs. */
struct lane {
    struct runner *runner;
    pthread_t thread;

    /* Under the runner's lock: */
    struct job_batch *batch; /* NULL: nothing runs */
    int64_t beat_us;         /* when its leases were last made longer */
    int64_t deadline_us;     /* when it takes too long */
    bool is_late;            /* it did */
};

struct runner {
    struct app *app;
    struct runner_options options;
    char name[NAME_SIZE];
    const char *kind_names[KINDS_MAX];
    size_t kind_count;
    struct lane *lanes;
    unsigned lane_count; /* that have been started */
    pthread_t keeper;    /* of leases */
    atomic_bool is_ending;

    pthread_mutex_t lock; /* guards the lanes and what follows */
    pthread_cond_t wake;  /* the keeper */
    bool keeper_ends;
    pthread_cond_t lane_ended;
    unsigned lanes_ended;
};

static bool is_stopping(void *context)
{
    const struct runner *runner = context;

    return atomic_load(&runner->is_ending) ||
           (runner->options.is_stopping && runner->options.is_stopping(runner->options.context));
}

/* ---- a batch ---- */

static const struct queued_kind *kind_of(const struct runner *runner, const char *name)
{
    const struct queued_kind *const *kind = runner->options.kinds;

    while (*kind && strcmp((*kind)->name, name) != 0)
        kind++;
    assert(*kind); /* nothing else was asked for */
    return *kind;
}

static int64_t time_limit_us(const struct job_batch *batch)
{
    int64_t most_ms = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct job_task *task = &batch->tasks[i];
        int64_t ms = task->kind->time_limit_ms
                         ? task->kind->time_limit_ms(batch->app, batch->upload, &task->job)
                         : TIME_LIMIT_MS;

        most_ms = ms > most_ms ? ms : most_ms;
    }
    return most_ms * 1000;
}

/* What is being done is seen by the keeper from here on. */
static void enter(struct lane *lane, struct job_batch *batch)
{
    struct runner *runner = lane->runner;
    int64_t now_us = clock_monotonic_us();

    pthread_mutex_lock(&runner->lock);
    lane->batch = batch;
    lane->beat_us = now_us;
    lane->deadline_us = now_us + time_limit_us(batch);
    lane->is_late = false;
    if (atomic_load(&runner->is_ending))
        atomic_store(&batch->should_end, true);
    pthread_mutex_unlock(&runner->lock);
}

static bool leave(struct lane *lane)
{
    struct runner *runner = lane->runner;
    bool is_late;

    pthread_mutex_lock(&runner->lock);
    lane->batch = NULL;
    is_late = lane->is_late;
    pthread_mutex_unlock(&runner->lock);
    return is_late;
}

static bool read_upload(struct app *app, const struct job *job, struct arena *mem,
                        const struct upload **out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct upload *upload = arena_alloc(mem, sizeof *upload);

    *out = NULL;
    if (uuid_is_nil(job->upload_id))
        return true;
    if (!database_read(app->database, &db, err) ||
        !upload_by_id(db, job->workspace_id, job->upload_id, mem, upload, err))
        return false;
    *out = upload;
    return true;
}

/* Whoever cancelled a job between its lease and now has told a lane that had no batch yet; from
 * here on the keeper sees it. False if nothing is left to be done; what cannot be asked is. */
static bool look_again(struct job_batch *batch)
{
    scoped(db_release) struct db *db = NULL;
    struct error err;
    bool any_left = false;

    if (!database_read(batch->app->database, &db, &err))
        return true;
    for (size_t i = 0; i < batch->count; i++) {
        struct job_task *task = &batch->tasks[i];
        bool is_held = true;

        if (job_is_leased(db, task->job.id, task->job.lease_token, &is_held, &err) && !is_held)
            atomic_store(&task->is_lost, true);
        any_left |= is_held;
    }
    return any_left;
}

static void run_jobs(struct lane *lane, const struct job *jobs, size_t count, struct arena *mem)
{
    struct runner *runner = lane->runner;
    struct job_batch batch = {.app = runner->app, .mem = mem, .count = count};
    struct error err;
    bool is_late = false;

    batch.tasks = arena_array(mem, count, sizeof *batch.tasks);
    for (size_t i = 0; i < count; i++) {
        batch.tasks[i].kind = kind_of(runner, jobs[i].kind);
        batch.tasks[i].job = jobs[i];
        batch.tasks[i].progress_milli = -1;
    }
    if (read_upload(runner->app, &jobs[0], mem, &batch.upload, &err)) {
        enter(lane, &batch);
        if (look_again(&batch))
            batch.tasks[0].kind->run(&batch);
        is_late = leave(lane);
    } else {
        for (size_t i = 0; i < count; i++)
            job_task_fail(&batch.tasks[i], true, error_code(&err),
                          arena_strdup(mem, error_detail(&err)));
    }
    batch_end(&batch, is_late, atomic_load(&runner->is_ending));
}

/* ---- a lane ---- */

static void work(struct lane *lane)
{
    struct runner *runner = lane->runner;
    const struct lease_wish wish = {.kinds = runner->kind_names,
                                    .kind_count = runner->kind_count,
                                    .count = 1,
                                    .worker = runner->name};
    scoped(arena_release) struct arena *mem = arena_new();

    while (!is_stopping(runner)) {
        struct job *jobs;
        size_t count;
        struct error err;

        arena_reset(mem);
        if (!leases_await(runner->app, &wish, INT64_MAX, is_stopping, runner, mem, &jobs, &count,
                          &err)) {
            log_event(LOG_WARN, "no job could be leased", log_text("error", err.log));
            queue_wait(runner->app->queue, queue_turn(runner->app->queue), INT64_MAX);
        } else if (count > 0) {
            run_jobs(lane, jobs, count, mem);
        }
    }
}

static void *lane_main(void *context)
{
    struct lane *lane = context;
    struct runner *runner = lane->runner;

    work(lane);
    pthread_mutex_lock(&runner->lock);
    runner->lanes_ended++;
    pthread_cond_signal(&runner->lane_ended);
    pthread_mutex_unlock(&runner->lock);
    return NULL;
}

/* ---- the keeper ---- */

/* What is to be kept alive, out of a lane: its batch may be gone while the catalog is asked. */
struct beat {
    struct held_job held;
    struct job_batch *batch;
    size_t task;
    int32_t progress_milli;
};

/* Under the lock. Adds the tasks of a lane whose leases are to be made longer. */
static size_t collect(struct lane *lane, int64_t now_us, int64_t every_us, struct beat *beats,
                      size_t room)
{
    struct job_batch *batch = lane->batch;
    size_t count = 0;

    if (!batch)
        return 0;
    if (now_us >= lane->deadline_us && !lane->is_late) {
        lane->is_late = true;
        atomic_store(&batch->should_end, true);
    }
    /* One that is late and does not end loses its lease, so that another can try. */
    if (now_us - lane->beat_us < every_us || lane->is_late)
        return 0;
    lane->beat_us = now_us;
    for (size_t i = 0; i < batch->count && count < room; i++) {
        const struct job_task *task = &batch->tasks[i];

        if (!atomic_load(&task->is_lost))
            beats[count++] =
                (struct beat){.held = {task->job.workspace_id, task->job.id, task->job.lease_token},
                              .batch = batch,
                              .task = i,
                              .progress_milli = atomic_load(&task->progress_milli)};
    }
    return count;
}

/* Under the lock. */
static void lose(struct lane *lane, const struct beat *beat)
{
    struct job_batch *batch = lane->batch;
    bool any_left = false;

    /* It may have ended meanwhile, and the same job may be the lane's again, at the same place. */
    if (batch != beat->batch || beat->task >= batch->count ||
        !uuid_equal(batch->tasks[beat->task].job.id, beat->held.id) ||
        batch->tasks[beat->task].job.lease_token != beat->held.token)
        return;
    atomic_store(&batch->tasks[beat->task].is_lost, true);
    for (size_t i = 0; i < batch->count; i++)
        any_left |= !atomic_load(&batch->tasks[i].is_lost);
    if (!any_left)
        atomic_store(&batch->should_end, true);
}

static void keep_alive(struct runner *runner, struct lane *lane, int64_t every_us)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct beat beats[KINDS_MAX];
    size_t count;

    pthread_mutex_lock(&runner->lock);
    count = collect(lane, clock_monotonic_us(), every_us, beats, KINDS_MAX);
    pthread_mutex_unlock(&runner->lock);
    for (size_t i = 0; i < count; i++) {
        struct job after;
        struct error err;

        if (leases_heartbeat(runner->app, &beats[i].held, 0, beats[i].progress_milli, mem, &after,
                             &err) ||
            !lease_is_gone(&err))
            continue;
        pthread_mutex_lock(&runner->lock);
        lose(lane, &beats[i]);
        pthread_mutex_unlock(&runner->lock);
    }
}

static struct timespec moment_in(int64_t us)
{
    int64_t at_us = clock_monotonic_us() + us;

    return (struct timespec){.tv_sec = at_us / US_PER_S, .tv_nsec = at_us % US_PER_S * 1000};
}

/* False once the keeper is to end. */
static bool tick(struct runner *runner, int64_t tick_us)
{
    struct timespec until = moment_in(tick_us);
    bool go_on;

    pthread_mutex_lock(&runner->lock);
    while (!runner->keeper_ends &&
           pthread_cond_timedwait(&runner->wake, &runner->lock, &until) != ETIMEDOUT)
        ;
    go_on = !runner->keeper_ends;
    pthread_mutex_unlock(&runner->lock);
    return go_on;
}

static void *keeper_main(void *context)
{
    struct runner *runner = context;
    int64_t every_us = queue_lease_us(runner->app->queue) / 3;
    int64_t tick_us = every_us / 2;
    uint64_t cancels = 0, cancels_seen = 0;
    struct error err;

    tick_us = tick_us > TICK_MAX_US ? TICK_MAX_US : tick_us < TICK_MIN_US ? TICK_MIN_US : tick_us;
    while (tick(runner, tick_us)) {
        cancels = queue_cancels(runner->app->queue);
        for (unsigned i = 0; i < runner->lane_count; i++)
            keep_alive(runner, &runner->lanes[i], cancels == cancels_seen ? every_us : 0);
        cancels_seen = cancels;
        if (!leases_expire(runner->app, &err))
            log_event(LOG_WARN, "leases could not be looked through", log_text("error", err.log));
    }
    return NULL;
}

/* ---- starting and stopping ---- */

static void set_name(struct runner *runner)
{
    char host[64] = "";

    gethostname(host, sizeof host - 1);
    if (runner->options.name)
        snprintf(runner->name, sizeof runner->name, "%s", runner->options.name);
    else
        snprintf(runner->name, sizeof runner->name, "%s/%ld", host, (long)getpid());
}

static unsigned threads_wanted(const struct runner_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = options->threads > 0 ? options->threads : cores > 0 ? (unsigned)cores : 1;

    return wanted < THREADS_MAX ? wanted : THREADS_MAX;
}

static struct runner *runner_new(struct app *app, const struct runner_options *options)
{
    struct runner *runner = calloc(1, sizeof *runner);
    pthread_condattr_t monotonic;

    if (!runner)
        abort();
    runner->app = app;
    runner->options = *options;
    set_name(runner);
    for (; options->kinds[runner->kind_count]; runner->kind_count++) {
        assert(runner->kind_count < KINDS_MAX);
        runner->kind_names[runner->kind_count] = options->kinds[runner->kind_count]->name;
    }
    runner->lanes = calloc(threads_wanted(options), sizeof *runner->lanes);
    if (!runner->lanes)
        abort();
    pthread_mutex_init(&runner->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&runner->wake, &monotonic);
    pthread_cond_init(&runner->lane_ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return runner;
}

static void discard(struct runner *runner)
{
    pthread_cond_destroy(&runner->wake);
    pthread_cond_destroy(&runner->lane_ended);
    pthread_mutex_destroy(&runner->lock);
    free(runner->lanes);
    free(runner);
}

static bool start_lanes(struct runner *runner)
{
    unsigned wanted = runner->kind_count > 0 ? threads_wanted(&runner->options) : 0;

    while (runner->lane_count < wanted) {
        struct lane *lane = &runner->lanes[runner->lane_count];

        lane->runner = runner;
        if (pthread_create(&lane->thread, NULL, lane_main, lane) != 0)
            return false;
        runner->lane_count++;
    }
    return true;
}

/* Runs that look at should_end, end. */
void runner_tell(struct runner *runner)
{
    atomic_store(&runner->is_ending, true);
    pthread_mutex_lock(&runner->lock);
    for (unsigned i = 0; i < runner->lane_count; i++)
        if (runner->lanes[i].batch)
            atomic_store(&runner->lanes[i].batch->should_end, true);
    pthread_mutex_unlock(&runner->lock);
    queue_signal(runner->app->queue);
}

static void join_lanes(struct runner *runner)
{
    runner_tell(runner);
    for (unsigned i = 0; i < runner->lane_count; i++)
        pthread_join(runner->lanes[i].thread, NULL);
}

/* The keeper comes last: it looks at lanes as they are then. */
static bool start_threads(struct runner *runner)
{
    if (start_lanes(runner) && pthread_create(&runner->keeper, NULL, keeper_main, runner) == 0)
        return true;
    join_lanes(runner);
    return false;
}

bool runner_start(struct app *app, const struct runner_options *options, struct runner **out,
                  struct error *err)
{
    struct runner *runner = runner_new(app, options);
    sigset_t all, before;
    bool started;

    /* Signals are the main thread's business. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = start_threads(runner);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) {
        discard(runner);
        return error_set(err, ERR_UNAVAILABLE, "no threads for jobs");
    }
    *out = runner;
    return true;
}

static bool await_lanes(struct runner *runner, uint32_t grace_ms)
{
    struct timespec until = moment_in((int64_t)grace_ms * 1000);
    bool ended;

    pthread_mutex_lock(&runner->lock);
    while (runner->lanes_ended < runner->lane_count &&
           pthread_cond_timedwait(&runner->lane_ended, &runner->lock, &until) != ETIMEDOUT)
        ;
    ended = runner->lanes_ended == runner->lane_count;
    pthread_mutex_unlock(&runner->lock);
    return ended;
}

/* Under the lock. */
static size_t held_by(const struct lane *lane, struct held_job *held, size_t room)
{
    const struct job_batch *batch = lane->batch;
    size_t count = 0;

    for (; batch && count < batch->count && count < room; count++) {
        const struct job *job = &batch->tasks[count].job;

        held[count] = (struct held_job){job->workspace_id, job->id, job->lease_token};
    }
    return count;
}

/* What the lane's run has, whoever asks first may have at once. */
static void give_back(struct runner *runner, struct lane *lane)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct held_job held[KINDS_MAX];
    size_t count;

    pthread_mutex_lock(&runner->lock);
    count = held_by(lane, held, KINDS_MAX);
    pthread_mutex_unlock(&runner->lock);
    for (size_t i = 0; i < count; i++) {
        struct job_end end = {.job = held[i], .outcome = OUTCOME_GIVEN_BACK};
        char id[UUID_TEXT_SIZE];
        struct job after;
        struct error err;

        uuid_format(held[i].id, id);
        if (leases_end(runner->app, &end, mem, &after, &err))
            log_event(LOG_WARN, "a job did not end when told to", log_text("job", after.kind),
                      log_text("job_id", id));
        else if (!lease_is_gone(&err)) /* its lease runs out */
            log_event(LOG_WARN, "a job could not be given back", log_text("job_id", id),
                      log_text("error", err.log));
    }
}

bool runner_stop(struct runner *runner, uint32_t grace_ms)
{
    runner_tell(runner);
    if (await_lanes(runner, grace_ms))
        return true;
    for (unsigned i = 0; i < runner->lane_count; i++)
        give_back(runner, &runner->lanes[i]);
    return false;
}

void runner_free(struct runner *runner)
{
    if (!runner)
        return;
    join_lanes(runner); /* whose leases are kept alive meanwhile */
    pthread_mutex_lock(&runner->lock);
    runner->keeper_ends = true;
    pthread_cond_signal(&runner->wake);
    pthread_mutex_unlock(&runner->lock);
    pthread_join(runner->keeper, NULL);
    discard(runner);
}
