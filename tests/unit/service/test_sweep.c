/* Sweeps beside what cannot be swept. */
#include "fixture.h"

#include "base/fs.h"
#include "catalog/session.h"
#include "service/sweep.h"

static bool sweep(struct app_fixture *f)
{
    return sweep_run(f->app, NULL, &f->err);
}

static void make_file(struct app_fixture *f, const char *name)
{
    assert_ok(f, fs_write_file(app_fixture_path(f, name), "x", 1, 0600, &f->err));
}

static bool is_there(struct app_fixture *f, const char *name)
{
    return access(app_fixture_path(f, name), F_OK) == 0;
}

/* Something between the server and its store: nothing in it can be found or removed. */
static void move_store(struct app_fixture *f, const char *from, const char *to)
{
    assert_int_equal(rename(app_fixture_path(f, from), app_fixture_path(f, to)), 0);
}

static void a_store_that_is_away_holds_up_nothing_but_its_own(void **state)
{
    struct app_fixture *f = *state;

    app_fixture_add_garbage(f, "cold", "a");
    app_fixture_add_garbage(f, "main", "b");
    move_store(f, "cold", "elsewhere");
    assert_false(sweep(f)); /* it is still told */
    assert_int_equal(f->err.kind, ERR_UNAVAILABLE);
    assert_false(app_fixture_has(f, "main", "b"));

    move_store(f, "elsewhere", "cold");
    assert_ok(f, sweep(f));
    assert_false(app_fixture_has(f, "cold", "a"));
}

static void a_stage_without_a_session_goes(void **state)
{
    struct app_fixture *f = *state;
    struct sweep_report report;

    app_fixture_begin(f);
    make_file(f, "main/.staging/01020304-0000-7000-8000-000000000000");
    assert_ok(f, sweep_run(f->app, &report, &f->err));
    assert_int_equal(report.stages, 1);
    assert_false(is_there(f, "main/.staging/01020304-0000-7000-8000-000000000000"));
}

static void what_is_no_stage_does_not_keep_the_server_from_starting(void **state)
{
    struct app_fixture *f = *state;
    struct sweep_report report;

    make_file(f, "main/.staging/.nfs0001");
    make_file(f, "main/.staging/01020304-0000-7000-8000-000000000000");
    assert_ok(f, sweep_start(f->app, &report, &f->err));
    assert_int_equal(report.stages, 1);
    assert_true(is_there(f, "main/.staging/.nfs0001"));
}

static void sessions_of_a_store_that_is_no_longer_configured_wait(void **state)
{
    struct app_fixture *f = *state;
    const char *cold = arena_printf(f->mem, "[store \"cold\"]\nprovider = local\npath = %s\n",
                                    app_fixture_path(f, "cold"));
    scoped(db_release) struct db *db = NULL;
    uint64_t open, bytes;

    assert_ok(f, database_write(f->app->database, app_fixture_begin_post, f, &f->err));
    assert_ok(f, app_fixture_reopen(f, cold));
    assert_ok(f, sweep_start(f->app, NULL, &f->err));
    assert_false(sweep(f));
    assert_ok(f, app_fixture_reopen(f, NULL));
    assert_ok(f, sweep_start(f->app, NULL, &f->err));
    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, session_figures(db, &open, &bytes, &f->err));
    assert_int_equal(open, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, app_fixture_set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_store_that_is_away_holds_up_nothing_but_its_own),
        CASE(a_stage_without_a_session_goes),
        CASE(sessions_of_a_store_that_is_no_longer_configured_wait),
        CASE(what_is_no_stage_does_not_keep_the_server_from_starting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
