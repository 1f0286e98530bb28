/* What only a server can do to its callers: vanish, be slow, ask for a transaction again. */
#include "fixture.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void add_shelf(struct db_fixture *f, int64_t id, const char *label)
{
    struct shelf_work work = {.id = id, .label = label};
    struct error err;

    check_ok(database_write(f->database, shelf_add_work, &work, &err));
}

/* Runs statements in the test's own database, on a connection beside the driver's. */
static void run(const struct db_fixture *f, const char *text)
{
    PGconn *connection = PQconnectdb(f->url);
    PGresult *result = PQexec(connection, text);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

/* As a restart of the server does, of all connections to the test's database. */
static void cut_connections(const struct db_fixture *f)
{
    char text[200];

    snprintf(text, sizeof text,
             "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '%s'",
             f->name);
    assert_true(db_fixture_on_server(text));
}

/* ---- addresses ---- */

static void addresses_are_checked(void **state)
{
    struct db_fixture *f = *state;
    static const struct {
        const char *url;
        enum error_kind kind;
    } cases[] = {
        {"postgresql://127.0.0.1:1/nobody_listens", ERR_UNAVAILABLE},
        {"postgresql://u:secret@127.0.0.1:1/x?connect_timeout=soon", ERR_UNAVAILABLE},
        {"postgresql://u:secret@127.0.0.1:1/x?what=is_this", ERR_INVALID},
        {"postgresql://u:secret@[127.0.0.1/x", ERR_INVALID},
        {"postgres:///x", ERR_INVALID},
    };
    struct error err;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f->options.url = cases[i].url;
        check_fails(
            database_open_set(&f->options, &sql_set_shelf, DATABASE_CREATE, &f->database, &err),
            cases[i].kind);
        assert_null(strstr(err.log, "secret"));
    }
    f->options.url = f->url;
    db_fixture_open(f);
}

/* ---- connections that were cut ---- */

static void cut_connections_are_made_anew(void **state)
{
    struct db_fixture *f = *state;

    add_shelf(f, 1, "one");
    cut_connections(f);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
    cut_connections(f);
    add_shelf(f, 2, "two");
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 2);
}

static bool count_shelves(struct db *db, int64_t *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_SHELF_COUNT, DB_NO_ARGS, &rows, err) || !db_one(rows, "count", err))
        return false;
    *out = db_column_int(rows, 0);
    return true;
}

/* A connection that is lent as it is cut: what reads by itself is asked again, what reads within a
 * snapshot cannot be. */
static void only_a_snapshot_ends_with_its_connection(void **state)
{
    struct db_fixture *f = *state;
    struct db *plain, *snapshot;
    struct error err;
    int64_t count;

    check_ok(database_read(f->database, &plain, &err));
    check_ok(database_snapshot(f->database, &snapshot, &err));
    check_ok(count_shelves(plain, &count, &err));
    check_ok(count_shelves(snapshot, &count, &err));
    cut_connections(f);
    check_ok(count_shelves(plain, &count, &err));
    check_fails(count_shelves(snapshot, &count, &err), ERR_UNAVAILABLE);
    check_fails(count_shelves(snapshot, &count, &err), ERR_UNAVAILABLE);
    db_return(plain);
    db_return(snapshot);
    check_ok(database_snapshot(f->database, &snapshot, &err));
    check_ok(count_shelves(snapshot, &count, &err));
    db_return(snapshot);
}

struct cutting {
    struct db_fixture *fixture;
    struct shelf_work shelf;
    unsigned cuts; /* how many runs are still to be cut off */
};

/* Waits for its last statement, or that would go together with COMMIT: who is cut off then is told.
 */
static bool add_and_cut(struct db *tx, void *context, struct error *err)
{
    struct cutting *cutting = context;
    uint64_t counted;

    if (!shelf_add_work(tx, &cutting->shelf, err))
        return false;
    if (cutting->cuts > 0) {
        cutting->cuts--;
        cut_connections(cutting->fixture);
    }
    return db_execute(tx, SQL_TALLY_ADD, DB_ARGS(db_text("runs"), db_int(1)), &counted, err);
}

static void a_work_that_was_cut_off_is_run_again(void **state)
{
    struct db_fixture *f = *state;
    struct cutting cutting = {.fixture = f, .shelf = {.id = 1, .label = "one"}, .cuts = 1};
    struct error err;

    check_ok(database_write(f->database, add_and_cut, &cutting, &err));
    assert_int_equal(cutting.shelf.runs, 2);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
    assert_int_equal(db_fixture_tally(f, "runs"), 1);
}

static void but_not_for_ever(void **state)
{
    struct db_fixture *f = *state;
    struct cutting cutting = {.fixture = f, .shelf = {.id = 1, .label = "one"}, .cuts = 100};
    struct error err;

    check_fails(database_write(f->database, add_and_cut, &cutting, &err), ERR_UNAVAILABLE);
    assert_in_range(cutting.shelf.runs, 2, 10);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 0);
    add_shelf(f, 2, "two");
}

/* ---- transactions that the server wants again ---- */

static void a_serialization_failure_is_run_again(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work work = {.id = 1, .label = "one"};
    struct error err;

    run(f, "CREATE SEQUENCE calls;"
           "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " IF nextval('calls') = 1 THEN RAISE 'not now' USING ERRCODE = '40001'; END IF;"
           " RETURN NEW; END $$;"
           "CREATE TRIGGER fail_once BEFORE INSERT ON shelves FOR EACH ROW"
           " EXECUTE FUNCTION fail_once();");
    check_ok(database_write(f->database, shelf_add_work, &work, &err));
    assert_int_equal(work.runs, 2);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 1);
}

/* ---- waiting ---- */

static void what_is_locked_is_not_awaited_for_ever(void **state)
{
    struct db_fixture *f = *state;
    struct shelf_work work = {.id = 1, .label = "one"};
    PGconn *other = PQconnectdb(f->url);
    struct error err;

    PQclear(PQexec(other, "BEGIN; LOCK TABLE shelves IN ACCESS EXCLUSIVE MODE"));
    assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
    check_fails(database_write(f->database, shelf_add_work, &work, &err), ERR_UNAVAILABLE);
    PQfinish(other);
    add_shelf(f, 1, "one");
}

static void a_slow_statement_is_given_up(void **state)
{
    struct db_fixture *f = *state;
    PGconn *other = PQconnectdb(f->url);
    scoped(db_release) struct db *db = NULL;
    struct error err;
    int64_t count;

    f->options.statement_ms = 300;
    db_fixture_close(f);
    db_fixture_open(f);
    PQclear(PQexec(other, "BEGIN; LOCK TABLE shelves IN ACCESS EXCLUSIVE MODE"));
    assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
    check_ok(database_read(f->database, &db, &err));
    check_fails(count_shelves(db, &count, &err), ERR_UNAVAILABLE);
    PQfinish(other);
    f->options.statement_ms = 0;
    db_return(take(db));
    db_fixture_close(f);
    db_fixture_open(f);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), 0);
}

/* ---- hearing of others ---- */

static void post(void *context)
{
    sem_post(context);
}

static void await_notice(sem_t *notices)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    assert_int_equal(sem_timedwait(notices, &until), 0);
}

static bool notify_work(struct db *tx, void *context, struct error *err)
{
    (void)context;
    return tx->database->driver->script(tx, "NOTIFY audiotricks", err);
}

static void what_others_commit_is_noticed(void **state)
{
    struct db_fixture *f = *state;
    sem_t notices;

    sem_init(&notices, 0, 0);
    f->options.noticed = post;
    f->options.noticed_context = &notices;
    db_fixture_open(f);
    await_notice(&notices); /* it listens: who came before may have been missed */
    run(f, "NOTIFY audiotricks");
    await_notice(&notices);
    cut_connections(f);
    await_notice(&notices); /* it listens again */
    run(f, "NOTIFY audiotricks");
    await_notice(&notices);
    db_fixture_close(f);
    sem_destroy(&notices);
}

static void what_was_undone_is_not_noticed_nor_is_our_own(void **state)
{
    struct db_fixture *f = *state;
    sem_t notices;
    struct error err;
    int left;

    sem_init(&notices, 0, 0);
    f->options.noticed = post;
    f->options.noticed_context = &notices;
    db_fixture_open(f);
    await_notice(&notices);
    run(f, "BEGIN; NOTIFY audiotricks; ROLLBACK");
    check_ok(database_write(f->database, notify_work, NULL, &err));
    run(f, "NOTIFY audiotricks"); /* comes behind what was committed before */
    await_notice(&notices);
    sem_getvalue(&notices, &left);
    assert_int_equal(left, 0);
    db_fixture_close(f);
    sem_destroy(&notices);
}

int main(void)
{
#define with_database(test) cmocka_unit_test_setup_teardown(test, db_fixture_up, db_fixture_down)
#define closed(test) cmocka_unit_test_setup_teardown(test, db_fixture_up_closed, db_fixture_down)
    const struct CMUnitTest tests[] = {
        closed(addresses_are_checked),
        with_database(cut_connections_are_made_anew),
        with_database(only_a_snapshot_ends_with_its_connection),
        with_database(a_work_that_was_cut_off_is_run_again),
        with_database(but_not_for_ever),
        with_database(a_serialization_failure_is_run_again),
        with_database(what_is_locked_is_not_awaited_for_ever),
        with_database(a_slow_statement_is_given_up),
        closed(what_others_commit_is_noticed),
        closed(what_was_undone_is_not_noticed_nor_is_our_own),
    };

    return cmocka_run_group_tests_name("postgresql parts", tests, NULL, NULL);
}
