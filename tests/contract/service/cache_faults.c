/*
 * The processing cache while the nth operation of the database fails, until none is left to fail.
 * After each failure a result is what it was or what it should become, never a part of either, and
 * the figures are the sums of the rows.
 */
#include "cache_words.h"

#include <string.h>

#include "db_fault.h"
#include "media/media.h"
#include "service/trash.h"

#define LENGTH ((size_t)2000)
#define NTH_MAX 100

static const char before[] = "{\"text\":\"before\"}";
static const char after[] = "{\"text\":\"after, and longer\"}";

struct trial {
    struct service_fixture *f;
    struct stored_content content;
    struct cache_key key, other;
    unsigned nth;
};

/* A step of the cache's, tried with and without a fault. */
struct flow {
    const char *name;
    bool (*step)(struct trial *t, struct error *err);
    /* Looks at what is there: DONE says the step told success, or was repeated until it did. */
    void (*check)(struct trial *t, bool done);
};

static bool put_step(struct trial *t, struct error *err)
{
    return put(t->f, &t->key, after, err);
}

/* Room for one entry: the other must go in the very transaction. */
static void check_put_step(struct trial *t, bool done)
{
    const char *text = got(t->f, &t->key);
    bool other = got(t->f, &t->other) != NULL;

    assert_true(strcmp(text, after) == 0 || (!done && strcmp(text, before) == 0));
    assert_true(other == (strcmp(text, before) == 0));
}

static bool find_step(struct trial *t, struct error *err)
{
    struct cache_result result;
    bool found;

    if (!cache_find(t->f->app, &t->key, t->f->mem, &found, &result, err))
        return false;
    assert_true(found);
    assert_string_equal(result.data.ptr, before);
    return true;
}

static void check_find_step(struct trial *t, bool done)
{
    (void)done;
    assert_string_equal(got(t->f, &t->key), before);
}

static bool miss_step(struct trial *t, struct error *err)
{
    struct cache_key nothing = key_of(t->f, &t->content, "{\"nothing\":1}");
    struct cache_result result;
    bool found;

    if (!cache_find(t->f->app, &nothing, t->f->mem, &found, &result, err))
        return false;
    assert_false(found);
    return true;
}

static bool delete_step(struct trial *t, struct error *err)
{
    return cache_delete(t->f->app, &t->key, err) || err->kind == ERR_CACHE_MISS;
}

static void check_delete_step(struct trial *t, bool done)
{
    assert_true(!done || !got(t->f, &t->key));
    assert_non_null(got(t->f, &t->other));
}

static bool clear_step(struct trial *t, struct error *err)
{
    uint64_t removed;

    return cache_clear(t->f->app, t->f->workspace, NULL, &removed, err);
}

static bool purge_step(struct trial *t, struct error *err)
{
    return trash_purge(t->f->app, t->f->workspace, t->f->user, t->content.id, err);
}

/* Results and record go together. */
static void check_purge_step(struct trial *t, bool done)
{
    scoped(db_release) struct db *db = NULL;
    struct upload upload;
    struct error err;
    bool there;

    check_ok(database_read(t->f->app->database, &db, &err));
    there = upload_by_id(db, t->f->workspace, t->content.id, t->f->mem, &upload, &err);
    db_return(take(db));
    assert_true(!done || !there);
    assert_true(there == (got(t->f, &t->key) != NULL));
    assert_true(there == (got(t->f, &t->other) != NULL));
}

static void check_nothing(struct trial *t, bool done)
{
    assert_true(!done || figures(t->f).entries == 0);
}

static const struct flow flows[] = {
    {"put", put_step, check_put_step},    {"find", find_step, check_find_step},
    {"miss", miss_step, check_find_step}, {"delete", delete_step, check_delete_step},
    {"clear", clear_step, check_nothing}, {"purge", purge_step, check_purge_step},
};

static void set_up(struct trial *t)
{
    t->f->app->settings.cache.max_bytes = 0;
    t->content = stored(t->f, LENGTH, 1000 + t->nth);
    t->key = key_of(t->f, &t->content, "{}");
    t->other = key_of(t->f, &t->content, "{\"other\":1}");
    check_put(t->f, &t->other, before);
    check_put(t->f, &t->key, before);
    t->f->app->settings.cache.max_bytes = CACHE_ENTRY_BYTES + sizeof after;
}

static void tear_down(struct trial *t)
{
    struct error err;

    check_ok(trash_purge(t->f->app, t->f->workspace, t->f->user, t->content.id, &err));
    assert_int_equal(figures(t->f).entries, 0);
    assert_int_equal(figures(t->f).stored_bytes, 0);
    check_all_adds_up(t->f, false);
}

/* True if a fault was met. */
static bool play(const struct flow *flow, struct trial *t, bool answer_is_lost)
{
    struct error err;
    bool ok, struck;

    set_up(t);
    if (answer_is_lost)
        db_fault_arm_answer(t->nth, ERR_UNAVAILABLE);
    else
        db_fault_arm(t->nth, ERR_UNAVAILABLE);
    ok = flow->step(t, &err);
    struck = db_fault_disarm();
    assert_true(ok || struck);
    flow->check(t, ok);
    check_all_adds_up(t->f, false);
    if (!ok)
        check_ok(flow->step(t, &err)); /* the retry succeeds */
    flow->check(t, true);
    tear_down(t);
    return struck;
}

static void play_all(const struct flow *flow, bool answer_is_lost)
{
    struct service_fixture *f = NULL;
    bool struck = true;
    unsigned nth;

    service_fixture_up((void **)&f);
    for (nth = 1; struck; nth++) {
        struct trial trial = {.f = f, .nth = nth};

        assert_true(nth < NTH_MAX);
        struck = play(flow, &trial, answer_is_lost);
    }
    assert_true(nth > 2);
    print_message("%s: %u operations of the database%s\n", flow->name, nth - 2,
                  answer_is_lost ? "'s answer" : "");
    service_fixture_down((void **)&f);
}

static void each_operation_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(flows); i++) {
        play_all(&flows[i], false);
        play_all(&flows[i], true);
    }
}

/* ---- a disk that is full ---- */

/* Past the two operations that read: the one that counts. */
#define COUNTING 3

/* What can be read is answered, and whoever asks is not told of a figure that could not be kept. */
static void a_use_that_cannot_be_counted_is_one(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{}"), nothing = key_of(f, &content, "{\"a\":1}");
    struct cache_result result;
    struct error err;

    check_put(f, &key, before);
    db_fault_arm(COUNTING, ERR_STORAGE_FULL);
    check_ok(cache_get(f->app, &key, f->mem, &result, &err));
    assert_true(db_fault_disarm());
    assert_string_equal(result.data.ptr, before);
    assert_int_equal(result.entry.access_count, 0);
    db_fault_arm(COUNTING, ERR_STORAGE_FULL);
    check_fails(cache_get(f->app, &nothing, f->mem, &result, &err), ERR_CACHE_MISS);
    assert_true(db_fault_disarm());
    assert_int_equal(figures(f).hits, 0);
    assert_int_equal(figures(f).misses, 0);
    check_ok(cache_get(f->app, &key, f->mem, &result, &err));
    assert_int_equal(result.entry.access_count, 1);
    check_all_adds_up(f, false);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_fails),
        cmocka_unit_test_setup_teardown(a_use_that_cannot_be_counted_is_one, service_fixture_up,
                                        service_fixture_down),
    };

    SERVE_AS_MEDIA_WORKER(argc, argv);
    return cmocka_run_group_tests_name("the processing cache: faults", tests, NULL, NULL);
}
