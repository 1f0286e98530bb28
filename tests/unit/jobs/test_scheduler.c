/* The scheduler over kinds of job that only count, and over the server's own. */
#include "fixture.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "base/fs.h"
#include "jobs/scheduler.h"

#define PATIENCE_S 30
#define AN_HOUR_MS 3600000

/* What the kinds below have done; their functions know nothing else. */
static atomic_uint prepared, ran_often, ran_seldom;
static sem_t often_ran, serving;

static void forget(void)
{
    prepared = ran_often = ran_seldom = 0;
    sem_init(&often_ran, 0, 0);
    sem_init(&serving, 0, 0);
}

static void wait_for(sem_t *semaphore)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (sem_timedwait(semaphore, &until) != 0)
        assert_int_equal(errno, EINTR);
}

static bool prepare(struct app *app, struct error *err)
{
    (void)app, (void)err;
    assert_int_equal(ran_often + ran_seldom, 0);
    atomic_fetch_add(&prepared, 1);
    return true;
}

static bool prepare_in_vain(struct app *app, struct error *err)
{
    (void)app;
    return error_set(err, ERR_STORAGE_FULL, "no room");
}

static bool run_often(struct app *app, struct error *err)
{
    (void)app;
    atomic_fetch_add(&ran_often, 1);
    sem_post(&often_ran);
    return error_set(err, ERR_UNAVAILABLE, "not this time either");
}

static bool run_seldom(struct app *app, struct error *err)
{
    (void)app, (void)err;
    atomic_fetch_add(&ran_seldom, 1);
    return true;
}

/* Until serving has begun. */
static bool run_slowly(struct app *app, struct error *err)
{
    wait_for(&serving);
    return run_often(app, err);
}

static const struct job_kind often = {"often", 1, prepare, run_often, false};
static const struct job_kind seldom = {"seldom", AN_HOUR_MS, NULL, run_seldom, false};
static const struct job_kind hopeless = {"hopeless", 1, prepare_in_vain, run_often, false};

static const struct job_kind slow = {"slow", AN_HOUR_MS, NULL, run_slowly, .is_slow = true};

static void each_runs_before_serving_begins(void **state)
{
    const struct job_kind *const kinds[] = {&seldom, &often};
    scoped(scheduler_release) struct scheduler *scheduler = NULL;
    struct error err;

    (void)state;
    forget();
    assert_true(scheduler_start(NULL, kinds, COUNT_OF(kinds), &scheduler, &err));
    assert_int_equal(prepared, 1);
    assert_int_equal(ran_seldom, 1);
    assert_true(ran_often >= 1);
}

/* Ends at once, too: what is due in an hour does not keep the thread. */
static void each_runs_again_at_its_time_whether_it_failed_or_not(void **state)
{
    const struct job_kind *const kinds[] = {&often, &seldom};
    struct scheduler *scheduler = NULL;
    struct error err;

    (void)state;
    forget();
    assert_true(scheduler_start(NULL, kinds, COUNT_OF(kinds), &scheduler, &err));
    for (int i = 0; i < 5; i++)
        wait_for(&often_ran);
    scheduler_free(scheduler);
    assert_int_equal(ran_seldom, 1);
}

static void what_is_slow_does_not_hold_up_the_start(void **state)
{
    const struct job_kind *const kinds[] = {&slow, &seldom};
    scoped(scheduler_release) struct scheduler *scheduler = NULL;
    struct error err;

    (void)state;
    forget();
    assert_true(scheduler_start(NULL, kinds, COUNT_OF(kinds), &scheduler, &err));
    assert_int_equal(ran_seldom, 1);
    sem_post(&serving);
    wait_for(&often_ran);
    assert_int_equal(ran_often, 1);
}

static void what_cannot_be_prepared_keeps_the_server_from_starting(void **state)
{
    const struct job_kind *const kinds[] = {&often, &hopeless};
    struct scheduler *scheduler = NULL;
    struct error err;

    (void)state;
    forget();
    assert_false(scheduler_start(NULL, kinds, COUNT_OF(kinds), &scheduler, &err));
    assert_int_equal(err.kind, ERR_STORAGE_FULL);
    assert_non_null(strstr(err.log, "hopeless"));
    assert_null(scheduler);
    assert_int_equal(ran_often, 0);
}

static void the_servers_own_have_cleared_away_when_it_starts(void **state)
{
    struct app_fixture *f = *state;
    const char *stage = app_fixture_path(f, "main/.staging/left-over");
    scoped(scheduler_release) struct scheduler *scheduler = NULL;

    app_fixture_add_garbage(f, "main", "a");
    assert_ok(f, fs_write_file(stage, "x", 1, 0600, &f->err));
    assert_ok(f, scheduler_start(f->app, job_kinds, job_kind_count, &scheduler, &f->err));
    assert_false(app_fixture_has(f, "main", "a"));
    assert_int_not_equal(access(stage, F_OK), 0);
    scheduler_free(take(scheduler)); /* before the app that it works on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_runs_before_serving_begins),
        cmocka_unit_test(each_runs_again_at_its_time_whether_it_failed_or_not),
        cmocka_unit_test(what_is_slow_does_not_hold_up_the_start),
        cmocka_unit_test(what_cannot_be_prepared_keeps_the_server_from_starting),
        cmocka_unit_test_setup_teardown(the_servers_own_have_cleared_away_when_it_starts,
                                        app_fixture_set_up, app_fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
