/* What a command is given of a store: a link where the store is on this machine, else a copy. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "jobs/command_input.h"
#include "store/driver.h"
#include "store_fault.h"

struct given {
    struct scratch scratch;
    struct scratch_folder folder;
    struct upload upload;
    struct job job;
    struct command_input input;
};

static void give(struct app_fixture *f, struct given *given)
{
    struct uuid id = app_fixture_add(f, "main", "uploads/a/b-c.Mp3", true);
    scoped(db_release) struct db *db = NULL;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, upload_by_id(db, f->workspace_id, id, f->mem, &given->upload, &f->err));
    given->job.upload_id = id;
    given->input = COMMAND_INPUT_NONE;
    assert_ok(f, scratch_open(app_fixture_path(f, "scratch"), &given->scratch, &f->err));
    assert_ok(f, scratch_folder_make(&given->scratch, "one", f->mem, &given->folder, &f->err));
}

static bool open_input(struct app_fixture *f, struct given *given)
{
    static atomic_bool should_end;
    struct command_source from = {f->app, &given->upload, &given->job, &should_end};

    return command_input_open(&from, &given->folder, f->mem, &given->input, &f->err);
}

static void take_back(struct given *given)
{
    struct stat st;

    command_input_close(&given->input);
    scratch_folder_remove(&given->folder);
    assert_int_equal(lstat(given->folder.path, &st), -1);
    scratch_close(&given->scratch);
}

static void assert_has_five_bytes(struct app_fixture *f, const struct given *given)
{
    char *bytes, own[8];
    size_t length, got;

    assert_ok(f, fs_read_file(given->input.path, 100, f->mem, &bytes, &length, &f->err));
    assert_int_equal(length, 5);
    assert_ok(f, fs_read_at(given->input.fd, own, sizeof own, 0, &got, "input", &f->err));
    assert_int_equal(got, 5);
    assert_memory_equal(own, bytes, 5);
}

static void a_local_store_is_linked_to(void **state)
{
    struct app_fixture *f = *state;
    struct given given = {0};
    struct stat st;

    give(f, &given);
    assert_ok(f, open_input(f, &given));
    assert_string_equal(strrchr(given.input.path, '/'), "/audio.Mp3");
    assert_int_equal(lstat(given.input.path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_has_five_bytes(f, &given);
    take_back(&given);
}

/* As object stores are: nothing to open, and bytes only. */
static void another_store_is_copied_from(void **state)
{
    struct app_fixture *f = *state;
    struct store *local = f->app->stores[0], *remote = store_fault_new(local);
    struct store_driver driver = *remote->driver;
    struct given given = {0};
    struct stat st;

    give(f, &given);
    driver.open_fd = NULL;
    remote->driver = &driver;
    f->app->stores[0] = remote;
    given.upload.storage_name = store_name(remote);
    assert_ok(f, open_input(f, &given));
    assert_int_equal(lstat(given.input.path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_has_five_bytes(f, &given);
    f->app->stores[0] = local;
    store_free(remote);
    take_back(&given);
}

static void what_is_not_there_is_tried_again(void **state)
{
    struct app_fixture *f = *state;
    struct given given = {0};

    give(f, &given);
    given.upload.storage_path = "uploads/a/gone.mp3";
    assert_false(open_input(f, &given));
    assert_int_equal(f->err.kind, ERR_CONFLICT);
    take_back(&given);
}

/* What a process that was killed has left goes when the next one begins; what is in use stays. */
static void folders_that_were_left_are_cleared_away(void **state)
{
    struct app_fixture *f = *state;
    struct given given = {0};
    struct scratch again;
    struct stat st;

    give(f, &given);
    assert_int_equal(mkdir(app_fixture_path(f, "scratch/run-left"), 0700), 0);
    assert_int_equal(mkdir(app_fixture_path(f, "scratch/run-left/deep"), 0), 0);
    assert_int_equal(mkdir(app_fixture_path(f, "scratch/somebodys"), 0700), 0);
    assert_ok(f, scratch_open(app_fixture_path(f, "scratch"), &again, &f->err));
    assert_int_equal(lstat(app_fixture_path(f, "scratch/run-left"), &st), -1);
    assert_int_equal(lstat(app_fixture_path(f, "scratch/somebodys"), &st), 0);
    assert_int_equal(lstat(given.folder.path, &st), 0);
    scratch_close(&again);
    take_back(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_local_store_is_linked_to, app_fixture_set_up,
                                        app_fixture_tear_down),
        cmocka_unit_test_setup_teardown(another_store_is_copied_from, app_fixture_set_up,
                                        app_fixture_tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_tried_again, app_fixture_set_up,
                                        app_fixture_tear_down),
        cmocka_unit_test_setup_teardown(folders_that_were_left_are_cleared_away, app_fixture_set_up,
                                        app_fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
