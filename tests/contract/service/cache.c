/* The processing cache: what is found, what is counted, what goes when. */
#include "cache_words.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "media/media.h"
#include "service/cache_pack.h"
#include "service/sweep.h"
#include "service/trash.h"
#include "service/workspaces.h"

#define LENGTH ((size_t)2000)
#define PARALLEL 64

/* ---- keys ---- */

static void options_that_say_the_same_are_one_key(void **state)
{
    static const char *const same[] = {"{\"beam\":5,\"language\":\"en\"}",
                                       " { \"language\" : \"\\u0065n\" , \"beam\" : 5.0 } ",
                                       "{\"language\":\"en\",\"beam\":50e-1}"};
    static const char *const others[] = {"", "{\"beam\":5}", "{\"beam\":\"5\",\"language\":\"en\"}",
                                         "{\"beam\":5,\"language\":\"en\",\"x\":null}"};
    struct service_fixture *f = *state;
    struct stored_content content = {.sha256 = {0}};
    struct cache_key first;

    memset(content.sha256, 'a', 64);
    first = key_of(f, &content, same[0]);
    for (size_t i = 1; i < COUNT_OF(same); i++)
        assert_string_equal(key_of(f, &content, same[i]).options_hash, first.options_hash);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_string_not_equal(key_of(f, &content, others[i]).options_hash, first.options_hash);
    assert_string_equal(key_of(f, &content, "{}").options_hash,
                        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_string_equal(key_of(f, &content, "").options_hash,
                        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

static void keys_that_are_none(void **state)
{
    struct service_fixture *f = *state;
    char hash[] = "ABCDEF0000000000000000000000000000000000000000000000000000000000";
    static const char *const types[] = {"",
                                        "Summary",
                                        "a b",
                                        "_a",
                                        "../x",
                                        "\xc3\xa4",
                                        "a123456789a123456789a123456789a123456789a123456789x"};
    static const char *const options[] = {"[]", "1", "null", "{\"a\":1,\"a\":2}", "{", "{}{}"};
    struct cache_key key;
    struct error err;

    check_ok(cache_key_make(f->workspace, hash, "a-1_.", str_from(""), &key, &err));
    assert_int_equal(key.file_hash[0], 'a'); /* one content, however its digits are written */
    for (size_t i = 0; i < COUNT_OF(types); i++)
        check_fails(cache_key_make(f->workspace, hash, types[i], str_from(""), &key, &err),
                    ERR_INVALID);
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (cache_key_make(f->workspace, hash, "a", str_from(options[i]), &key, &err) ||
            (err.kind != ERR_INVALID && err.kind != ERR_BAD_JSON))
            fail_msg("%s is an object of options", options[i]);
    hash[63] = 'g';
    check_fails(cache_key_make(f->workspace, hash, "a", str_from(""), &key, &err), ERR_INVALID);
    hash[63] = '\0';
    check_fails(cache_key_make(f->workspace, hash, "a", str_from(""), &key, &err), ERR_INVALID);
}

/* ---- finding ---- */

static void uses_are_counted_and_outlive_a_restart(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{\"a\":1}"), other = key_of(f, &content, "{}");
    struct cache_result result;
    struct error err;

    assert_null(got(f, &key));
    check_put(f, &key, "{\"text\":\"one\"}");
    assert_null(got(f, &other));
    assert_string_equal(got(f, &key), "{\"text\":\"one\"}");
    check_ok(cache_get(f->app, &key, f->mem, &result, &err));
    assert_int_equal(result.entry.access_count, 2);
    assert_int_equal(result.entry.file_size, LENGTH);
    service_restart(f);
    assert_string_equal(got(f, &key), "{\"text\":\"one\"}");
    assert_int_equal(figures(f).hits, 3);
    assert_int_equal(figures(f).misses, 2);
    assert_int_equal(figures(f).time_saved_ms, 3000);
    assert_int_equal(figures(f).entries, 1);

    check_put(f, &key, "[2]");
    check_ok(cache_get(f->app, &key, f->mem, &result, &err));
    assert_string_equal(result.data.ptr, "[2]");
    assert_int_equal(result.entry.access_count, 1);
    assert_int_equal(figures(f).entries, 1);
    assert_int_equal(figures(f).stored_bytes, 3);
    check_ok(cache_delete(f->app, &key, &err));
    check_fails(cache_delete(f->app, &key, &err), ERR_CACHE_MISS);
    check_fails(cache_get(f->app, &key, f->mem, &result, &err), ERR_CACHE_MISS);
    assert_int_equal(figures(f).entries, 0);
    assert_int_equal(figures(f).stored_bytes, 0);
    check_all_adds_up(f, false);
}

static void results_are_refused(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1), unknown = content;
    struct cache_key key = key_of(f, &content, "{}"), nowhere;
    struct error err;

    memset(unknown.sha256, 'a', 64);
    nowhere = key_of(f, &unknown, "{}");
    check_fails(put(f, &nowhere, "[1]", &err), ERR_CONTENT_UNKNOWN);
    check_fails(put(f, &key, "", &err), ERR_BAD_JSON);
    check_fails(put(f, &key, "{\"a\":}", &err), ERR_BAD_JSON);
    f->app->settings.cache.max_entry_bytes = 3;
    check_put(f, &key, "[1]");
    check_fails(put(f, &key, "[12]", &err), ERR_BODY_TOO_LARGE);
    f->app->settings.cache.max_entry_bytes = 1000;
    f->app->settings.cache.max_bytes = CACHE_ENTRY_BYTES + 3;
    check_put(f, &key, "[1]");
    check_fails(put(f, &key, "[12]", &err), ERR_BODY_TOO_LARGE);
    assert_string_equal(got(f, &key), "[1]");
    assert_int_equal(figures(f).entries, 1);
}

/* Names that somebody makes up fill no table. */
static void types_are_limited(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{}");
    scoped(db_release) struct db *db = NULL;
    struct cache_figures *types;
    struct error err;
    size_t count;

    check_put(f, &key, "[1]");
    for (int i = 0; i < CACHE_TYPES_MAX + 10; i++) {
        snprintf(key.type, sizeof key.type, "made-up-%d", i);
        assert_null(got(f, &key));
    }
    check_ok(database_read(f->app->database, &db, &err));
    check_ok(cache_figures_of(db, f->workspace, f->mem, &types, &count, &err));
    assert_int_equal(count, CACHE_TYPES_MAX);
    db_return(take(db));
    check_fails(put(f, &key, "[1]", &err), ERR_CONFLICT);
    strcpy(key.type, "made-up-3");
    check_put(f, &key, "[1]");
    assert_string_equal(got(f, &key), "[1]");
    check_all_adds_up(f, false);
}

/* ---- packing ---- */

static void what_gains_is_compressed(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{}");
    uint64_t above = f->app->settings.cache.compress_above_bytes;
    char *text = arena_alloc(f->mem, 1000002);
    struct cache_result result;
    struct error err;

    memset(text, 'a', 1000001);
    text[0] = text[above - 1] = '"';
    text[above] = '\0';
    check_put(f, &key, text); /* as long as is not compressed yet */
    check_ok(cache_get(f->app, &key, f->mem, &result, &err));
    assert_false(result.entry.compressed);
    assert_int_equal(result.entry.stored_bytes, above);
    assert_true(cache_compression_ratio(&result.entry) == 1.0);

    text[above - 1] = text[above] = 'a';
    text[1000000] =
        '"'; /* digital silence: a ratio past 100, which the spec's column cannot hold */
    text[1000001] = '\0';
    check_put(f, &key, text);
    check_ok(cache_get(f->app, &key, f->mem, &result, &err));
    assert_true(result.entry.compressed);
    assert_int_equal(result.entry.data_bytes, 1000001);
    assert_true(cache_compression_ratio(&result.entry) > 1000);
    assert_string_equal(result.data.ptr, text);
    assert_int_equal(figures(f).data_bytes, 1000001);
    assert_int_equal(figures(f).stored_bytes, result.entry.stored_bytes);
    check_all_adds_up(f, false);
}

static void what_does_not_gain_is_not(void **state)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
    scoped(arena_release) struct arena *mem = arena_new();
    uint8_t noise[20000];
    char text[sizeof noise + 3];
    struct str packed = {0}, again;

    (void)state;
    random_system.fill(&random_system, noise, sizeof noise);
    assert_false(cache_pack((struct str){(const char *)noise, sizeof noise}, mem, &packed));
    assert_null(packed.ptr);
    for (size_t i = 0; i < sizeof noise; i++)
        text[i] = digits[noise[i] % 64];
    assert_true(cache_pack((struct str){text, sizeof noise}, mem, &packed)); /* 6 bits of 8 */
    assert_true(cache_unpack(packed, sizeof noise, mem, &again));
    assert_memory_equal(again.ptr, text, sizeof noise);
    /* the length that is told bounds what is made */
    assert_false(cache_unpack(packed, sizeof noise - 1, mem, &again));
    assert_false(cache_unpack(packed, sizeof noise + 1, mem, &again));
    assert_false(cache_unpack(packed, UINT64_MAX - 1, mem, &again));
    assert_false(cache_unpack((struct str){packed.ptr, packed.len - 1}, sizeof noise, mem, &again));
    assert_false(cache_unpack((struct str){text, sizeof noise}, sizeof noise, mem, &again));
}

/* ---- expiry ---- */

static int64_t now_us; /* of the clock that is moved */

static int64_t moved(const struct clock *self)
{
    (void)self;
    return now_us;
}
static const struct clock movable = {moved};

static void results_expire(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{}"), for_ever = key_of(f, &content, "{\"a\":1}");
    struct sweep_report report;
    struct error err;

    now_us = clock_now_us(&clock_system);
    f->app->clock = &movable;
    f->app->settings.cache.ttl_us = US_PER_DAY;
    check_put(f, &key, "[1]");
    f->app->settings.cache.ttl_us = 0;
    check_put(f, &for_ever, "[2]");
    now_us += US_PER_DAY - 1;
    assert_string_equal(got(f, &key), "[1]");
    check_ok(sweep_run(f->app, &report, &err));
    assert_int_equal(report.results, 0);
    now_us += 1;
    assert_null(got(f, &key));
    assert_int_equal(figures(f).entries, 2);
    check_ok(sweep_run(f->app, &report, &err));
    assert_int_equal(report.results, 1);
    assert_int_equal(figures(f).entries, 1);
    now_us += 1000 * US_PER_DAY;
    assert_string_equal(got(f, &for_ever), "[2]");
    check_put(f, &key, "[3]"); /* in place of what expired */
    assert_string_equal(got(f, &key), "[3]");
    assert_int_equal(figures(f).hits, 3);
    assert_int_equal(figures(f).misses, 1);
    check_all_adds_up(f, false);
}

/* More than one sweep's transaction takes. */
static void many_expire_at_once(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key;
    uint64_t removed;
    struct error err;

    now_us = clock_now_us(&clock_system);
    f->app->clock = &movable;
    for (int i = 0; i < 450; i++) {
        key = key_of(f, &content, arena_printf(f->mem, "{\"i\":%d}", i));
        check_put(f, &key, "[1]");
    }
    now_us += f->app->settings.cache.ttl_us;
    check_ok(cache_sweep(f->app, &removed, &err));
    assert_int_equal(removed, 450);
    assert_int_equal(figures(f).entries, 0);
    check_all_adds_up(f, false);
}

/* ---- the limit ---- */

static void what_was_used_longest_ago_makes_room(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key keys[6];

    now_us = clock_now_us(&clock_system);
    f->app->clock = &movable;
    f->app->settings.cache.max_bytes = 4 * (CACHE_ENTRY_BYTES + 3);
    for (int i = 0; i < 6; i++)
        keys[i] = key_of(f, &content, arena_printf(f->mem, "{\"i\":%d}", i));
    for (int i = 0; i < 4; i++, now_us++)
        check_put(f, &keys[i], "[1]");
    assert_int_equal(figures(f).entries, 4); /* exactly full */
    now_us++;
    assert_non_null(got(f, &keys[0]));
    now_us++;
    check_put(f, &keys[4], "[1]"); /* 1 was used the longest time ago now */
    assert_int_equal(figures(f).entries, 4);
    now_us++;
    assert_null(got(f, &keys[1]));
    assert_non_null(got(f, &keys[0]));
    assert_non_null(got(f, &keys[4]));
    now_us++;
    check_put(f, &keys[4], "[12]"); /* one byte too many: 2 goes */
    assert_null(got(f, &keys[2]));
    assert_non_null(got(f, &keys[3]));
    assert_int_equal(figures(f).entries, 3);
    now_us++;
    check_put(f, &keys[5], "[12]"); /* there is room for it */
    assert_int_equal(figures(f).entries, 3);
    f->app->settings.cache.max_bytes = CACHE_ENTRY_BYTES + 4;
    check_put(f, &keys[2], "[12]"); /* alone there is room for it */
    assert_int_equal(figures(f).entries, 1);
    assert_string_equal(got(f, &keys[2]), "[12]");
    check_all_adds_up(f, false);
}

/* ---- ends ---- */

static void results_go_with_the_last_upload_of_their_content(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1), same = stored(f, LENGTH, 1);
    struct stored_content other = stored(f, LENGTH, 2);
    struct cache_key key = key_of(f, &content, "{}"), others = key_of(f, &other, "{}");
    struct error err;

    check_put(f, &key, "[1]");
    check_put(f, &others, "[2]");
    check_ok(trash_purge(f->app, f->workspace, f->user, content.id, &err));
    assert_non_null(got(f, &key));
    check_ok(trash_put(f->app, f->workspace, f->user, same.id, &err));
    assert_non_null(got(f, &key)); /* it may come back */
    check_ok(trash_purge(f->app, f->workspace, f->user, same.id, &err));
    assert_null(got(f, &key));
    check_fails(put(f, &key, "[1]", &err), ERR_CONTENT_UNKNOWN);
    assert_non_null(got(f, &others));
    f->app->settings.cache.keep_after_purge = true;
    check_ok(trash_purge(f->app, f->workspace, f->user, other.id, &err));
    assert_non_null(got(f, &others));
    check_all_adds_up(f, false);
}

static void workspaces_know_nothing_of_each_other(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{}"), theirs = key;
    struct workspace other;
    struct error err;

    check_ok(workspaces_add(f->app, "other", NULL, f->mem, &other, &err));
    theirs.workspace_id = other.id;
    check_put(f, &key, "[1]");
    assert_null(got(f, &theirs));
    check_fails(put(f, &theirs, "[2]", &err), ERR_CONTENT_UNKNOWN);
    check_fails(cache_delete(f->app, &theirs, &err), ERR_CACHE_MISS);
    assert_string_equal(got(f, &key), "[1]");
    assert_int_equal(figures(f).misses, 0);
    check_ok(workspaces_remove(f->app, other.id, f->user, false, &err));
    assert_string_equal(got(f, &key), "[1]");
    f->app->settings.cache.keep_after_purge = true; /* even so */
    check_ok(workspaces_remove(f->app, f->workspace, f->user, true, &err));
    assert_null(got(f, &key));
    assert_int_equal(figures(f).entries, 0);
    check_all_adds_up(f, false);
}

static void one_type_is_cleared(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{}"), summary = key;
    uint64_t removed;
    struct error err;

    strcpy(summary.type, "summary");
    check_put(f, &key, "[1]");
    check_put(f, &summary, "[2]");
    check_ok(cache_clear(f->app, f->workspace, "summary", &removed, &err));
    assert_int_equal(removed, 1);
    assert_null(got(f, &summary));
    assert_non_null(got(f, &key));
    check_ok(cache_clear(f->app, f->workspace, NULL, &removed, &err));
    assert_int_equal(removed, 1);
    assert_int_equal(figures(f).entries, 0);
    assert_int_equal(figures(f).hits, 1);
    check_all_adds_up(f, false);
}

/* ---- at once ---- */

struct crowd {
    struct service_fixture *f;
    const struct cache_key *key;
    bool puts;
};

static void *in_crowd(void *context)
{
    const struct crowd *crowd = context;
    scoped(arena_release) struct arena *mem = arena_new();
    struct cache_result result;
    struct error err;

    if (crowd->puts)
        return put(crowd->f, crowd->key, "{\"text\":\"the same\"}", &err) ? (void *)crowd : NULL;
    if (!cache_get(crowd->f->app, crowd->key, mem, &result, &err))
        return NULL;
    return strcmp(result.data.ptr, "{\"text\":\"the same\"}") == 0 ? (void *)crowd : NULL;
}

static void gather(struct crowd *crowd)
{
    pthread_t threads[PARALLEL];
    void *done;

    for (int i = 0; i < PARALLEL; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, in_crowd, crowd), 0);
    for (int i = 0; i < PARALLEL; i++) {
        pthread_join(threads[i], &done);
        assert_non_null(done);
    }
}

static void puts_and_hits_at_once(void **state)
{
    struct service_fixture *f = *state;
    struct stored_content content = stored(f, LENGTH, 1);
    struct cache_key key = key_of(f, &content, "{}");
    struct crowd crowd = {f, &key, true};
    struct cache_result result;
    struct error err;

    gather(&crowd);
    assert_int_equal(figures(f).entries, 1);
    assert_int_equal(figures(f).stored_bytes, strlen("{\"text\":\"the same\"}"));
    crowd.puts = false;
    gather(&crowd);
    assert_int_equal(figures(f).hits, PARALLEL);
    assert_int_equal(figures(f).misses, 0);
    check_ok(cache_get(f->app, &key, f->mem, &result, &err));
    assert_int_equal(result.entry.access_count, PARALLEL + 1);
    check_all_adds_up(f, false);
}

#define WITH_APP(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_up, service_fixture_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_APP(options_that_say_the_same_are_one_key),
        WITH_APP(keys_that_are_none),
        WITH_APP(uses_are_counted_and_outlive_a_restart),
        WITH_APP(results_are_refused),
        WITH_APP(types_are_limited),
        WITH_APP(what_gains_is_compressed),
        cmocka_unit_test(what_does_not_gain_is_not),
        WITH_APP(results_expire),
        WITH_APP(many_expire_at_once),
        WITH_APP(what_was_used_longest_ago_makes_room),
        WITH_APP(results_go_with_the_last_upload_of_their_content),
        WITH_APP(workspaces_know_nothing_of_each_other),
        WITH_APP(one_type_is_cleared),
        WITH_APP(puts_and_hits_at_once),
    };

    SERVE_AS_MEDIA_WORKER(argc, argv);
    return cmocka_run_group_tests_name("the processing cache", tests, NULL, NULL);
}
