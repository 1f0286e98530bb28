/* The threads that run jobs, over kinds that do what their options say. */
#include "queue_fixture.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "catalog/history.h"
#include "jobs/runner.h"
#include "service/enqueue.h"
#include "service/queue.h"

#define NONE ((struct uuid){{0}})
#define PATIENCE_S 60

/* ---- kinds ---- */

static atomic_uint runs, committed, in_vain, largest_batch;
static sem_t begun, released, let_go;

static bool wants(const struct job_task *task, const char *what)
{
    return strstr(task->job.options, what) != NULL;
}

/* Until it is told to end: what a run does that hangs on its media process. */
static void hang(struct job_batch *batch)
{
    struct timespec moment = {.tv_nsec = 1000000};

    while (!atomic_load(&batch->should_end))
        nanosleep(&moment, NULL);
}

/* Whatever it is told, until the test lets it go. */
static void hang_regardless(void)
{
    while (sem_wait(&let_go) != 0)
        ;
}

static void decide(struct job_batch *batch, struct job_task *task)
{
    if (wants(task, "stubborn"))
        hang_regardless();
    if (wants(task, "hang"))
        hang(batch);
    else if (wants(task, "fail"))
        job_task_fail(task, false, "cannot", "it cannot be done");
    else if (!wants(task, "forget"))
        job_task_complete(task, "{}");
}

static void run(struct job_batch *batch)
{
    atomic_fetch_add(&runs, 1);
    if (batch->count > largest_batch)
        largest_batch = (unsigned)batch->count;
    sem_post(&begun);
    for (size_t i = 0; i < batch->count; i++)
        decide(batch, &batch->tasks[i]);
}

/* The effect: a row. */
static bool commit(struct db *tx, const struct job_task *task, struct error *err)
{
    struct history_entry entry = {.id = task->job.id,
                                  .workspace_id = task->job.workspace_id,
                                  .upload_id = task->job.id,
                                  .action = "effect",
                                  .created_at_us = 1};

    return history_add(tx, &entry, err) &&
           (!wants(task, "refuse") || error_tell(err, ERR_MEDIA_UNREADABLE, "no such sound"));
}

static void release(struct app *app, struct job_task *task, bool was_committed)
{
    (void)app, (void)task;
    atomic_fetch_add(was_committed ? &committed : &in_vain, 1);
    sem_post(&released);
}

static int64_t at_once(const struct app *app, const struct upload *upload, const struct job *job)
{
    (void)app, (void)upload, (void)job;
    return 50;
}

/* Of a job that is leased, and not run yet. */
static int64_t cancel_first(const struct app *app, const struct upload *upload,
                            const struct job *job)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct job after;
    struct error err;

    (void)upload;
    if (strstr(job->options, "cancel"))
        assert_true(
            enqueue_cancel((struct app *)app, job->workspace_id, job->id, NONE, mem, &after, &err));
    return PATIENCE_S * 1000;
}

static const struct queued_kind plain = {
    .name = "plain", .run = run, .commit = commit, .release = release};
static const struct queued_kind quick = {
    .name = "quick", .run = run, .release = release, .time_limit_ms = at_once};
static const struct queued_kind one = {
    .name = "one", .group = "pair", .run = run, .commit = commit, .release = release};
static const struct queued_kind two = {
    .name = "two", .group = "pair", .run = run, .commit = commit, .release = release};
static const struct queued_kind early = {
    .name = "early", .run = run, .release = release, .time_limit_ms = cancel_first};
static const struct queued_kind *const kinds[] = {&plain, &quick, &one, &two, &early, NULL};

/* ---- around them ---- */

static int set_up(void **state)
{
    int code = app_fixture_set_up(state);
    struct app_fixture *f = *state;

    if (code != 0)
        return code;
    runs = committed = in_vain = largest_batch = 0;
    sem_init(&begun, 0, 0);
    sem_init(&released, 0, 0);
    sem_init(&let_go, 0, 0);
    return app_fixture_reopen(f, arena_printf(f->mem,
                                              "[store \"main\"]\nprovider = local\npath = %s/main\n"
                                              "[jobs]\nlease = 1s\nretry_delay = 10ms\n",
                                              f->folder))
               ? (queued_kinds_register(f->app, kinds), 0)
               : -1;
}

static struct runner *start(struct app_fixture *f, unsigned threads)
{
    struct runner_options options = {.kinds = kinds, .threads = threads, .name = "runner"};
    struct runner *runner = NULL;

    assert_ok(f, runner_start(f->app, &options, &runner, &f->err));
    return runner;
}

static void await(sem_t *what)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (sem_timedwait(what, &until) != 0)
        assert_int_equal(errno, EINTR);
}

static struct uuid add(struct app_fixture *f, const char *kind, const char *options)
{
    struct uuid id =
        add_job_as(f, &(struct job){.kind = kind, .options = options, .max_retries = 1});

    queue_signal(f->app->queue);
    return id;
}

static size_t effects_of(struct app_fixture *f, struct uuid id)
{
    return strlen(history_of(f, id)) / strlen("effect");
}

/* ---- tests ---- */

#define MANY 100

static void every_job_is_run_and_takes_effect_once(void **state)
{
    struct app_fixture *f = *state;
    struct runner *first = start(f, 4), *second = start(f, 4);
    struct uuid ids[MANY];

    for (int i = 0; i < MANY; i++)
        ids[i] = add(f, "plain", "{}");
    for (int i = 0; i < MANY; i++)
        await(&released);
    runner_free(first);
    runner_free(second);
    assert_int_equal(runs, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_status(f, ids[i], JOB_COMPLETED);
        assert_int_equal(effects_of(f, ids[i]), 1);
    }
}

static void companions_are_run_together_and_end_each_for_itself(void **state)
{
    struct app_fixture *f = *state;
    struct uuid upload = app_fixture_add(f, "main", "uploads/a.wav", true);
    struct job job = {.upload_id = upload, .kind = "two", .options = "{\"do\":\"fail\"}"};
    struct uuid failing = add_job_as(f, &job), fine;
    struct runner *runner;

    job.kind = "one";
    job.options = "{}";
    fine = add_job_as(f, &job);
    runner = start(f, 2);
    await(&released);
    await(&released);
    runner_free(runner);
    assert_int_equal(runs, 1);
    assert_int_equal(largest_batch, 2);
    assert_status(f, fine, JOB_COMPLETED);
    assert_status(f, failing, JOB_FAILED);
    assert_string_equal(job_of(f, failing).error_code, "cannot");
    assert_int_equal(effects_of(f, failing), 0);
}

static void what_was_asked_for_is_not_run_with_what_was_not(void **state)
{
    struct app_fixture *f = *state;
    struct uuid upload = app_fixture_add(f, "main", "uploads/a.wav", true);
    struct job job = {.upload_id = upload, .kind = "one", .options = "{}"};
    struct uuid asked = add_job_as(f, &job), own;
    struct runner *runner;

    job.kind = "two";
    job.belongs = true;
    own = add_job_as(f, &job);
    runner = start(f, 1);
    await(&released);
    await(&released);
    runner_free(runner);
    assert_int_equal(runs, 2);
    assert_int_equal(largest_batch, 1);
    assert_status(f, asked, JOB_COMPLETED);
    assert_status(f, own, JOB_COMPLETED);
}

/* Its companion is committed all the same. */
static void an_effect_that_cannot_be_committed_is_a_failure(void **state)
{
    struct app_fixture *f = *state;
    struct uuid upload = app_fixture_add(f, "main", "uploads/a.wav", true);
    struct job job = {.upload_id = upload, .kind = "one", .options = "{\"do\":\"refuse\"}"};
    struct uuid refused = add_job_as(f, &job), fine;
    struct runner *runner;

    job.kind = "two";
    job.options = "{}";
    fine = add_job_as(f, &job);
    runner = start(f, 1);
    await(&released);
    await(&released);
    runner_free(runner);
    assert_status(f, fine, JOB_COMPLETED);
    assert_status(f, refused, JOB_FAILED);
    assert_string_equal(job_of(f, refused).error_code, "media_unreadable");
    assert_int_equal(effects_of(f, refused), 0);
    assert_int_equal(in_vain, 1);
}

static void a_run_learns_that_its_job_was_cancelled(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "plain", "{\"do\":\"hang\"}");
    struct runner *runner = start(f, 1);
    struct job after;

    await(&begun);
    assert_ok(f, enqueue_cancel(f->app, f->workspace_id, id, NONE, f->mem, &after, &f->err));
    await(&released);
    assert_status(f, id, JOB_CANCELLED);
    assert_int_equal(in_vain, 1);
    add(f, "plain", "{}"); /* and the thread goes on */
    await(&released);
    runner_free(runner);
    assert_int_equal(committed, 1);
}

static void what_is_cancelled_before_its_run_is_not_run(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "early", "{\"do\":\"cancel\"}");
    struct runner *runner = start(f, 1);

    await(&released);
    assert_status(f, id, JOB_CANCELLED);
    assert_int_equal(runs, 0);
    assert_int_equal(in_vain, 1);
    add(f, "early", "{}");
    await(&released);
    runner_free(runner);
    assert_int_equal(runs, 1);
}

static void a_lease_is_kept_alive_for_as_long_as_its_run_takes(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "plain", "{\"do\":\"hang\"}");
    struct runner *runner = start(f, 2);
    int64_t first_us, until_us = clock_monotonic_us() + PATIENCE_S * US_PER_S;

    await(&begun);
    first_us = job_of(f, id).lease_until_us;
    while (clock_now_us(&clock_system) < first_us + US_PER_S / 2) /* past the first lease */
        assert_true(clock_monotonic_us() < until_us);
    assert_status(f, id, JOB_LEASED);
    assert_int_equal(job_of(f, id).attempts, 1);
    runner_free(runner);
    assert_int_equal(runs, 1);
}

static void a_run_that_takes_too_long_is_ended_and_tried_again(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "quick", "{\"do\":\"hang\"}");
    struct runner *runner = start(f, 1);

    await(&released);
    await(&released); /* max_retries is 1 */
    runner_free(runner);
    assert_status(f, id, JOB_FAILED);
    assert_string_equal(job_of(f, id).error_code, "job_timeout");
    assert_int_equal(runs, 2);
}

static void a_run_without_an_outcome_has_failed(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "plain", "{\"do\":\"forget\"}");
    struct runner *runner = start(f, 1);

    await(&released);
    await(&released);
    runner_free(runner);
    assert_status(f, id, JOB_FAILED);
    assert_string_equal(job_of(f, id).error_code, "internal_error");
}

static void what_runs_when_it_stops_is_given_back(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "plain", "{\"do\":\"hang\"}");
    struct runner *runner = start(f, 1);

    await(&begun);
    runner_free(runner);
    assert_status(f, id, JOB_PENDING);
    assert_int_equal(job_of(f, id).attempts, 0);
    assert_null(job_of(f, id).error_code);
}

static void a_run_that_does_not_end_holds_up_no_stop(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "plain", "{\"do\":\"stubborn\"}");
    struct runner *runner = start(f, 2);

    await(&begun);
    assert_false(runner_stop(runner, 20));
    assert_status(f, id, JOB_PENDING);
    assert_int_equal(job_of(f, id).attempts, 0);
    sem_post(&let_go); /* it says that it is done, too late */
    runner_free(runner);
    assert_status(f, id, JOB_PENDING);
    assert_int_equal(effects_of(f, id), 0);
    assert_int_equal(in_vain, 1);
}

static void a_stop_waits_for_runs_that_end(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add(f, "plain", "{\"do\":\"hang\"}");
    struct runner *runner = start(f, 2);

    await(&begun);
    assert_true(runner_stop(runner, PATIENCE_S * 1000));
    assert_status(f, id, JOB_PENDING);
    runner_free(runner);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_job_is_run_and_takes_effect_once),
        test(companions_are_run_together_and_end_each_for_itself),
        test(what_was_asked_for_is_not_run_with_what_was_not),
        test(an_effect_that_cannot_be_committed_is_a_failure),
        test(a_run_learns_that_its_job_was_cancelled),
        test(what_is_cancelled_before_its_run_is_not_run),
        test(a_lease_is_kept_alive_for_as_long_as_its_run_takes),
        test(a_run_that_takes_too_long_is_ended_and_tried_again),
        test(a_run_without_an_outcome_has_failed),
        test(what_runs_when_it_stops_is_given_back),
        test(a_run_that_does_not_end_holds_up_no_stop),
        test(a_stop_waits_for_runs_that_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
