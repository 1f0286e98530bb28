/* The schema: made, brought up to date, and refused where it is not ours. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Migrations of the test's own behind the shelf's statements; the texts' digests are only compared,
 * so any will do. */
/* The same for both engines. */
#define BOTH(text) \
    {              \
        text, text \
    }

static const struct sql_migration steps[] = {
    {1, "one", BOTH("CREATE TABLE one (a INTEGER);"), BOTH("11")},
    {2, "two", BOTH("CREATE TABLE two (a INTEGER); INSERT INTO two VALUES (2);"), BOTH("22")},
    {3, "three", BOTH("CREATE TABLE three AS SELECT a FROM two;"), BOTH("33")},
};
static const struct sql_migration other_text[] = {
    {1, "one", BOTH("CREATE TABLE one (b INTEGER);"), BOTH("1b")},
};
static const struct sql_migration broken[] = {
    {1, "one", BOTH("CREATE TABLE one (a INTEGER);"), BOTH("11")},
    {2, "two", BOTH("CREATE TABLE two (a INTEGER); INSERT INTO nowhere VALUES (2);"), BOTH("22")},
};

static struct sql_set set_of(const struct sql_migration *migrations, size_t count)
{
    struct sql_set set = sql_set_shelf;

    set.migrations = migrations;
    set.migration_count = count;
    return set;
}

/* Opens with SET, checks the version and closes. */
static void open_to_version(struct db_fixture *f, const struct sql_set *set, int64_t version)
{
    struct error err;
    int64_t found;

    check_ok(database_open_set(&f->options, set, DATABASE_CREATE, &f->database, &err));
    check_ok(database_schema_version(f->database, &found, &err));
    assert_int_equal(found, version);
    db_fixture_close(f);
}

static bool open_fails(struct db_fixture *f, const struct sql_set *set, enum database_access access,
                       struct error *err)
{
    return database_open_set(&f->options, set, access, &f->database, err);
}

static void a_fresh_database_gets_all(void **state)
{
    struct sql_set set = set_of(steps, 3);

    open_to_version(*state, &set, 3);
    open_to_version(*state, &set, 3);
}

static void an_old_one_gets_what_is_missing(void **state)
{
    for (size_t count = 0; count <= 3; count++) {
        struct sql_set set = set_of(steps, count);
        open_to_version(*state, &set, (int64_t)count);
    }
}

static void a_newer_schema_is_refused(void **state)
{
    struct sql_set newer = set_of(steps, 3), older = set_of(steps, 2);
    struct error err;

    open_to_version(*state, &newer, 3);
    check_fails(open_fails(*state, &older, DATABASE_CREATE, &err), ERR_INVALID);
    assert_non_null(strstr(err.log, "newer"));
    check_fails(open_fails(*state, &older, DATABASE_EXISTING, &err), ERR_INVALID);
    open_to_version(*state, &newer, 3);
}

static void another_text_is_refused(void **state)
{
    struct sql_set ours = set_of(steps, 1), theirs = set_of(other_text, 1);
    struct error err;

    open_to_version(*state, &theirs, 1);
    check_fails(open_fails(*state, &ours, DATABASE_CREATE, &err), ERR_INVALID);
    assert_non_null(strstr(err.log, "another text"));
    check_fails(open_fails(*state, &ours, DATABASE_EXISTING, &err), ERR_INVALID);
}

static void a_failing_migration_leaves_nothing(void **state)
{
    struct sql_set bad = set_of(broken, 2), good = set_of(steps, 3), first = set_of(steps, 1);
    struct error err;

    check_fails(open_fails(*state, &bad, DATABASE_CREATE, &err), ERR_INTERNAL);
    assert_non_null(strstr(err.log, "migration 2 \"two\""));
    open_to_version(*state, &first, 1);
    open_to_version(*state, &good, 3); /* table two is not half there */
}

/* ---- opening without changing ---- */

static void nothing_is_not_made(void **state)
{
    struct db_fixture *f = *state;
    struct error err;

    check_fails(open_fails(f, &sql_set_shelf, DATABASE_EXISTING, &err), ERR_NOT_FOUND);
    check_fails(open_fails(f, &sql_set_shelf, DATABASE_EXISTING, &err), ERR_NOT_FOUND);
    if (!db_fixture_is_postgres())
        assert_int_not_equal(access(f->path, F_OK), 0);
}

static void an_old_schema_is_not_migrated(void **state)
{
    struct sql_set old = set_of(steps, 1), new = set_of(steps, 2);
    struct error err;

    open_to_version(*state, &old, 1);
    check_fails(open_fails(*state, &new, DATABASE_EXISTING, &err), ERR_INVALID);
    open_to_version(*state, &old, 1);
}

static void an_existing_one_reads_and_writes(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work work = {.id = 1, .label = "one"};
    struct error err;

    db_fixture_open(f);
    db_fixture_close(f);
    check_ok(open_fails(f, &sql_set_shelf, DATABASE_EXISTING, &err));
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 0);
    check_ok(database_write(f->database, shelf_add_work, &work, &err));
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
}

/* ---- several at once ---- */

static int open_in_child(const struct db_fixture *f, int start)
{
    struct database *database;
    struct error err;
    char byte;

    if (read(start, &byte, 1) != 0) /* ends when the parent closes it */
        return 2;
    if (!database_open_set(&f->options, &sql_set_shelf, DATABASE_CREATE, &database, &err)) {
        fprintf(stderr, "%s\n", err.log);
        return 1;
    }
    database_free(database);
    return 0;
}

static void openers_of_several_processes_agree(void **state)
{
    struct db_fixture *f = *state;
    enum { OPENERS = 6 };
    pid_t children[OPENERS];
    int start[2];

    f->options.busy_ms = 20000;
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < OPENERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            close(start[1]);
            _exit(open_in_child(f, start[0]));
        }
    }
    close(start[0]);
    close(start[1]);
    for (int i = 0; i < OPENERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    open_to_version(f, &sql_set_shelf, 1);
}

static void *open_in_thread(void *context)
{
    struct db_fixture *f = context;
    struct database *database;
    struct error err;

    if (!database_open_set(&f->options, &sql_set_shelf, DATABASE_CREATE, &database, &err)) {
        fprintf(stderr, "%s\n", err.log);
        return f;
    }
    database_free(database);
    return NULL;
}

static void openers_of_one_process_agree(void **state)
{
    struct db_fixture *f = *state;
    pthread_t threads[6];

    f->options.busy_ms = 20000;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_create(&threads[i], NULL, open_in_thread, f);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

int main(void)
{
#define closed(test) cmocka_unit_test_setup_teardown(test, db_fixture_up_closed, db_fixture_down)
    const struct CMUnitTest tests[] = {
        closed(openers_of_several_processes_agree), /* forks: before there are threads */
        closed(a_fresh_database_gets_all),          closed(an_old_one_gets_what_is_missing),
        closed(a_newer_schema_is_refused),          closed(another_text_is_refused),
        closed(a_failing_migration_leaves_nothing), closed(nothing_is_not_made),
        closed(an_old_schema_is_not_migrated),      closed(an_existing_one_reads_and_writes),
        closed(openers_of_one_process_agree),
    };

    return cmocka_run_group_tests_name("database migrations", tests, NULL, NULL);
}
