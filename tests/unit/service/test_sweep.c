/* Sweeps beside what cannot be swept. */
#include "fixture.h"

#include "base/fs.h"
#include "catalog/derived.h"
#include "catalog/garbage.h"
#include "catalog/job_lease.h"
#include "catalog/session.h"
#include "service/sweep.h"
#include "store/driver.h"

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

/* ---- a lease that ends while the sweep is at it ---- */

#define LATE_KEY "chunks/late.wav"

/* A worker that has written a file, and its row, and is about to make an object of it. */
static struct {
    struct app_fixture *f;
    struct job job;
    const struct store_driver *driver;
} late;

static bool lease_one(struct db *tx, void *context, struct error *err)
{
    struct app_fixture *f = context;
    struct job_wanted wanted = {.kind = "chunk"};
    struct job_lease_request request = {.wanted = &wanted,
                                        .wanted_count = 1,
                                        .count = 1,
                                        .worker = "late",
                                        .now_us = app_now_us(f->app),
                                        .until_us = INT64_MAX};
    struct job job = {.id = app_new_id(f->app),
                      .workspace_id = f->workspace_id,
                      .upload_id = late.job.upload_id,
                      .kind = "chunk",
                      .options = "{}",
                      .created_at_us = request.now_us};
    struct job *jobs;
    size_t count;

    if (!job_insert(tx, &job, err) || !job_lease(tx, &request, f->mem, &jobs, &count, err))
        return false;
    if (count != 1)
        return error_set(err, ERR_INTERNAL, "%zu jobs were leased", count);
    late.job = jobs[0];
    return true;
}

static bool add_row(struct db *tx, void *context, struct error *err)
{
    struct derived row = {.storage_name = "main",
                          .storage_path = LATE_KEY,
                          .upload_id = late.job.upload_id,
                          .kind = DERIVED_CHUNK,
                          .size = 5,
                          .checksum_md5 = "",
                          .checksum_sha256 = "",
                          .job_id = late.job.id,
                          .lease_token = late.job.lease_token};

    (void)context;
    return derived_add(tx, &row, err);
}

static void write_late_stage(struct app_fixture *f, const char *id)
{
    scoped(stage_release) struct stage *stage = NULL;

    assert_ok(f, store_stage_create(app_store(f->app, "main"), id, 5, &stage, &f->err));
    assert_ok(f, stage_write(stage, 0, "bytes", 5, &f->err));
}

static bool cancel_late_job(struct db *tx, void *context, struct error *err)
{
    bool changed;

    (void)context;
    return job_cancel(tx, late.job.id, 1, "cancelled", "in a test", &changed, err);
}

/* Its lease was held when its stage was seen. */
static bool list_then_cancel(struct store *self,
                             bool (*visit)(void *context, const struct store_object *stage),
                             void *context, struct error *err)
{
    return late.driver->list_stages(self, visit, context, err) &&
           database_write(late.f->app->database, cancel_late_job, NULL, err);
}

static void publish_late(struct app_fixture *f, const char *id)
{
    scoped(stage_release) struct stage *stage = NULL;

    assert_ok(f, store_stage_open(app_store(f->app, "main"), id, &stage, &f->err));
    assert_ok(f, stage_publish(stage, 5, LATE_KEY, &f->err));
}

static bool is_explained(struct app_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    struct derived row;
    bool is_garbage;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, garbage_holds(db, "main", LATE_KEY, &is_garbage, &f->err));
    return is_garbage || derived_at(db, "main", LATE_KEY, f->mem, &row, &f->err);
}

static void a_file_that_is_published_after_its_lease_is_explained_and_goes(void **state)
{
    struct app_fixture *f = *state;
    struct store *store = app_store(f->app, "main");
    struct store_driver hooked = *store->driver;
    char id[JOB_STAGE_ID_SIZE];

    late.f = f;
    late.driver = store->driver;
    late.job.upload_id = app_fixture_add(f, "main", "a", true);
    assert_ok(f, database_write(f->app->database, lease_one, f, &f->err));
    job_stage_id(&late.job, 0, id);
    write_late_stage(f, id);
    assert_ok(f, database_write(f->app->database, add_row, NULL, &f->err));

    hooked.list_stages = list_then_cancel;
    store->driver = &hooked;
    assert_ok(f, sweep(f));
    store->driver = late.driver;
    publish_late(f, id);
    assert_true(is_explained(f));
    assert_ok(f, sweep(f));
    assert_false(app_fixture_has(f, "main", LATE_KEY));
    assert_false(is_explained(f));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, app_fixture_set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_store_that_is_away_holds_up_nothing_but_its_own),
        CASE(a_stage_without_a_session_goes),
        CASE(sessions_of_a_store_that_is_no_longer_configured_wait),
        CASE(what_is_no_stage_does_not_keep_the_server_from_starting),
        CASE(a_file_that_is_published_after_its_lease_is_explained_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
