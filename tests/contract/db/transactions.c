/* What transactions promise: whole or not at all, and who sees what. */
#include "fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "db_fault.h"

static void add_shelf(struct db_fixture *f, int64_t id, const char *label)
{
    struct shelf_work work = {.id = id, .label = label};
    struct error err;

    check_ok(database_write(f->database, shelf_add_work, &work, &err));
}

/* ---- errors ---- */

struct book {
    const char *id;
    int64_t shelf_id;
    const char *twin_id;
    int64_t pages;
};

static bool add_book(struct db *tx, void *context, struct error *err)
{
    const struct book *book = context;

    return db_execute(tx, SQL_BOOK_ADD,
                      DB_ARGS(db_text(book->id), db_int(book->shelf_id), db_text(book->twin_id),
                              db_int(book->pages)),
                      NULL, err);
}

static void broken_rules_have_kinds(void **state)
{
    struct db_fixture *f = *state;
    static const struct {
        struct book book;
        enum error_kind kind;
    } cases[] = {
        {{"a", 1, NULL, 10}, ERR_EXISTS},       /* primary key */
        {{"b", 2, NULL, 10}, ERR_CONFLICT},     /* no such shelf */
        {{"b", 1, NULL, -1}, ERR_INVALID},      /* check */
        {{NULL, 1, NULL, 10}, ERR_INVALID},     /* not null */
        {{"b", 1, "nobody", 10}, ERR_CONFLICT}, /* a foreign key that is checked at commit */
    };
    struct error err;

    add_shelf(f, 1, "one");
    check_ok(database_write(f->database, add_book, &(struct book){"a", 1, NULL, 10}, &err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct book book = cases[i].book;
        check_fails(database_write(f->database, add_book, &book, &err), cases[i].kind);
    }
    struct shelf_work taken = {.id = 2, .label = "one"}; /* a unique column */
    check_fails(database_write(f->database, shelf_add_work, &taken, &err), ERR_EXISTS);
    assert_int_equal(db_fixture_number(f, SQL_BOOK_COUNT), 1);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
}

static void errors_name_the_statement_and_tell_no_sql(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work work = {.id = 1, .label = "one"};
    struct error err;

    add_shelf(f, 1, "one");
    check_fails(database_write(f->database, shelf_add_work, &work, &err), ERR_EXISTS);
    assert_non_null(strstr(err.log, "statement shelf_add"));
    assert_null(strstr(error_detail(&err), "shel"));
    assert_null(strstr(error_detail(&err), "INSERT"));
}

/* ---- whole or not at all ---- */

static void a_failed_work_leaves_nothing(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work work = {.id = 1, .label = "one", .fail_after = true};
    struct error err;

    check_fails(database_write(f->database, shelf_add_work, &work, &err), ERR_CONFLICT);
    assert_int_equal(work.runs, 1);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 0);
    work.fail_after = false;
    check_ok(database_write(f->database, shelf_add_work, &work, &err));
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
}

/* Statements of both kinds, and rows. */
static bool add_several(struct db *tx, void *context, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    static char tally[] = "several";

    if (!shelf_add_work(tx, context, err) || !tally_work(tx, tally, err) ||
        !db_query(tx, SQL_SHELF_COUNT, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(rows))
        ;
    return db_rows_ok(rows, err) && tally_work(tx, tally, err);
}

static void each_operation_of_a_work_may_fail(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work work = {.id = 1, .label = "one"};
    struct error err;
    unsigned nth = 1;

    db_fault_wrap(f->database);
    db_fault_arm(nth, ERR_UNAVAILABLE);
    while (!database_write(f->database, add_several, &work, &err)) {
        assert_int_equal(err.kind, ERR_UNAVAILABLE);
        assert_true(db_fault_disarm());
        assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 0);
        assert_int_equal(db_fixture_tally(f, "several"), 0);
        db_fault_arm(++nth, ERR_UNAVAILABLE);
    }
    assert_false(db_fault_disarm());
    assert_int_equal(nth, 7); /* four statements, two steps, and none left */
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
    assert_int_equal(db_fixture_tally(f, "several"), 2);
}

static bool add_despite_failure(struct db *tx, void *context, struct error *err)
{
    struct shelf_work taken = {.id = 1, .label = "one", .at_once = true};
    struct error refused;

    assert_false(shelf_add_work(tx, &taken, &refused));
    shelf_add_work(tx, context, err); /* SQLite would do it, PostgreSQL would not */
    return true;
}

static bool add_and_count(struct db *tx, void *context, struct error *err)
{
    static char tally[] = "counted";

    return tally_work(tx, tally, err) && shelf_add_work(tx, context, err) &&
           tally_work(tx, tally, err);
}

static void a_failure_nobody_waited_for_is_told_in_the_end(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work work = {.id = 1, .label = "one"};
    struct error err;

    add_shelf(f, 1, "one");
    check_fails(database_write(f->database, add_and_count, &work, &err), ERR_EXISTS);
    assert_non_null(strstr(err.log, "statement shelf_add"));
    assert_int_equal(db_fixture_tally(f, "counted"), 0);
    work.id = 2;
    work.label = "two";
    check_ok(database_write(f->database, add_and_count, &work, &err));
    assert_int_equal(db_fixture_tally(f, "counted"), 2);
}

/* More than a driver may have under way at once. */
static bool count_many(struct db *tx, void *context, struct error *err)
{
    static char tally[] = "many";
    const int *times = context;

    for (int i = 0; i < *times; i++)
        if (!tally_work(tx, tally, err))
            return false;
    return true;
}

static void any_number_of_statements_makes_a_work(void **state)
{
    struct db_fixture *f = *state;
    int times = 1000;
    struct error err;

    check_ok(database_write(f->database, count_many, &times, &err));
    assert_int_equal(db_fixture_tally(f, "many"), 1000);
}

/* ---- what must be there ---- */

static const struct db_refusal missing = {ERR_LEASE_LOST, "it is not there"};

struct confirmation {
    enum sql_id id;
    struct db_value values[2];
    size_t count;
    struct shelf_work shelf; /* added before and behind it */
};

static bool add_and_confirm(struct db *tx, void *context, struct error *err)
{
    struct confirmation *confirmation = context;
    static char tally[] = "confirmed";

    return tally_work(tx, tally, err) &&
           db_must(tx, confirmation->id, confirmation->values, confirmation->count, &missing,
                   err) &&
           shelf_add_work(tx, &confirmation->shelf, err);
}

static void what_must_be_found_is_found_or_fails_the_work(void **state)
{
    struct db_fixture *f = *state;
    struct confirmation there[] = {{SQL_SHELF_RENAME, {db_int(1), db_text("uno")}, 2, {0}},
                                   {SQL_TALLY_OF, {db_text("confirmed")}, 1, {0}}};
    struct confirmation missed[] = {{SQL_SHELF_RENAME, {db_int(99), db_text("nine")}, 2, {0}},
                                    {SQL_TALLY_OF, {db_text("nobody's")}, 1, {0}}};
    int64_t id = 1;
    struct error err;

    add_shelf(f, id, "one");
    for (int i = 0; i < 6; i++) { /* prepared, and not yet */
        char label[32];

        snprintf(label, sizeof label, "shelf %d", i);
        there[i % 2].shelf = missed[i % 2].shelf = (struct shelf_work){.id = ++id, .label = label};
        check_fails(database_write(f->database, add_and_confirm, &missed[i % 2], &err),
                    ERR_LEASE_LOST);
        assert_string_equal(error_detail(&err), missing.why);
        assert_non_null(strstr(err.log, "statement"));
        check_ok(database_write(f->database, add_and_confirm, &there[i % 2], &err));
    }
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1 + 6);
    assert_int_equal(db_fixture_tally(f, "confirmed"), 6);
}

struct confirmer {
    struct db_fixture *fixture;
    unsigned number;
    unsigned faults;
};

/* By turns what is there and what is not. */
static void *confirm_often(void *context)
{
    struct confirmer *confirmer = context;

    for (unsigned i = 0; i < 100; i++) {
        char label[32];
        bool is_there = i % 2 == 0;
        struct confirmation confirmation = {
            SQL_TALLY_OF,
            {db_text(is_there ? "confirmed" : "nobody's")},
            1,
            {.id = 1000 + confirmer->number * 100 + i, .label = label}};
        struct error err;

        snprintf(label, sizeof label, "%u of %u", i, confirmer->number);
        bool ok =
            database_write(confirmer->fixture->database, add_and_confirm, &confirmation, &err);
        confirmer->faults += ok != is_there || (!ok && err.kind != ERR_LEASE_LOST);
    }
    return NULL;
}

static void what_is_not_found_fails_no_work_that_shares_the_transaction(void **state)
{
    struct db_fixture *f = *state;
    struct confirmer confirmers[8];
    pthread_t threads[COUNT_OF(confirmers)];

    for (unsigned i = 0; i < COUNT_OF(threads); i++) {
        confirmers[i] = (struct confirmer){.fixture = f, .number = i};
        pthread_create(&threads[i], NULL, confirm_often, &confirmers[i]);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(confirmers[i].faults, 0);
    }
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 50 * COUNT_OF(threads));
    assert_int_equal(db_fixture_tally(f, "confirmed"), 50 * COUNT_OF(threads));
}

static void what_was_written_survives_reopening(void **state)
{
    struct db_fixture *f = *state;

    add_shelf(f, 1, "one");
    db_fixture_close(f);
    db_fixture_open(f);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
}

/* ---- who sees what ---- */

/* A work that stands still in the middle of its transaction. */
struct standstill {
    struct db_fixture *fixture;
    sem_t reached;
    sem_t go_on;
    bool ok;
};

static bool stand_still(struct db *tx, void *context, struct error *err)
{
    struct standstill *still = context;
    struct shelf_work work = {.id = 1, .label = "one"};

    if (!shelf_add_work(tx, &work, err))
        return false;
    sem_post(&still->reached);
    sem_wait(&still->go_on);
    return true;
}

static void *write_standing_still(void *context)
{
    struct standstill *still = context;
    struct error err;

    still->ok = database_write(still->fixture->database, stand_still, still, &err);
    return NULL;
}

static void readers_neither_see_nor_await_an_open_write(void **state)
{
    struct db_fixture *f = *state;
    struct standstill still = {.fixture = f};
    pthread_t writer;

    sem_init(&still.reached, 0, 0);
    sem_init(&still.go_on, 0, 0);
    pthread_create(&writer, NULL, write_standing_still, &still);
    sem_wait(&still.reached);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 0);
    sem_post(&still.go_on);
    pthread_join(writer, NULL);
    assert_true(still.ok);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
    sem_destroy(&still.reached);
    sem_destroy(&still.go_on);
}

static int64_t count_shelves(struct db *db)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct error err;

    check_ok(db_query(db, SQL_SHELF_COUNT, DB_NO_ARGS, &rows, &err));
    check_ok(db_one(rows, "count", &err));
    return db_column_int(rows, 0);
}

static void a_snapshot_stands_still(void **state)
{
    struct db_fixture *f = *state;
    struct db *snapshot, *plain;
    struct error err;

    check_ok(database_snapshot(f->database, &snapshot, &err));
    check_ok(database_read(f->database, &plain, &err));
    add_shelf(f, 1, "before the first statement");
    assert_int_equal(count_shelves(snapshot), 1);
    add_shelf(f, 2, "behind it");
    assert_int_equal(count_shelves(snapshot), 1);
    assert_int_equal(count_shelves(plain), 2);
    db_return(snapshot);
    db_return(plain);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 2);
}

static void a_returned_snapshot_is_no_snapshot(void **state)
{
    struct db_fixture *f = *state;
    struct db *db;
    struct error err;

    f->options.readers = 1;
    for (int64_t id = 1; id <= 3; id++) {
        check_ok(database_snapshot(f->database, &db, &err));
        assert_int_equal(count_shelves(db), id - 1);
        db_return(db);
        add_shelf(f, id, (const char[]){(char)('a' + id), '\0'});
        check_ok(database_read(f->database, &db, &err));
        assert_int_equal(count_shelves(db), id);
        db_return(db);
    }
}

static void connections_grow_with_need(void **state)
{
    struct db_fixture *f = *state;
    struct db *many[20];
    struct error err;

    for (size_t i = 0; i < COUNT_OF(many); i++)
        check_ok(database_read(f->database, &many[i], &err));
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        assert_int_equal(count_shelves(many[i]), 0);
        db_return(many[i]);
    }
}

static void no_work_goes_on_after_a_refused_statement(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work second = {.id = 2, .label = "two"};
    struct error err;

    add_shelf(f, 1, "one");
    check_fails(database_write(f->database, add_despite_failure, &second, &err), ERR_INTERNAL);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
    add_shelf(f, 2, "two");
}

/* ---- looking after it ---- */

static void the_check_writes_and_the_version_is_told(void **state)
{
    struct db_fixture *f = *state;
    struct error err;
    int64_t version;

    check_ok(database_check(f->database, &err));
    check_ok(database_check(f->database, &err));
    check_ok(database_schema_version(f->database, &version, &err));
    assert_int_equal(version, 1);
    assert_non_null(strchr(database_version(f->database), ' '));
}

int main(void)
{
#define with_database(test) cmocka_unit_test_setup_teardown(test, db_fixture_up, db_fixture_down)
    const struct CMUnitTest tests[] = {
        with_database(broken_rules_have_kinds),
        with_database(errors_name_the_statement_and_tell_no_sql),
        with_database(a_failed_work_leaves_nothing),
        with_database(each_operation_of_a_work_may_fail),
        with_database(a_failure_nobody_waited_for_is_told_in_the_end),
        with_database(any_number_of_statements_makes_a_work),
        with_database(no_work_goes_on_after_a_refused_statement),
        with_database(what_must_be_found_is_found_or_fails_the_work),
        with_database(what_is_not_found_fails_no_work_that_shares_the_transaction),
        with_database(what_was_written_survives_reopening),
        with_database(readers_neither_see_nor_await_an_open_write),
        with_database(a_snapshot_stands_still),
        with_database(a_returned_snapshot_is_no_snapshot),
        with_database(connections_grow_with_need),
        with_database(the_check_writes_and_the_version_is_told),
    };

    return cmocka_run_group_tests_name("database transactions", tests, NULL, NULL);
}
