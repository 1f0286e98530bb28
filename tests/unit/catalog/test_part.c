/* The ranges of a session in a real catalog, against a model that keeps a bit for each byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "catalog/part.h"
#include "catalog/quota.h"
#include "catalog/session.h"
#include "catalog/user.h"
#include "catalog/workspace.h"

#define BYTES 96 /* of the model's file */
#define STEPS 120
#define GAMES 40
#define SEED_VARIABLE "PART_SEED"

static const struct uuid workspace_id = {{1}}, user_id = {{2}};
static const struct uuid ours = {{3}}, theirs = {{4}};

struct fixture {
    char folder[32];
    struct database *database;
};

static bool begin_session(struct db *tx, struct uuid id, struct error *err)
{
    struct session session = {.id = id,
                              .workspace_id = workspace_id,
                              .user_id = user_id,
                              .upload_id = id,
                              .kind = SESSION_CHUNKED,
                              .filename = "a.wav",
                              .file_size = BYTES,
                              .reserved_bytes = BYTES,
                              .storage_name = "main",
                              .storage_path = "a",
                              .created_at_us = 1,
                              .expires_at_us = 2};

    return session_begin(tx, &session, err);
}

static bool populate(struct db *tx, void *context, struct error *err)
{
    struct workspace workspace = {workspace_id, "studio", 1};
    struct user user = {.id = user_id, .workspace_id = workspace_id, .name = "ada"};
    struct quota_limits limits = {0};

    (void)context;
    return workspace_insert(tx, &workspace, err) &&
           quota_insert(tx, workspace_id, &limits, 1, err) && user_insert(tx, &user, err) &&
           begin_session(tx, ours, err) && begin_session(tx, theirs, err);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char url[64];
    struct database_options options = {.url = url, .readers = 1, .busy_ms = 1000};
    struct error err;

    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/part-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(url, sizeof url, "sqlite:%s/catalog.db", fixture->folder);
    if (!database_open(&options, &fixture->database, &err) ||
        !database_write(fixture->database, populate, NULL, &err)) {
        print_error("%s\n", err.log);
        return -1;
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    DIR *folder = opendir(fixture->folder);

    database_free(fixture->database);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

/* ---- the model ---- */

struct model {
    bool is_there[BYTES];
};

static uint64_t run_from(const struct model *model, uint64_t at)
{
    uint64_t end = at;

    while (end < BYTES && model->is_there[end] == model->is_there[at])
        end++;
    return end;
}

/* SET is the model's, in as few parts as may be. */
static bool is_same(const struct model *model, const struct part_set *set, struct error *err)
{
    size_t n = 0;

    for (uint64_t at = 0, end; at < BYTES; at = end) {
        end = run_from(model, at);
        if (!model->is_there[at])
            continue;
        if (n == set->count || set->parts[n].start != at || set->parts[n].end != end)
            return error_set(err, ERR_INTERNAL, "part %zu is not %d to %d", n, (int)at, (int)end);
        n++;
    }
    return n == set->count || error_set(err, ERR_INTERNAL, "%zu parts too many", set->count - n);
}

/* ---- one game: in one transaction, as commits are another's business ---- */

struct game {
    unsigned seed;
    struct part last;
    unsigned step;
};

static unsigned draw(struct game *game, unsigned below)
{
    game->seed = game->seed * 1103515245 + 12345;
    return game->seed / 65536 % below;
}

static bool play(struct db *tx, void *context, struct error *err)
{
    struct game *game = context;
    struct model model = {{false}};

    if (!part_remove_all(tx, ours, err))
        return false;
    for (game->step = 0; game->step < STEPS; game->step++) {
        scoped(arena_release) struct arena *mem = arena_new();
        uint64_t start = draw(game, BYTES), longest = draw(game, 4) ? 6 : BYTES;
        uint64_t end = start + 1 + draw(game, (unsigned)longest);
        struct part_set set;

        game->last = (struct part){start, end < BYTES ? end : BYTES};
        memset(model.is_there + start, true, game->last.end - start);
        if (!part_add(tx, ours, game->last, err) || !part_list(tx, ours, mem, &set, err) ||
            !is_same(&model, &set, err))
            return false;
    }
    return true;
}

static void parts_are_what_was_added(void **state)
{
    struct fixture *fixture = *state;
    const char *wish = getenv(SEED_VARIABLE);
    unsigned first = wish ? (unsigned)strtoul(wish, NULL, 10) : (unsigned)time(NULL);

    for (unsigned i = 0; i < GAMES; i++) {
        struct game game = {.seed = first + i};
        struct error err;

        if (!database_write(fixture->database, play, &game, &err))
            fail_msg("%s=%u, step %u, adding %d to %d: %s", SEED_VARIABLE, first + i, game.step,
                     (int)game.last.start, (int)game.last.end, err.log);
    }
}

/* ---- by hand ---- */

struct addition {
    struct uuid id;
    struct part part;
};

static bool add_work(struct db *tx, void *context, struct error *err)
{
    const struct addition *addition = context;

    return part_add(tx, addition->id, addition->part, err);
}

static bool add(struct fixture *fixture, struct uuid id, uint64_t start, uint64_t end,
                struct error *err)
{
    struct addition addition = {id, {start, end}};

    return database_write(fixture->database, add_work, &addition, err);
}

static void parts_are(struct fixture *fixture, struct uuid id, const struct part *expected,
                      size_t count)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct part_set set;
    struct error err;

    assert_true(database_read(fixture->database, &db, &err));
    assert_true(part_list(db, id, mem, &set, &err));
    assert_int_equal(set.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(set.parts[i].start, expected[i].start);
        assert_int_equal(set.parts[i].end, expected[i].end);
    }
}

static void sessions_have_their_own(void **state)
{
    const uint64_t large = UINT64_C(1) << 52;
    struct error err;

    assert_true(add(*state, ours, 10, 20, &err));
    assert_true(add(*state, theirs, 0, 15, &err));
    assert_true(add(*state, ours, 15, 30, &err));
    assert_true(add(*state, ours, large - 1, large, &err));
    parts_are(*state, ours, (struct part[]){{10, 30}, {large - 1, large}}, 2);
    parts_are(*state, theirs, (struct part[]){{0, 15}}, 1);
    parts_are(*state, (struct uuid){{9}}, NULL, 0);
}

static void what_is_no_range_or_of_no_session_is_refused(void **state)
{
    struct error err;

    assert_false(add(*state, ours, 5, 5, &err));
    assert_false(add(*state, ours, 6, 5, &err));
    assert_false(add(*state, (struct uuid){{9}}, 0, 1, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    parts_are(*state, ours, NULL, 0);
}

static bool end_theirs(struct db *tx, void *context, struct error *err)
{
    return session_end(tx, theirs, context, err);
}

static void parts_go_with_their_session(void **state)
{
    struct fixture *fixture = *state;
    struct error err;
    bool there = false;

    assert_true(add(fixture, ours, 0, 1, &err));
    assert_true(add(fixture, theirs, 0, 1, &err));
    assert_true(database_write(fixture->database, end_theirs, &there, &err));
    assert_true(there);
    parts_are(fixture, theirs, NULL, 0);
    parts_are(fixture, ours, (struct part[]){{0, 1}}, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(parts_are_what_was_added),
        CASE(sessions_have_their_own),
        CASE(what_is_no_range_or_of_no_session_is_refused),
        CASE(parts_go_with_their_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
