/* Leases: who gets which job, for how long, how often, and what ends it. */
#include "queue_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "catalog/workspace.h"
#include "service/enqueue.h"
#include "service/queue.h"
#include "service/sweep.h"
#include "service/trash.h"
#include "service/workspaces.h"

#define NONE ((struct uuid){{0}})

static int set_up(void **state)
{
    int code = app_fixture_set_up(state);

    if (code == 0)
        clock_take(*state);
    return code;
}

/* Reopens the app over more configuration. */
static void configure(struct app_fixture *f, const char *more)
{
    assert_ok(f,
              app_fixture_reopen(
                  f, arena_printf(f->mem, "[store \"main\"]\nprovider = local\npath = %s/main\n%s",
                                  f->folder, more)));
    clock_take(f);
}

static void expect_refusal(struct app_fixture *f, bool done, enum error_kind kind)
{
    assert_false(done);
    if (f->err.kind != kind)
        fail_msg("%s, not kind %d", f->err.log, (int)kind);
}

/* What a sweep removes, DAYS from now. */
static struct sweep_report sweep_in(struct app_fixture *f, int days)
{
    struct sweep_report report;

    clock_advance(days * US_PER_DAY);
    assert_ok(f, sweep_run(f->app, &report, &f->err));
    return report;
}

/* ---- order ---- */

static void the_highest_priority_first_then_what_has_been_due_for_longest(void **state)
{
    struct app_fixture *f = *state;
    struct uuid late, low, high, first;
    struct job *jobs;

    low = add_job(f, "echo", -5, NONE);
    first = add_job(f, "echo", 0, NONE);
    clock_advance(1000);
    late = add_job(f, "echo", 0, NONE);
    high = add_job(f, "echo", 9, NONE);
    add_job(f, "other", 100, NONE);
    assert_int_equal(lease(f, "echo", 10, &jobs), 4);
    assert_true(uuid_equal(jobs[0].id, high));
    assert_true(uuid_equal(jobs[1].id, first));
    assert_true(uuid_equal(jobs[2].id, late));
    assert_true(uuid_equal(jobs[3].id, low));
    assert_is_now(jobs[0].lease_until_us - LEASE_US);
    assert_string_equal(jobs[0].leased_by, "tester");
    assert_int_equal(lease(f, "echo", 10, &jobs), 0);
}

static void nothing_is_leased_before_it_is_due(void **state)
{
    struct app_fixture *f = *state;
    struct uuid later = add_job_as(
        f,
        &(struct job){.kind = "echo", .priority = 7, .run_after_us = clock_time_us() + SECOND_US});
    struct uuid now = add_job(f, "echo", 0, NONE);
    struct job *jobs;

    assert_int_equal(lease(f, "echo", 10, &jobs), 1);
    assert_true(uuid_equal(jobs[0].id, now));
    clock_advance(SECOND_US);
    assert_true(uuid_equal(lease_one(f, "echo").id, later));
}

/* ---- the fence ---- */

static void a_holder_ends_its_job_once_and_may_say_so_again(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_job(f, "echo", 0, NONE);
    struct job job = lease_one(f, "echo");

    clock_advance(1500000);
    complete(f, &job);
    complete(f, &job);
    assert_status(f, id, JOB_COMPLETED);
    assert_int_equal(job_of(f, id).processing_time_ms, 1500);
    assert_int_equal(job_of(f, id).progress_milli, 1000);
    assert_string_equal(job_of(f, id).result, "{\"n\":1}");
    expect_refusal(f, end_as(f, &job, OUTCOME_FAILED), ERR_LEASE_LOST);
    assert_status(f, id, JOB_COMPLETED);
}

static void whoever_lost_the_lease_changes_nothing(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_job(f, "echo", 0, NONE);
    struct job first = lease_one(f, "echo"), second, after;
    struct held_job held = {first.workspace_id, first.id, first.lease_token};

    clock_advance(LEASE_US);
    expect_refusal(f, end_as(f, &first, OUTCOME_COMPLETED),
                   ERR_LEASE_LOST); /* not taken over yet */
    assert_ok(f, leases_expire(f->app, &f->err));
    assert_status(f, id, JOB_PENDING);
    assert_string_equal(job_of(f, id).error_code, "lease_expired");
    assert_non_null(strstr(job_of(f, id).error_message, "tester"));
    expect_refusal(f, end_as(f, &first, OUTCOME_RETRYABLE), ERR_LEASE_LOST);
    clock_advance(3600 * SECOND_US);
    second = lease_one(f, "echo");
    assert_true(second.lease_token > first.lease_token);
    expect_refusal(f, end_as(f, &first, OUTCOME_COMPLETED), ERR_LEASE_LOST);
    expect_refusal(f, leases_heartbeat(f->app, &held, 0, 500, f->mem, &after, &f->err),
                   ERR_LEASE_LOST);
    assert_status(f, id, JOB_LEASED);
    complete(f, &second);
}

static void a_heartbeat_keeps_the_lease_and_never_shortens_it(void **state)
{
    struct app_fixture *f = *state;
    struct job job, after;
    struct held_job held;

    add_job(f, "echo", 0, NONE);
    job = lease_one(f, "echo");
    held = (struct held_job){job.workspace_id, job.id, job.lease_token};
    clock_advance(LEASE_US - SECOND_US);
    assert_ok(f, leases_heartbeat(f->app, &held, 0, 250, f->mem, &after, &f->err));
    assert_int_equal(after.progress_milli, 250);
    assert_is_now(after.lease_until_us - LEASE_US);
    assert_ok(f, leases_heartbeat(f->app, &held, 1, -1, f->mem, &after, &f->err));
    assert_is_now(after.lease_until_us - LEASE_US);
    assert_int_equal(after.progress_milli, 250);
    clock_advance(LEASE_US - SECOND_US);
    complete(f, &job);
}

static void another_workspace_sees_no_job(void **state)
{
    struct app_fixture *f = *state;
    struct workspace other;
    struct job *jobs, job, after;
    struct held_job held;
    const char *kind = "echo";
    struct lease_wish wish = {.kinds = &kind, .kind_count = 1, .count = 9, .worker = "w"};
    size_t count;

    add_job(f, "echo", 0, NONE);
    assert_ok(f, workspaces_add(f->app, "other", NULL, f->mem, &other, &f->err));
    wish.workspace_id = other.id;
    assert_ok(f, leases_take(f->app, &wish, f->mem, &jobs, &count, &f->err));
    assert_int_equal(count, 0);
    job = lease_one(f, "echo");
    held = (struct held_job){other.id, job.id, job.lease_token};
    expect_refusal(f, leases_heartbeat(f->app, &held, 0, -1, f->mem, &after, &f->err),
                   ERR_NOT_FOUND);
}

/* ---- retries ---- */

static void retries_wait_twice_as_long_each_time_until_there_are_none_left(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_job(f, "echo", 0, NONE);
    int64_t most_us = 10 * SECOND_US; /* jobs.retry_delay */

    for (int attempt = 1; attempt <= 3; attempt++, most_us *= 2) {
        struct job job = lease_one(f, "echo");
        int64_t wait_us;

        assert_int_equal(job.attempts, attempt);
        assert_ok(f, end_as(f, &job, OUTCOME_RETRYABLE));
        assert_status(f, id, JOB_PENDING);
        wait_us = job_of(f, id).run_after_us - clock_time_us();
        assert_in_range(wait_us, most_us / 2 - 1000, most_us);
        clock_advance(wait_us);
    }
    struct job last = lease_one(f, "echo");
    assert_ok(f, end_as(f, &last, OUTCOME_RETRYABLE));
    assert_status(f, id, JOB_FAILED);
    assert_string_equal(job_of(f, id).error_code, "went_wrong");
}

static void expired_leases_count_as_attempts(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_job(f, "echo", 0, NONE);

    for (int i = 0; i < 4; i++) {
        lease_one(f, "echo");
        clock_advance(LEASE_US);
        assert_ok(f, leases_expire(f->app, &f->err));
        clock_advance(3600 * SECOND_US);
    }
    assert_status(f, id, JOB_FAILED);
    assert_string_equal(job_of(f, id).error_code, "lease_expired");
}

static void what_is_not_retryable_fails_at_once_and_what_is_given_back_does_not_count(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_job(f, "echo", 0, NONE);
    struct job job = lease_one(f, "echo"), after;

    assert_ok(f, end_as(f, &job, OUTCOME_GIVEN_BACK));
    assert_int_equal(job_of(f, id).attempts, 0);
    job = lease_one(f, "echo");
    assert_ok(f, end_as(f, &job, OUTCOME_FAILED));
    assert_ok(f, end_as(f, &job, OUTCOME_FAILED)); /* the answer may have been lost */
    assert_status(f, id, JOB_FAILED);
    assert_ok(f, enqueue_retry(f->app, f->workspace_id, id, f->user_id, f->mem, &after, &f->err));
    assert_int_equal(after.attempts, 0);
    assert_null(after.error_code);
    job = lease_one(f, "echo");
    complete(f, &job);
    expect_refusal(f,
                   enqueue_retry(f->app, f->workspace_id, id, f->user_id, f->mem, &after, &f->err),
                   ERR_CONFLICT);
}

/* ---- limits and pauses ---- */

static void no_more_of_a_kind_are_leased_than_it_allows(void **state)
{
    struct app_fixture *f = *state;
    struct job *jobs, *more;

    configure(f, "[processor \"echo\"]\nconcurrency = 3\n");
    for (int i = 0; i < 5; i++)
        add_job(f, "echo", 0, NONE);
    assert_int_equal(lease(f, "echo", 2, &jobs), 2);
    assert_int_equal(lease(f, "echo", 10, &more), 1);
    assert_int_equal(lease(f, "echo", 10, &more), 0);
    complete(f, &jobs[0]);
    assert_int_equal(lease(f, "echo", 10, &more), 1);
}

static void one_workspace_cannot_take_all_there_is(void **state)
{
    struct app_fixture *f = *state;
    struct workspace other;
    struct job *jobs;
    size_t others = 0;

    configure(f, "[processor \"echo\"]\nworkspace_concurrency = 2\nconcurrency = 3\n");
    assert_ok(f, workspaces_add(f->app, "other", NULL, f->mem, &other, &f->err));
    for (int i = 0; i < 50; i++)
        add_job(f, "echo", 5, NONE);
    for (int i = 0; i < 2; i++)
        add_job_as(f, &(struct job){.kind = "echo", .workspace_id = other.id});
    assert_int_equal(lease(f, "echo", 10, &jobs), 3);
    for (int i = 0; i < 3; i++)
        others += uuid_equal(jobs[i].workspace_id, other.id);
    assert_int_equal(others, 1);
    complete(f, &jobs[2]);
    assert_int_equal(lease(f, "echo", 10, &jobs), 1);
    assert_true(uuid_equal(jobs[0].workspace_id, other.id));
}

static void a_paused_kind_gives_nothing_here_or_anywhere(void **state)
{
    struct app_fixture *f = *state;
    struct job *jobs;

    add_job(f, "echo", 0, NONE);
    add_job(f, "other", 0, NONE);
    assert_ok(f, enqueue_pause(f->app, "echo", f->workspace_id, f->user_id, true, &f->err));
    assert_ok(f, enqueue_pause(f->app, "echo", f->workspace_id, f->user_id, true, &f->err));
    assert_int_equal(lease(f, "echo", 10, &jobs), 0);
    assert_int_equal(lease(f, "other", 10, &jobs), 1);
    assert_ok(f, app_fixture_reopen(f, NULL)); /* it lasts */
    clock_take(f);
    assert_int_equal(lease(f, "echo", 10, &jobs), 0);
    assert_ok(f, enqueue_pause(f->app, "echo", NONE, NONE, true, &f->err));
    assert_ok(f, enqueue_pause(f->app, "echo", f->workspace_id, f->user_id, false, &f->err));
    assert_int_equal(lease(f, "echo", 10, &jobs), 0);
    assert_ok(f, enqueue_pause(f->app, "echo", NONE, NONE, false, &f->err));
    assert_int_equal(lease(f, "echo", 10, &jobs), 1);
}

/* ---- cancelling, waiting ---- */

static void a_cancelled_job_is_nobodys_any_more(void **state)
{
    struct app_fixture *f = *state;
    struct uuid pending = add_job(f, "echo", -1, NONE), leased = add_job(f, "echo", 0, NONE);
    struct job job = lease_one(f, "echo"), after;
    struct held_job held = {job.workspace_id, job.id, job.lease_token};

    assert_true(uuid_equal(job.id, leased));
    for (int i = 0; i < 2; i++) { /* twice is once */
        assert_ok(f, enqueue_cancel(f->app, f->workspace_id, pending, f->user_id, f->mem, &after,
                                    &f->err));
        assert_ok(f, enqueue_cancel(f->app, f->workspace_id, leased, f->user_id, f->mem, &after,
                                    &f->err));
    }
    expect_refusal(f, leases_heartbeat(f->app, &held, 0, 1, f->mem, &after, &f->err),
                   ERR_JOB_CANCELLED);
    expect_refusal(f, end_as(f, &job, OUTCOME_COMPLETED), ERR_JOB_CANCELLED);
    assert_status(f, leased, JOB_CANCELLED);
    assert_status(f, pending, JOB_CANCELLED);
}

static struct job *ask(struct app_fixture *f, struct uuid upload, const char *kind, bool per_chunk,
                       enum enqueue_after after, const char *after_kind, size_t *count)
{
    struct enqueue_request request = {.workspace_id = f->workspace_id,
                                      .upload_id = upload,
                                      .user_id = f->user_id,
                                      .kind = kind,
                                      .per_chunk = per_chunk,
                                      .after = after,
                                      .after_kind = after_kind,
                                      .max_retries = 3};
    struct job *jobs;

    assert_ok(f, enqueue(f->app, &request, f->mem, &jobs, count, &f->err));
    return jobs;
}

static void a_job_waits_for_all_that_it_comes_after(void **state)
{
    struct app_fixture *f = *state;
    struct uuid upload = add_upload_in_chunks(f, 3);
    struct job *parts, *sum, *waits, *leased;
    size_t count;

    parts = ask(f, upload, "part", true, AFTER_NOTHING, NULL, &count);
    assert_int_equal(count, 3);
    assert_int_equal(parts[2].chunk_index, 2);
    assert_int_equal(parts[2].chunk_start_ms, 20000);
    sum = ask(f, upload, "sum", false, AFTER_KIND, "part", &count);
    waits = ask(f, upload, "last", false, AFTER_KIND, "sum", &count);
    assert_int_equal(sum[0].needs, 3);
    assert_status(f, sum[0].id, JOB_WAITING);
    assert_int_equal(lease(f, "part", 9, &leased), 3);
    complete(f, &leased[0]);
    complete(f, &leased[1]);
    complete(f, &leased[1]); /* again: it is not counted twice */
    assert_status(f, sum[0].id, JOB_WAITING);
    assert_ok(f, end_as(f, &leased[2], OUTCOME_FAILED));
    assert_status(f, sum[0].id, JOB_WAITING); /* until somebody retries it */
    assert_ok(f, enqueue_retry(f->app, f->workspace_id, leased[2].id, f->user_id, f->mem,
                               &leased[0], &f->err));
    struct job again = lease_one(f, "part");
    complete(f, &again);
    assert_status(f, sum[0].id, JOB_PENDING);
    assert_status(f, waits[0].id, JOB_WAITING);
    assert_ok(f, enqueue_cancel(f->app, f->workspace_id, sum[0].id, f->user_id, f->mem, &leased[0],
                                &f->err));
    assert_status(f, waits[0].id, JOB_CANCELLED);
    assert_string_equal(job_of(f, waits[0].id).error_code, "needed_job_cancelled");
}

/* ---- many at once ---- */

#define LEASERS 16
#define JOBS 1000

struct race {
    struct app_fixture *f;
    pthread_mutex_t lock;
    unsigned seen[JOBS];
    atomic_uint done, failed;
};

static void note_leased(struct race *race, const struct job *job)
{
    pthread_mutex_lock(&race->lock);
    race->seen[job->priority]++;
    pthread_mutex_unlock(&race->lock);
    atomic_fetch_add(&race->done, 1);
}

static void *lease_all(void *context)
{
    struct race *race = context;
    scoped(arena_release) struct arena *mem = arena_new();
    const char *kind = "echo";
    struct lease_wish wish = {.kinds = &kind, .kind_count = 1, .count = 5, .worker = "racer"};
    struct job *jobs, after;
    struct error err;
    size_t count;

    do {
        if (!leases_take(race->f->app, &wish, mem, &jobs, &count, &err)) {
            atomic_fetch_add(&race->failed, 1);
            return NULL;
        }
        for (size_t i = 0; i < count; i++) {
            struct job_end end = {.job = {jobs[i].workspace_id, jobs[i].id, jobs[i].lease_token}};

            note_leased(race, &jobs[i]);
            if (!leases_end(race->f->app, &end, mem, &after, &err))
                atomic_fetch_add(&race->failed, 1);
        }
    } while (count > 0);
    return NULL;
}

/* The jobs are told apart by their priority. */
static bool add_many(struct db *tx, void *context, struct error *err)
{
    struct app_fixture *f = context;

    for (int i = 0; i < JOBS; i++) {
        struct job job = {.id = app_new_id(f->app),
                          .workspace_id = f->workspace_id,
                          .kind = "echo",
                          .priority = i,
                          .created_at_us = app_now_us(f->app)};

        if (!job_insert(tx, &job, err))
            return false;
    }
    return true;
}

static void each_job_is_leased_once_however_many_want_it(void **state)
{
    struct app_fixture *f = *state;
    struct race race = {.f = f, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[LEASERS];

    assert_ok(f, database_write(f->app->database, add_many, f, &f->err));
    for (int i = 0; i < LEASERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, lease_all, &race), 0);
    for (int i = 0; i < LEASERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(race.failed, 0);
    assert_int_equal(race.done, JOBS);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(race.seen[i], 1);
}

/* ---- what is left behind ---- */

static void jobs_are_forgotten_a_while_after_they_ended(void **state)
{
    struct app_fixture *f = *state;
    struct uuid done = add_job(f, "echo", 0, NONE), open;
    struct job job = lease_one(f, "echo");

    complete(f, &job);
    open = add_job(f, "echo", 0, NONE);
    assert_int_equal(sweep_in(f, 29).jobs, 0);
    assert_status(f, done, JOB_COMPLETED);
    assert_int_equal(sweep_in(f, 2).jobs, 1);
    assert_status(f, open, JOB_PENDING);
    assert_int_equal(sweep_in(f, 0).jobs, 0);
}

static void what_an_upload_goes_by_is_not_forgotten(void **state)
{
    struct app_fixture *f = *state;
    struct uuid upload = app_fixture_add(f, "main", "uploads/a.wav", true);
    struct uuid trashed = app_fixture_add(f, "main", "uploads/b.wav", true);
    struct job failing = {.upload_id = upload, .kind = "echo", .belongs = true};
    struct uuid failed, cancelled;
    struct job job;

    failed = add_job_as(f, &failing);
    job = lease_one(f, "echo");
    assert_ok(f, end_as(f, &job, OUTCOME_FAILED));
    add_job(f, "echo", 0, upload); /* asked for: this one goes */
    job = lease_one(f, "echo");
    complete(f, &job);
    cancelled = add_job(f, "echo", 0, trashed);
    assert_ok(f, trash_put(f->app, f->workspace_id, f->user_id, trashed, &f->err));
    assert_status(f, cancelled, JOB_CANCELLED);
    assert_int_equal(sweep_in(f, 31).jobs, 1);
    assert_status(f, failed, JOB_FAILED);
    assert_status(f, cancelled, JOB_CANCELLED);
}

static void a_job_that_others_wait_for_is_not_forgotten(void **state)
{
    struct app_fixture *f = *state;
    struct uuid upload = app_fixture_add(f, "main", "uploads/a.wav", true);
    struct uuid failed = add_job(f, "first", 0, upload);
    struct enqueue_request request = {.workspace_id = f->workspace_id,
                                      .upload_id = upload,
                                      .kind = "second",
                                      .after = AFTER_KIND,
                                      .after_kind = "first",
                                      .max_retries = -1};
    struct job job = lease_one(f, "first"), *made;
    size_t count;

    assert_ok(f, enqueue(f->app, &request, f->mem, &made, &count, &f->err));
    assert_ok(f, end_as(f, &job, OUTCOME_FAILED));
    assert_int_equal(sweep_in(f, 31).jobs, 0);
    assert_status(f, failed, JOB_FAILED);
    assert_status(f, made[0].id, JOB_WAITING);
}

static void stages_are_kept_for_as_long_as_their_lease(void **state)
{
    struct app_fixture *f = *state;
    struct store *store = app_store(f->app, "main");
    char first[JOB_STAGE_ID_SIZE], second[JOB_STAGE_ID_SIZE];
    scoped(stage_release) struct stage *stage = NULL;
    struct job job;

    add_job(f, "echo", 0, NONE);
    job = lease_one(f, "echo");
    job_stage_id(&job, 0, first);
    job_stage_id(&job, 1, second);
    assert_ok(f, store_stage_create(store, first, 1, &stage, &f->err));
    stage_free(take(stage));
    assert_ok(f, store_stage_create(store, second, 1, &stage, &f->err));
    assert_ok(f, sweep_start(f->app, NULL, &f->err)); /* of a server beside the worker */
    assert_int_equal(sweep_in(f, 0).stages, 0);
    assert_ok(f, end_as(f, &job, OUTCOME_GIVEN_BACK));
    lease_one(f, "echo"); /* by somebody else: it is not theirs */
    assert_int_equal(sweep_in(f, 0).stages, 2);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_highest_priority_first_then_what_has_been_due_for_longest),
        test(nothing_is_leased_before_it_is_due),
        test(a_holder_ends_its_job_once_and_may_say_so_again),
        test(whoever_lost_the_lease_changes_nothing),
        test(a_heartbeat_keeps_the_lease_and_never_shortens_it),
        test(another_workspace_sees_no_job),
        test(retries_wait_twice_as_long_each_time_until_there_are_none_left),
        test(expired_leases_count_as_attempts),
        test(what_is_not_retryable_fails_at_once_and_what_is_given_back_does_not_count),
        test(no_more_of_a_kind_are_leased_than_it_allows),
        test(one_workspace_cannot_take_all_there_is),
        test(a_paused_kind_gives_nothing_here_or_anywhere),
        test(a_cancelled_job_is_nobodys_any_more),
        test(a_job_waits_for_all_that_it_comes_after),
        test(each_job_is_leased_once_however_many_want_it),
        test(jobs_are_forgotten_a_while_after_they_ended),
        test(what_an_upload_goes_by_is_not_forgotten),
        test(a_job_that_others_wait_for_is_not_forgotten),
        test(stages_are_kept_for_as_long_as_their_lease),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
