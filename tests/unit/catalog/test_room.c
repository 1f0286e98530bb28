/* The room that a quota leaves, as the statement that takes it says, against quota_check_file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/quota.h"
#include "catalog/session.h"
#include "catalog/user.h"
#include "catalog/workspace.h"

#define STEPS 600
#define MONTH_US (INT64_C(31) * 86400 * 1000000)

static const struct uuid workspace_id = {{1}}, user_id = {{2}};

struct fixture {
    char folder[32];
    struct database *database;
    int64_t now_us;
    unsigned sessions; /* that were begun; their ids count */
    uint64_t bytes;    /* of the session to begin, or the file to charge */
    bool is_partial;
};

static bool populate(struct db *tx, void *context, struct error *err)
{
    struct workspace workspace = {workspace_id, "studio", 1};
    struct user user = {.id = user_id, .workspace_id = workspace_id, .name = "ada"};

    (void)context;
    return workspace_insert(tx, &workspace, err) &&
           quota_insert(tx, workspace_id, &(struct quota_limits){0}, 1, err) &&
           user_insert(tx, &user, err);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char url[64];
    struct database_options options = {.url = url, .readers = 1, .busy_ms = 1000};
    struct error err;

    snprintf(f->folder, sizeof f->folder, "/tmp/room-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(url, sizeof url, "sqlite:%s/catalog.db", f->folder);
    if (!database_open(&options, &f->database, &err) ||
        !database_write(f->database, populate, NULL, &err)) {
        print_error("%s\n", err.log);
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm"};
    struct fixture *f = *state;
    char path[64];

    database_free(f->database);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
        unlink(path);
    }
    rmdir(f->folder);
    free(f);
    return 0;
}

/* ---- what happens to a workspace ---- */

static struct uuid id_of(unsigned number)
{
    return (struct uuid){{9, (uint8_t)(number >> 8), (uint8_t)number}};
}

static struct session next_session(const struct fixture *f)
{
    return (struct session){.id = id_of(f->sessions),
                            .workspace_id = workspace_id,
                            .user_id = user_id,
                            .upload_id = id_of(f->sessions),
                            .kind = f->is_partial ? SESSION_TUS : SESSION_POST,
                            .filename = "a.wav",
                            .file_size = f->bytes,
                            .reserved_bytes = f->bytes,
                            .storage_name = "main",
                            .storage_path = "a",
                            .concatenation = f->is_partial ? SESSION_PARTIAL : SESSION_WHOLE,
                            .created_at_us = f->now_us,
                            .expires_at_us = INT64_MAX};
}

static bool begin_if_room(struct db *tx, void *context, struct error *err)
{
    struct session session = next_session(context);

    return session_begin_if_room(tx, &session, err);
}

static bool begin(struct db *tx, void *context, struct error *err)
{
    struct session session = next_session(context);

    return session_begin(tx, &session, err);
}

static bool charge(struct db *tx, void *context, struct error *err)
{
    const struct fixture *f = context;

    return quota_charge(tx, workspace_id, f->bytes, f->now_us, err);
}

static bool end_one(struct db *tx, void *context, struct error *err)
{
    const struct fixture *f = context;
    bool there;

    return f->sessions == 0 || session_end(tx, id_of((unsigned)rand() % f->sessions), &there, err);
}

static struct quota_limit some_limit(uint64_t most)
{
    return rand() % 2 ? quota_unlimited() : quota_limit_of((uint64_t)rand() % most);
}

static bool limit(struct db *tx, void *context, struct error *err)
{
    const struct fixture *f = context;
    struct quota_limits limits = {some_limit(3000), some_limit(60), some_limit(100),
                                  some_limit(30)};

    return quota_set(tx, workspace_id, &limits, &(struct quota_lifecycle){0}, f->now_us, err);
}

static bool has_room(const struct fixture *f)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct quota quota;
    struct error err;

    assert_true(database_read(f->database, &db, &err));
    assert_true(quota_read(db, workspace_id, f->now_us, mem, &quota, &err));
    return quota_check_file(&quota, f->bytes, &err);
}

static void happen(struct fixture *f)
{
    static db_work *const works[] = {charge, end_one, limit, begin};
    db_work *work = works[(size_t)rand() % COUNT_OF(works)];
    struct error err;

    f->is_partial = rand() % 3 == 0;
    f->bytes = 1 + (uint64_t)rand() % 100;
    if (rand() % 50 == 0)
        f->now_us += MONTH_US;
    if (database_write(f->database, work, f, &err) && work == begin)
        f->sessions++;
}

static void a_session_begins_where_there_is_room(void **state)
{
    struct fixture *f = *state;
    unsigned begun = 0, refused = 0;
    struct error err;

    srand(5);
    for (int i = 0; i < STEPS; i++) {
        happen(f);
        f->is_partial = false;
        f->bytes = 1 + (uint64_t)rand() % 100;
        bool room = has_room(f);
        assert_int_equal(database_write(f->database, begin_if_room, f, &err), room);
        assert_true(room || err.kind == ERR_CONFLICT);
        f->sessions += room;
        begun += room;
        refused += !room;
    }
    assert_in_range(begun, STEPS / 10, STEPS);
    assert_in_range(refused, STEPS / 10, STEPS);
}

/* Without any limit, too, there is one. */
static void no_workspace_holds_more_than_sums_can(void **state)
{
    struct fixture *f = *state;
    struct error err;

    f->bytes = QUOTA_BYTES_MAX - 10;
    assert_true(database_write(f->database, charge, f, &err));
    f->bytes = 11;
    assert_false(has_room(f));
    assert_false(database_write(f->database, begin_if_room, f, &err));
    f->bytes = 10;
    assert_true(database_write(f->database, begin_if_room, f, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_begins_where_there_is_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_workspace_holds_more_than_sums_can, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("room in a quota", tests, NULL, NULL);
}
