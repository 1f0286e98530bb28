/* Many threads at once: all that was acknowledged is there, and nothing else. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define WRITERS 16
#define WRITES 500
#define READERS 3

struct crowd {
    struct db_fixture *fixture;
    atomic_uint next_id;
    atomic_uint faults; /* what must not happen; cmocka's asserts belong to the main thread */
    atomic_bool over;
};

/* Adds a shelf and counts it; every seventh fails at the end. */
static bool add_and_count(struct db *tx, void *context, struct error *err)
{
    static char tally[] = "shelves";

    return tally_work(tx, tally, err) && shelf_add_work(tx, context, err);
}

static void *write_many(void *context)
{
    struct crowd *crowd = context;

    for (int i = 0; i < WRITES; i++) {
        char label[32];
        unsigned id = atomic_fetch_add(&crowd->next_id, 1);
        struct shelf_work work = {.id = id, .label = label, .fail_after = id % 7 == 0};
        struct error err;
        snprintf(label, sizeof label, "shelf %u", id);
        bool ok = database_write(crowd->fixture->database, add_and_count, &work, &err);
        if (ok == work.fail_after || (!ok && err.kind != ERR_CONFLICT))
            atomic_fetch_add(&crowd->faults, 1);
    }
    return NULL;
}

static bool read_number(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                        int64_t *out)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct error err;

    if (!db_query(db, id, args, count, &rows, &err))
        return false;
    *out = db_next(rows) ? db_column_int(rows, 0) : 0;
    return db_rows_ok(rows, &err);
}

/* In one snapshot the count and the tally agree, and neither ever goes back. */
static void *read_along(void *context)
{
    struct crowd *crowd = context;
    int64_t before = 0;

    while (!atomic_load(&crowd->over)) {
        scoped(db_release) struct db *db = NULL;
        int64_t shelves = 0, tally = 0;
        struct error err;
        bool ok = database_snapshot(crowd->fixture->database, &db, &err) &&
                  read_number(db, SQL_SHELF_COUNT, DB_NO_ARGS, &shelves) &&
                  read_number(db, SQL_TALLY_OF, DB_ARGS(db_text("shelves")), &tally);
        if (!ok || shelves != tally || shelves < before)
            atomic_fetch_add(&crowd->faults, 1);
        before = shelves;
    }
    return NULL;
}

static void every_acknowledged_write_is_there(void **state)
{
    struct db_fixture *f = *state;
    struct crowd crowd = {.fixture = f};
    pthread_t writers[WRITERS], readers[READERS];
    int64_t failed = 0;

    atomic_store(&crowd.next_id, 1);
    for (int i = 0; i < READERS; i++)
        pthread_create(&readers[i], NULL, read_along, &crowd);
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&writers[i], NULL, write_many, &crowd);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&crowd.over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);

    for (unsigned id = 1; id <= WRITERS * WRITES; id++)
        failed += id % 7 == 0;
    assert_int_equal(atomic_load(&crowd.faults), 0);
    db_fixture_close(f);
    db_fixture_open(f);
    assert_int_equal(db_fixture_number(f, SQL_SHELF_COUNT), WRITERS * WRITES - failed);
    assert_int_equal(db_fixture_tally(f, "shelves"), WRITERS * WRITES - failed);
}

static void *borrow_often(void *context)
{
    struct crowd *crowd = context;

    for (int i = 0; i < 200; i++) {
        scoped(db_release) struct db *db = NULL;
        struct error err;
        int64_t count;
        if (!database_read(crowd->fixture->database, &db, &err) ||
            !read_number(db, SQL_SHELF_COUNT, DB_NO_ARGS, &count))
            atomic_fetch_add(&crowd->faults, 1);
    }
    return NULL;
}

/* More threads than there may be connections: they take turns. */
static void readers_beyond_the_bound_take_turns(void **state)
{
    struct db_fixture *f = *state;
    struct crowd crowd = {.fixture = f};
    pthread_t threads[100];

    f->options.busy_ms = 60000; /* nobody is refused, however slow the machine */
    db_fixture_close(f);
    db_fixture_open(f);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_create(&threads[i], NULL, borrow_often, &crowd);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.faults), 0);
}

int main(void)
{
#define with_database(test) cmocka_unit_test_setup_teardown(test, db_fixture_up, db_fixture_down)
    const struct CMUnitTest tests[] = {
        with_database(every_acknowledged_write_is_there),
        with_database(readers_beyond_the_bound_take_turns),
    };

    return cmocka_run_group_tests_name("database concurrency", tests, NULL, NULL);
}
