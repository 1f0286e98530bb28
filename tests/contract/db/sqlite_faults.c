/*
 * SQLite when the disk fails and others hold its lock: what was refused did not happen, what was
 * acknowledged did, and the next write succeeds as soon as the cause has gone.
 */
#include "fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault_vfs.h"

static bool write_shelf(struct db_fixture *f, int64_t id, struct error *err)
{
    char label[32];
    struct shelf_work work = {.id = id, .label = label};

    snprintf(label, sizeof label, "shelf %d", (int)id);
    return database_write(f->database, shelf_add_work, &work, err);
}

static void check_count(struct db_fixture *f, int64_t expected)
{
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), expected);
}

/* ---- the nth operation ---- */

static void each_write_operation_may_fail(struct db_fixture *f, int code, enum error_kind kind)
{
    struct error err;
    int64_t id = 0;

    for (unsigned nth = 1;; nth++) {
        fault_vfs_arm(FAULT_WRITES, nth, code, false);
        bool ok = write_shelf(f, id, &err);
        bool fired = fault_vfs_disarm();
        if (ok != !fired)
            fail_msg("operation %u: failed %d, but the write said %d", nth, fired, ok);
        if (!ok && err.kind != kind)
            fail_msg("operation %u: %s: %s", nth, error_code(&err), err.log);
        check_count(f, id + ok);
        if (!ok)
            check_ok(write_shelf(f, id, &err));
        id++;
        if (ok) {
            assert_true(nth > 2); /* at least the log's frame and its sync */
            break;
        }
    }
    db_fixture_close(f);
    db_fixture_open(f);
    check_count(f, id);
}

static void a_full_disk_at_each_operation(void **state)
{
    each_write_operation_may_fail(*state, SQLITE_FULL, ERR_STORAGE_FULL);
}

static void an_io_error_at_each_operation(void **state)
{
    each_write_operation_may_fail(*state, SQLITE_IOERR_WRITE, ERR_UNAVAILABLE);
}

static void a_read_only_disk_at_each_operation(void **state)
{
    each_write_operation_may_fail(*state, SQLITE_READONLY, ERR_UNAVAILABLE);
}

/* Opening a fresh file, all migrations included. */
static void opening_may_fail_at_each_operation(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    unsigned nth = 0;
    bool ok;

    do {
        unlink(f->path);
        fault_vfs_arm(FAULT_WRITES | FAULT_OPENS, ++nth, SQLITE_IOERR_WRITE, false);
        ok = database_open_set(&f->options, &sql_set_shelf, DATABASE_CREATE, &f->database, &err);
        fault_vfs_disarm();
        if (!ok) {
            assert_int_equal(err.kind, ERR_UNAVAILABLE);
            db_fixture_open(f);
        }
        check_ok(write_shelf(f, nth, &err));
        check_count(f, 1);
        db_fixture_close(f);
    } while (!ok);
    assert_true(nth > 5);
}

static bool read_count(struct db_fixture *f, int64_t *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!database_read(f->database, &db, err) ||
        !db_query(db, SQL_SHELF_COUNT, DB_NO_ARGS, &rows, err) || !db_one(rows, "count", err))
        return false;
    *out = db_column_int(rows, 0);
    return true;
}

static void reading_may_fail_at_each_operation(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    int64_t count = 0;
    unsigned nth = 0;
    bool ok;

    check_ok(write_shelf(f, 1, &err));
    do {
        db_fixture_close(f); /* and with it all caches */
        db_fixture_open(f);
        fault_vfs_arm(FAULT_READS | FAULT_OPENS, ++nth, SQLITE_IOERR_READ, false);
        ok = read_count(f, &count, &err);
        bool fired = fault_vfs_disarm();
        assert_int_equal(ok, !fired);
        if (!ok)
            assert_int_equal(err.kind, ERR_UNAVAILABLE);
        check_ok(read_count(f, &count, &err));
        assert_int_equal(count, 1);
    } while (!ok);
    assert_true(nth > 1);
}

/* ---- it stays broken for a while ---- */

static void a_disk_stays_full_for_a_while(void **state)
{
    struct db_fixture *f = *state;
    struct error err;

    check_ok(write_shelf(f, 0, &err));
    fault_vfs_arm(FAULT_WRITES, 1, SQLITE_FULL, true);
    for (int64_t id = 1; id <= 5; id++) {
        check_fails(write_shelf(f, id, &err), ERR_STORAGE_FULL);
        check_fails(database_check(f->database, &err), ERR_STORAGE_FULL);
        check_count(f, 1);
    }
    assert_true(fault_vfs_disarm());
    check_ok(database_check(f->database, &err));
    check_ok(write_shelf(f, 1, &err));
    check_count(f, 2);
}

static bool fill_work(struct db *tx, void *context, struct error *err)
{
    const int64_t *books = context;

    return db_execute(tx, SQL_BOOK_FILL, DB_ARGS(db_int(*books), db_int(0), db_int(100)), NULL,
                      err);
}

/* More than the cache holds: the engine writes, and drops the transaction, before the commit. */
static void a_large_work_fails_in_its_middle(void **state)
{
    struct db_fixture *f = *state;
    int64_t books = 150000;
    struct error err;

    check_ok(write_shelf(f, 0, &err));
    for (unsigned nth = 1; nth <= 2000; nth += 499) {
        fault_vfs_arm(FAULT_WRITES, nth, SQLITE_FULL, false);
        check_fails(database_write(f->database, fill_work, &books, &err), ERR_STORAGE_FULL);
        assert_true(fault_vfs_disarm());
        assert_int_equal(db_fixture_number(f, SQL_BOOK_COUNT), 0);
        check_ok(database_check(f->database, &err));
    }
    check_ok(database_write(f->database, fill_work, &books, &err));
    assert_int_equal(db_fixture_number(f, SQL_BOOK_COUNT), books);
}

/* A checkpoint that fails costs nobody anything: the log still holds what was acknowledged. */
static void a_checkpoint_may_fail(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    int64_t id = 1;

    check_ok(write_shelf(f, 0, &err));
    for (unsigned round = 0; round < 400; round++) {
        fault_vfs_arm(FAULT_WRITES, 1 + round % 40, SQLITE_IOERR_WRITE, true);
        while (write_shelf(f, id, &err))
            id++;
        assert_true(fault_vfs_disarm());
        check_count(f, id);
    }
    db_fixture_close(f);
    db_fixture_open(f);
    check_count(f, id);
}

/* ---- the file ---- */

static void a_file_that_vanished_takes_no_writes(void **state)
{
    struct db_fixture *f = *state;
    char aside[128];
    struct error err;

    snprintf(aside, sizeof aside, "%s-aside", f->path);
    check_ok(write_shelf(f, 0, &err));
    assert_int_equal(rename(f->path, aside), 0);
    check_fails(write_shelf(f, 1, &err), ERR_UNAVAILABLE);
    check_fails(database_check(f->database, &err), ERR_UNAVAILABLE);
    assert_int_not_equal(access(f->path, F_OK), 0);
    assert_int_equal(rename(aside, f->path), 0);
    check_ok(write_shelf(f, 1, &err));
    check_count(f, 2);
}

static void a_file_in_its_place_takes_no_writes(void **state)
{
    struct db_fixture *f = *state;
    char aside[128];
    struct stat found;
    struct error err;

    snprintf(aside, sizeof aside, "%s-aside", f->path);
    check_ok(write_shelf(f, 0, &err));
    assert_int_equal(rename(f->path, aside), 0);
    assert_int_equal(mknod(f->path, S_IFREG | 0600, 0), 0);
    check_fails(write_shelf(f, 1, &err), ERR_UNAVAILABLE);
    assert_int_equal(stat(f->path, &found), 0);
    assert_int_equal(found.st_size, 0);
    assert_int_equal(rename(aside, f->path), 0);
    check_ok(write_shelf(f, 1, &err));
    check_count(f, 2);
}

/* ---- another process ---- */

/* Opens the file, and holds its write lock and an unfinished CHANGE from the first byte written to
 * SAY until HEAR ends. */
static int hold_lock(const char *path, const char *change, int say, int hear)
{
    sqlite3 *handle;
    char byte;

    if (sqlite3_open(path, &handle) != SQLITE_OK ||
        sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(handle, change, NULL, NULL, NULL) != SQLITE_OK)
        return 1;
    if (write(say, "x", 1) != 1 || read(hear, &byte, 1) != 0)
        return 2;
    return sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK ? 0 : 3;
}

static pid_t start_holder(const char *path, const char *change, int *let_go)
{
    int said[2], heard[2];
    char byte;

    assert_int_equal(pipe(said), 0);
    assert_int_equal(pipe(heard), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(heard[1]);
        _exit(hold_lock(path, change, said[1], heard[0]));
    }
    close(said[1]);
    close(heard[0]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    close(said[0]);
    *let_go = heard[1];
    return child;
}

static void anothers_lock_is_waited_for_but_not_for_ever(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    int let_go, status;

    db_fixture_open(f);
    check_ok(write_shelf(f, 0, &err));
    db_fixture_close(f);
    pid_t holder = start_holder(f->path, "DELETE FROM shelves", &let_go);

    db_fixture_open(f); /* nothing is to be migrated, so no lock is needed */
    check_fails(write_shelf(f, 1, &err), ERR_UNAVAILABLE);
    check_fails(database_check(f->database, &err), ERR_UNAVAILABLE);
    check_count(f, 1); /* reading needs no lock either */
    close(let_go);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    check_ok(write_shelf(f, 1, &err));
    check_count(f, 2);
}

/* Two servers started at once: the engine itself would not wait here. */
static void a_fresh_file_under_anothers_lock_is_waited_for(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    int let_go, status;
    pid_t holder = start_holder(f->path, "", &let_go);
    int64_t start_us = clock_monotonic_us();

    check_fails(database_open_set(&f->options, &sql_set_shelf, DATABASE_CREATE, &f->database, &err),
                ERR_UNAVAILABLE);
    assert_true(clock_monotonic_us() - start_us >= f->options.busy_ms * 1000);
    close(let_go);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    db_fixture_open(f);
}

int main(void)
{
#define closed(test) cmocka_unit_test_setup_teardown(test, db_fixture_up_closed, db_fixture_down)
#define with_database(test) cmocka_unit_test_setup_teardown(test, db_fixture_up, db_fixture_down)
    const struct CMUnitTest tests[] = {
        closed(anothers_lock_is_waited_for_but_not_for_ever),
        closed(a_fresh_file_under_anothers_lock_is_waited_for),
        with_database(a_full_disk_at_each_operation),
        with_database(an_io_error_at_each_operation),
        with_database(a_read_only_disk_at_each_operation),
        closed(opening_may_fail_at_each_operation),
        with_database(reading_may_fail_at_each_operation),
        with_database(a_disk_stays_full_for_a_while),
        with_database(a_large_work_fails_in_its_middle),
        with_database(a_checkpoint_may_fail),
        with_database(a_file_that_vanished_takes_no_writes),
        with_database(a_file_in_its_place_takes_no_writes),
    };

    fault_vfs_install();
    return cmocka_run_group_tests_name("sqlite faults", tests, NULL, NULL);
}
