/* The SQLite driver's own parts: what the writer makes of works that gathered, and how the readers'
 * pool shrinks. Works are made to gather by one that stands still before them. */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "db/sqlite.h"

#define MOST 8

struct rig {
    struct db_fixture *fixture;
    struct database database;
    struct sqlite_file file;
    struct sqlite_readers readers;
    struct sqlite_writer writer;
    atomic_int commits;
    sem_t entered;
    sem_t go_on;
};

struct caller {
    struct rig *rig;
    pthread_t thread;
    db_work *work;
    void *context;
    bool ok;
    struct error err;
};

static int count_commit(void *context)
{
    struct rig *rig = context;

    atomic_fetch_add(&rig->commits, 1);
    return 0;
}

static void rig_up(struct rig *rig, struct db_fixture *f)
{
    struct sqlite_db *connection;
    struct stat found;
    struct error err;

    db_fixture_close(f); /* it has made the file and its schema */
    assert_int_equal(stat(f->path, &found), 0);
    *rig = (struct rig){.fixture = f, .database = {&database_sqlite, &sql_set_shelf}};
    rig->file = (struct sqlite_file){f->path, found.st_dev, found.st_ino, 200, &sql_set_shelf};
    sqlite_readers_init(&rig->readers, &rig->file, 2);
    check_ok(sqlite_connect(&rig->file, SQLITE_MODE_WRITE, &connection, &err));
    sqlite3_commit_hook(connection->handle, count_commit, rig);
    check_ok(sqlite_writer_start(&rig->writer, &rig->database, &rig->file, &rig->readers,
                                 connection, &err));
    sem_init(&rig->entered, 0, 0);
    sem_init(&rig->go_on, 0, 0);
}

/* The fixture's database is open again behind it. */
static void rig_down(struct rig *rig)
{
    sqlite_writer_stop(&rig->writer);
    sqlite_readers_done(&rig->readers);
    sqlite_writer_done(&rig->writer);
    sem_destroy(&rig->entered);
    sem_destroy(&rig->go_on);
    db_fixture_open(rig->fixture);
}

static void *call(void *context)
{
    struct caller *caller = context;

    caller->ok =
        sqlite_writer_run(&caller->rig->writer, caller->work, caller->context, &caller->err);
    return NULL;
}

static bool stand_still(struct db *tx, void *context, struct error *err)
{
    struct rig *rig = context;

    (void)tx, (void)err;
    sem_post(&rig->entered);
    sem_wait(&rig->go_on);
    return true;
}

static size_t queued(struct rig *rig)
{
    size_t count = 0;

    pthread_mutex_lock(&rig->writer.lock);
    for (struct sqlite_write *write = rig->writer.first; write; write = write->next)
        count++;
    pthread_mutex_unlock(&rig->writer.lock);
    return count;
}

static void start(struct rig *rig, struct caller *caller)
{
    caller->rig = rig;
    pthread_create(&caller->thread, NULL, call, caller);
}

/* Runs the works as one group, in their order. */
static void run_gathered(struct rig *rig, struct caller *callers, size_t count)
{
    struct caller still = {.work = stand_still, .context = rig};

    start(rig, &still);
    sem_wait(&rig->entered);
    for (size_t i = 0; i < count; i++) {
        start(rig, &callers[i]);
        while (queued(rig) <= i)
            sched_yield();
    }
    atomic_store(&rig->commits, 0);
    sem_post(&rig->go_on);
    pthread_join(still.thread, NULL);
    for (size_t i = 0; i < count; i++)
        pthread_join(callers[i].thread, NULL);
}

/* ---- groups ---- */

static const char *const labels[MOST] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void fill_works(struct shelf_work *works, struct caller *callers)
{
    for (int i = 0; i < MOST; i++) {
        works[i] = (struct shelf_work){.id = i, .label = labels[i]};
        callers[i] = (struct caller){.work = shelf_add_work, .context = &works[i]};
    }
}

static void those_who_gathered_share_one_commit(void **state)
{
    struct rig rig;
    struct shelf_work works[MOST];
    struct caller callers[MOST];

    rig_up(&rig, *state);
    fill_works(works, callers);
    run_gathered(&rig, callers, MOST);
    rig_down(&rig);
    for (int i = 0; i < MOST; i++) {
        assert_true(callers[i].ok);
        assert_int_equal(works[i].runs, 1);
    }
    assert_int_equal(atomic_load(&rig.commits), 2); /* the one standing still had its own */
    assert_int_equal(db_fixture_number(*state, SQL_SHELF_COUNT), MOST);
}

static void one_that_fails_takes_nothing_of_the_others(void **state)
{
    struct rig rig;
    struct shelf_work works[MOST];
    struct caller callers[MOST];

    rig_up(&rig, *state);
    fill_works(works, callers);
    works[2].fail_after = true;
    works[5].label = "a"; /* taken by the first */
    run_gathered(&rig, callers, MOST);
    rig_down(&rig);
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(callers[i].ok, i != 2 && i != 5);
        assert_int_equal(works[i].runs, 1);
    }
    assert_int_equal(callers[2].err.kind, ERR_CONFLICT);
    assert_int_equal(callers[5].err.kind, ERR_EXISTS);
    assert_int_equal(db_fixture_number(*state, SQL_SHELF_COUNT), MOST - 2);
}

static bool add_orphan_twin(struct db *tx, void *context, struct error *err)
{
    (void)context;
    return db_execute(tx, SQL_BOOK_ADD,
                      DB_ARGS(db_text("x"), db_int(0), db_text("nobody"), db_int(1)), NULL, err);
}

/* A foreign key that is checked at commit would otherwise fail the commit of all. */
static void a_deferred_key_fails_its_own_work(void **state)
{
    struct rig rig;
    struct shelf_work works[MOST];
    struct caller callers[MOST];

    rig_up(&rig, *state);
    fill_works(works, callers);
    callers[3].work = add_orphan_twin;
    run_gathered(&rig, callers, MOST);
    rig_down(&rig);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(callers[i].ok, i != 3);
    assert_int_equal(callers[3].err.kind, ERR_CONFLICT);
    assert_int_equal(db_fixture_number(*state, SQL_SHELF_COUNT), MOST - 1);
}

/* What SQLite does by itself when, say, the disk is full in the middle of a statement. */
static bool lose_transaction(struct db *tx, void *context, struct error *err)
{
    const bool *notice = context;

    if (!sqlite_script(tx, "ROLLBACK", err))
        return false;
    return *notice ? error_set(err, ERR_STORAGE_FULL, "the disk is full") : true;
}

static void the_others_run_again_when_the_transaction_is_lost(void **state)
{
    struct rig rig;
    struct shelf_work works[MOST];
    struct caller callers[MOST];
    bool notice[] = {false, true};

    rig_up(&rig, *state);
    fill_works(works, callers);
    works[6].fail_after = true;
    callers[1] = (struct caller){.work = lose_transaction, .context = &notice[0]};
    callers[3] = (struct caller){.work = lose_transaction, .context = &notice[1]};
    run_gathered(&rig, callers, MOST);
    rig_down(&rig);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(callers[i].ok, i != 1 && i != 3 && i != 6);
    assert_int_equal(callers[1].err.kind, ERR_UNAVAILABLE);
    assert_int_equal(callers[3].err.kind, ERR_STORAGE_FULL);
    assert_int_equal(callers[6].err.kind, ERR_CONFLICT);
    assert_int_equal(works[0].runs, 2);
    assert_int_equal(works[7].runs, 1);
    assert_int_equal(db_fixture_number(*state, SQL_SHELF_COUNT), MOST - 3);
}

static int refuse_commit(void *context)
{
    struct rig *rig = context;

    return atomic_fetch_add(&rig->commits, 1) == 1; /* the group's; not the one standing still */
}

static void all_fail_when_the_commit_does(void **state)
{
    struct rig rig;
    struct shelf_work works[MOST];
    struct caller callers[MOST];

    rig_up(&rig, *state);
    sqlite3_commit_hook(rig.writer.connection->handle, refuse_commit, &rig);
    fill_works(works, callers);
    works[2].fail_after = true;
    run_gathered(&rig, callers, MOST);
    for (int i = 0; i < MOST; i++)
        assert_false(callers[i].ok);
    assert_int_equal(callers[2].err.kind, ERR_CONFLICT); /* it had its own reason */
    assert_int_equal(callers[3].err.kind, callers[0].err.kind);
    struct caller again = {.work = shelf_add_work, .context = &works[0]};
    start(&rig, &again);
    pthread_join(again.thread, NULL);
    assert_true(again.ok);
    rig_down(&rig);
    assert_int_equal(db_fixture_number(*state, SQL_SHELF_COUNT), 1);
}

static void what_waits_is_done_before_the_end(void **state)
{
    struct rig rig;
    struct shelf_work works[MOST];
    struct caller callers[MOST];
    struct caller still = {.work = stand_still, .context = &rig};

    rig_up(&rig, *state);
    fill_works(works, callers);
    start(&rig, &still);
    sem_wait(&rig.entered);
    for (size_t i = 0; i < MOST; i++) {
        start(&rig, &callers[i]);
        while (queued(&rig) <= i)
            sched_yield();
    }
    sem_post(&rig.go_on);
    rig_down(&rig);
    pthread_join(still.thread, NULL);
    for (int i = 0; i < MOST; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_true(callers[i].ok);
    }
}

/* ---- readers ---- */

static void the_pool_shrinks_to_what_it_keeps(void **state)
{
    struct rig rig;
    struct sqlite_db *lent[MOST];
    struct error err;

    rig_up(&rig, *state);
    for (int i = 0; i < MOST; i++)
        check_ok(sqlite_readers_borrow(&rig.readers, &lent[i], &err));
    assert_int_equal(rig.readers.open_count, MOST);
    assert_false(sqlite_readers_shrink(&rig.readers));
    assert_int_equal(rig.readers.open_count, MOST); /* all in use */
    for (int i = 0; i < MOST; i++)
        sqlite_readers_return(&rig.readers, lent[i]);
    assert_true(sqlite_readers_shrink(&rig.readers));
    assert_int_equal(rig.readers.open_count, MOST); /* used a moment ago */
    rig.readers.idle_us = 0;
    assert_false(sqlite_readers_shrink(&rig.readers));
    assert_int_equal(rig.readers.open_count, 2);
    assert_int_equal(rig.readers.idle_count, 2);
    rig_down(&rig);
}

/* The surplus is looked after by the writer's thread, with no call from anyone. */
static void the_writer_shrinks_the_pool(void **state)
{
    struct rig rig;
    struct sqlite_db *lent[MOST];
    struct error err;
    unsigned open = MOST;

    rig_up(&rig, *state);
    rig.readers.idle_us = 0;
    rig.readers.surplus = sqlite_writer_shrink_readers;
    rig.readers.surplus_context = &rig.writer;
    for (int i = 0; i < MOST; i++)
        check_ok(sqlite_readers_borrow(&rig.readers, &lent[i], &err));
    for (int i = 0; i < MOST; i++)
        sqlite_readers_return(&rig.readers, lent[i]);
    while (open > 2) { /* the test's time limit ends it if it never happens */
        pthread_mutex_lock(&rig.readers.lock);
        open = rig.readers.open_count;
        pthread_mutex_unlock(&rig.readers.lock);
        sqlite3_sleep(5);
    }
    rig_down(&rig);
}

static void a_reader_cannot_write(void **state)
{
    struct rig rig;
    struct sqlite_db *db;
    struct error err;
    struct shelf_work work = {.id = 1, .label = "one"};

    rig_up(&rig, *state);
    check_ok(sqlite_readers_borrow(&rig.readers, &db, &err));
    db->base = (struct db){.database = &rig.database, .writable = true}; /* past db.c's assert */
    check_fails(shelf_add_work(&db->base, &work, &err), ERR_UNAVAILABLE);
    sqlite_readers_return(&rig.readers, db);
    rig_down(&rig);
}

int main(void)
{
#define with_database(test) cmocka_unit_test_setup_teardown(test, db_fixture_up, db_fixture_down)
    const struct CMUnitTest tests[] = {
        with_database(those_who_gathered_share_one_commit),
        with_database(one_that_fails_takes_nothing_of_the_others),
        with_database(a_deferred_key_fails_its_own_work),
        with_database(the_others_run_again_when_the_transaction_is_lost),
        with_database(all_fail_when_the_commit_does),
        with_database(what_waits_is_done_before_the_end),
        with_database(the_pool_shrinks_to_what_it_keeps),
        with_database(the_writer_shrinks_the_pool),
        with_database(a_reader_cannot_write),
    };

    return cmocka_run_group_tests_name("sqlite parts", tests, NULL, NULL);
}
