/* Workspaces that go, with whatever they hold. */
#include "fixture.h"

#include "catalog/upload.h"
#include "service/workspaces.h"

static bool is_there(struct app_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    struct workspace workspace;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    return workspace_by_id(db, f->workspace_id, f->mem, &workspace, &f->err);
}

static bool has_upload(struct app_fixture *f, struct uuid id)
{
    scoped(db_release) struct db *db = NULL;
    struct upload upload;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    return upload_by_id(db, f->workspace_id, id, f->mem, &upload, &f->err);
}

static bool remove_it(struct app_fixture *f, bool force)
{
    return workspaces_remove(f->app, f->workspace_id, f->user_id, force, &f->err);
}

static void what_holds_something_stays(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = app_fixture_add(f, "main", "a", true);

    assert_false(remove_it(f, false));
    assert_int_equal(f->err.kind, ERR_CONFLICT);
    assert_true(is_there(f) && has_upload(f, id));
}

static void force_takes_uploads_in_progress_too(void **state)
{
    struct app_fixture *f = *state;

    app_fixture_add(f, "main", "a", true);
    app_fixture_begin(f);
    assert_ok(f, remove_it(f, true));
    assert_false(is_there(f));
    assert_false(app_fixture_has(f, "main", "a"));
}

static void nothing_is_purged_where_the_workspace_stays(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = app_fixture_add(f, "main", "a", true);

    assert_ok(f, database_write(f->app->database, app_fixture_begin_post, f, &f->err));
    assert_false(remove_it(f, true));
    assert_int_equal(f->err.kind, ERR_CONFLICT);
    assert_non_null(strstr(error_detail(&f->err), "in progress"));
    assert_true(is_there(f) && has_upload(f, id));
}

static void no_upload_begins_in_a_workspace_that_went(void **state)
{
    struct app_fixture *f = *state;

    assert_ok(f, remove_it(f, false));
    assert_false(database_write(f->app->database, app_fixture_begin_post, f, &f->err));
    assert_int_equal(f->err.kind, ERR_NOT_FOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, app_fixture_set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_holds_something_stays),
        CASE(force_takes_uploads_in_progress_too),
        CASE(nothing_is_purged_where_the_workspace_stays),
        CASE(no_upload_begins_in_a_workspace_that_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
