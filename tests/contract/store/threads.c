/* Sixteen threads in the same few folders, which empty and fill again all the time. */
#include <pthread.h>
#include <stdatomic.h>

#include "fixture.h"

#define THREADS 16
#define ROUNDS 60

struct crew {
    struct store *store;
    pthread_barrier_t start;
    atomic_int failures;
    atomic_int winners;
    char first[512];
    atomic_flag noted;
};

struct hand {
    struct crew *crew;
    int number;
};

static void note(struct crew *crew, const struct error *err)
{
    atomic_fetch_add(&crew->failures, 1);
    if (!atomic_flag_test_and_set(&crew->noted))
        memcpy(crew->first, err->log, sizeof crew->first);
}

static bool get_exactly(struct store *store, const char *key, const char *text, struct error *err)
{
    scoped(text_sink_done) struct text_sink sink;
    struct byte_range whole = {0, BYTE_RANGE_REST};

    text_sink_init(&sink);
    if (!store_get(store, key, whole, &sink.base, err))
        return false;
    if (sink.length == strlen(text) && memcmp(sink.bytes, text, sink.length) == 0)
        return true;
    return error_set(err, ERR_INTERNAL, "%s holds other bytes", key);
}

/* Publishes, reads back and removes objects of its own, two folders deep in folders that all use.
 */
static void *come_and_go(void *argument)
{
    struct hand *hand = argument;
    struct crew *crew = hand->crew;
    struct error err;

    pthread_barrier_wait(&crew->start);
    for (int round = 0; round < ROUNDS; round++) {
        char id[32];
        char key[48];
        snprintf(id, sizeof id, "t-%d-%d", hand->number, round);
        snprintf(key, sizeof key, "shared/%d/x/%d", round % 3, hand->number);
        if (!put_text(crew->store, id, key, id, &err) || !get_exactly(crew->store, key, id, &err) ||
            !store_remove(crew->store, key, &err))
            note(crew, &err);
    }
    return NULL;
}

/* All want the same key: one gets it, the others are told. */
static void *compete(void *argument)
{
    struct hand *hand = argument;
    struct crew *crew = hand->crew;
    struct error err;
    char id[32];

    snprintf(id, sizeof id, "c-%d", hand->number);
    pthread_barrier_wait(&crew->start);
    if (put_text(crew->store, id, "one/key", id, &err))
        atomic_fetch_add(&crew->winners, 1);
    else if (err.kind != ERR_EXISTS)
        note(crew, &err);
    return NULL;
}

static void *remove_all(void *argument)
{
    struct hand *hand = argument;
    struct error err;

    pthread_barrier_wait(&hand->crew->start);
    if (!store_remove(hand->crew->store, "one/key", &err))
        note(hand->crew, &err);
    return NULL;
}

static void work(struct crew *crew, void *(*run)(void *))
{
    struct hand hands[THREADS];
    pthread_t threads[THREADS];

    pthread_barrier_init(&crew->start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        hands[i] = (struct hand){crew, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &hands[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crew->start);
    if (crew->failures > 0)
        fail_msg("%d failures, first: %s", crew->failures, crew->first);
}

static void folders_come_and_go_under_publishers(void **state)
{
    struct store_fixture *f = *state;
    struct crew crew = {.store = f->store, .noted = ATOMIC_FLAG_INIT};

    work(&crew, come_and_go);
    assert_int_equal(count_objects(f->store), 0);
    assert_int_equal(count_stages(f->store), 0);
}

static void one_of_many_gets_the_key(void **state)
{
    struct store_fixture *f = *state;

    for (int round = 0; round < 20; round++) {
        struct crew crew = {.store = f->store, .noted = ATOMIC_FLAG_INIT};
        work(&crew, compete);
        assert_int_equal(crew.winners, 1);
        work(&crew, remove_all);
        assert_absent(f->store, "one/key");
    }
}

/* Two servers on one store know nothing of each other's folders. */
static void two_handles_share_folders(void **state)
{
    struct store_fixture *f = *state;
    scoped(store_release) struct store *other = store_fixture_open(f);

    for (int i = 0; i < 50; i++) {
        struct store *one = i % 2 ? f->store : other;
        struct store *two = i % 2 ? other : f->store;
        assert_ok(f, put_text(one, "a", "d/e/f", "x", &f->err));
        assert_ok(f, store_remove(two, "d/e/f", &f->err));
        assert_ok(f, put_text(two, "b", "d/e/g", "y", &f->err));
        assert_object(one, "d/e/g", "y");
        assert_ok(f, store_remove(one, "d/e/g", &f->err));
    }
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int store_thread_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(folders_come_and_go_under_publishers),
        CASE(one_of_many_gets_the_key),
        CASE(two_handles_share_folders),
    };

    return cmocka_run_group_tests_name("store: threads", cases, NULL, NULL);
}
