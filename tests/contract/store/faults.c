/* The nth operation fails, before or after it was done, until none is left to fail. */
#include "fixture.h"
#include "store_fault.h"

#define OPERATIONS_MAX 100

static void whole_or_absent(struct store *store, const char *key, const char *text)
{
    struct store_object object;
    struct error err;

    if (store_head(store, key, &object, &err))
        assert_object(store, key, text);
    else
        assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* Each attempt is a put with a key of its own, so that what one left cannot help the next. */
static void failed_puts_leave_nothing_or_all(struct store_fixture *f, enum fault_when when)
{
    scoped(store_release) struct store *faulty = store_fault_new(f->store);
    scoped(memory_free) char *text = pattern(600000, 3);
    int nth = 0;

    for (size_t i = 0; i < 600000; i++)
        text[i] = (char)('a' + (text[i] & 15));
    text[600000] = '\0';
    for (;; nth++) {
        char key[32];
        char id[32];
        assert_true(nth < OPERATIONS_MAX);
        snprintf(key, sizeof key, "uploads/%d/k", nth);
        snprintf(id, sizeof id, "put-%d", nth);
        store_fault_arm(faulty, nth, when);
        bool put = put_text(faulty, id, key, text, &f->err);
        bool struck = store_fault_struck(faulty);
        store_fault_calm(faulty);
        whole_or_absent(f->store, key, text);
        if (put && !struck)
            break;
        if (put)
            assert_object(f->store, key, text);
        assert_ok(f, store_stage_discard(f->store, id, &f->err));
    }
    assert_true(nth >= 4); /* create, writes, publish at least */
    assert_int_equal(count_stages(f->store), 0);
}

static void a_put_that_fails_is_absent(void **state)
{
    failed_puts_leave_nothing_or_all(*state, FAULT_BEFORE);
}

static void a_put_whose_answer_is_lost_is_whole_or_absent(void **state)
{
    failed_puts_leave_nothing_or_all(*state, FAULT_AFTER);
}

/* Puts until it works, as a caller does that retries: discard, put, and look when the key is taken.
 */
static bool put_again(struct store *store, const char *key, const char *text, struct error *err)
{
    struct store_object object;

    if (!store_stage_discard(store, "again", err))
        return false;
    if (put_text(store, "again", key, text, err))
        return true;
    return err->kind == ERR_EXISTS && store_head(store, key, &object, err);
}

static void retries_end_well(void **state)
{
    struct store_fixture *f = *state;
    scoped(store_release) struct store *faulty = store_fault_new(f->store);

    for (int nth = 0; nth < 8; nth++) {
        for (int when = FAULT_BEFORE; when <= FAULT_AFTER; when++) {
            char key[32];
            snprintf(key, sizeof key, "a/%d/%d", nth, when);
            store_fault_arm(faulty, nth, (enum fault_when)when);
            int attempts = 0;
            while (!put_again(faulty, key, "text", &f->err))
                assert_true(++attempts < 3);
            store_fault_calm(faulty);
            assert_object(f->store, key, "text");
        }
    }
    assert_int_equal(count_objects(f->store), 16);
}

/* A session in parts, each sync a promise: whatever fails, what was promised is read back. */
static void promised_parts_are_kept(void **state)
{
    struct store_fixture *f = *state;
    scoped(store_release) struct store *faulty = store_fault_new(f->store);
    struct stage *stage = NULL;
    uint64_t promised = 0;

    assert_ok(f, store_stage_create(faulty, "parts", 40, &stage, &f->err));
    stage_free(take(stage));
    for (int nth = 0; promised < 40; nth++) {
        assert_true(nth < OPERATIONS_MAX);
        store_fault_arm(faulty, nth % 4, nth & 4 ? FAULT_AFTER : FAULT_BEFORE);
        if (store_stage_open(faulty, "parts", &stage, &f->err) &&
            stage_write(stage, promised, "abcd", 4, &f->err) && stage_sync(stage, &f->err))
            promised += 4;
        store_fault_calm(faulty);
        stage_free(take(stage));
        store_fixture_reopen(f);
        store_free(take(faulty));
        faulty = store_fault_new(f->store);
        scoped(stage_release) struct stage *look = NULL;
        char back[64];
        size_t got = 0;
        assert_ok(f, store_stage_open(f->store, "parts", &look, &f->err));
        assert_ok(f, stage_read(look, 0, back, sizeof back, &got, &f->err));
        assert_true(got >= promised);
        for (uint64_t i = 0; i < promised; i++)
            assert_int_equal(back[i], "abcd"[i % 4]);
    }
    assert_ok(f, store_stage_open(faulty, "parts", &stage, &f->err));
    assert_ok(f, stage_publish(stage, 40, "k", &f->err));
    stage_free(stage);
    assert_object(f->store, "k", "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcd");
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int store_fault_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_put_that_fails_is_absent),
        CASE(a_put_whose_answer_is_lost_is_whole_or_absent),
        CASE(retries_end_well),
        CASE(promised_parts_are_kept),
    };

    return cmocka_run_group_tests_name("store: faults", cases, NULL, NULL);
}
