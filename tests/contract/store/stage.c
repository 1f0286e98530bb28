#include <fcntl.h>
#include <unistd.h>

#include "fixture.h"

#define MIB ((size_t)1 << 20)

static struct stage *create(struct store_fixture *f, const char *id, uint64_t expected)
{
    struct stage *stage = NULL;

    assert_ok(f, store_stage_create(f->store, id, expected, &stage, &f->err));
    return stage;
}

static void a_stage_becomes_an_object(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s-1", 11);

    assert_ok(f, stage_write(stage, 6, "world", 5, &f->err));
    assert_ok(f, stage_write(stage, 0, "hello ", 6, &f->err));
    assert_absent(f->store, "uploads/u/a.wav");
    assert_ok(f, stage_publish(stage, 11, "uploads/u/a.wav", &f->err));
    assert_object(f->store, "uploads/u/a.wav", "hello world");
    assert_int_equal(count_stages(f->store), 0);
}

/* Long enough for several windows of early writeback, declared larger than it gets. */
static void a_long_stage_is_read_back(void **state)
{
    struct store_fixture *f = *state;
    size_t length = 35 * MIB + 17;
    scoped(memory_free) char *bytes = pattern(length, 1);
    scoped(stage_release) struct stage *stage = create(f, "long", 40 * MIB);

    for (size_t at = 0; at < length; at += 300000)
        assert_ok(f, stage_write(stage, at, bytes + at, length - at < 300000 ? length - at : 300000,
                                 &f->err));
    scoped(memory_free) char *back = malloc(length + 1);
    size_t got = 0;
    assert_ok(f, stage_read(stage, 0, back, length + 1, &got, &f->err));
    assert_int_equal(got, length);
    assert_memory_equal(back, bytes, length);
    assert_ok(f, stage_publish(stage, length, "uploads/long", &f->err));
    assert_object_bytes(f->store, "uploads/long", bytes, length);
}

/* What is announced, and what of it comes true. */
static const struct {
    const char *key, *type;
    uint64_t announced, written;
    bool rewrites; /* its beginning, in the end */
    bool publishes;
} ANNOUNCED[] = {
    {"a/known", "audio/wav", 17 * MIB + 1, 17 * MIB + 1, false, true},
    {"a/unknown", "audio/wav", STAGE_SIZE_UNKNOWN, 17 * MIB + 1, false, true},
    {"a/whole-parts", "audio/wav", 15 * MIB, 15 * MIB, false, true},
    {"a/longer", "audio/wav", 12 * MIB, 17 * MIB, false, true},
    {"a/shorter", "audio/wav", 17 * MIB, 12 * MIB, false, true},
    {"a/one-part", "audio/wav", STAGE_SIZE_UNKNOWN, 100, false, true},
    {"a/type", "audio/mpeg", 17 * MIB, 17 * MIB, false, true},
    {"a/rewritten", "audio/wav", STAGE_SIZE_UNKNOWN, 17 * MIB, true, true},
    {"a/given-up", "audio/wav", STAGE_SIZE_UNKNOWN, 17 * MIB, false, false},
};

static void write_all(struct store_fixture *f, struct stage *stage, const char *bytes,
                      size_t length)
{
    for (size_t at = 0; at < length; at += MIB)
        assert_ok(
            f, stage_write(stage, at, bytes + at, length - at < MIB ? length - at : MIB, &f->err));
}

static bool count_transfer(void *context, const struct store_unfinished *transfer)
{
    (void)transfer;
    ++*(size_t *)context;
    return true;
}

/* Whatever was sent early, the object is what was published. */
static void what_was_announced_need_not_come_true(void **state)
{
    struct store_fixture *f = *state;
    size_t left = 0;

    for (size_t i = 0; i < COUNT_OF(ANNOUNCED); i++) {
        const char *key = ANNOUNCED[i].key;
        size_t length = ANNOUNCED[i].written;
        struct object_facts facts = {.content_type = ANNOUNCED[i].type};
        scoped(memory_free) char *bytes = pattern(length, (unsigned)i);
        scoped(stage_release) struct stage *stage = create(f, "s", STAGE_SIZE_UNKNOWN);

        stage_announce(stage, ANNOUNCED[i].announced, key, &facts);
        write_all(f, stage, bytes, length);
        if (ANNOUNCED[i].rewrites) {
            memcpy(bytes, "another", 7);
            assert_ok(f, stage_write(stage, 0, bytes, 7, &f->err));
        }
        assert_absent(f->store, key);
        facts.content_type = "audio/wav";
        stage_describe(stage, &facts);
        if (ANNOUNCED[i].publishes) {
            assert_ok(f, stage_publish(stage, length, key, &f->err));
            assert_object_bytes(f->store, key, bytes, length);
        }
    }
    assert_absent(f->store, "a/given-up");
    assert_ok(f, store_list_unfinished(f->store, count_transfer, &left, &f->err));
    assert_int_equal(left, 0);
    assert_ok(f, store_stage_discard(f->store, "s", &f->err));
}

static void a_stage_is_read_where_it_was_written(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s", STAGE_SIZE_UNKNOWN);
    char back[8] = "";
    size_t got = 99;

    assert_ok(f, stage_read(stage, 0, back, sizeof back, &got, &f->err));
    assert_int_equal(got, 0);
    assert_ok(f, stage_write(stage, 0, "abcdef", 6, &f->err));
    assert_ok(f, stage_read(stage, 4, back, sizeof back, &got, &f->err));
    assert_int_equal(got, 2);
    assert_memory_equal(back, "ef", 2);
    int fd = stage_fd(stage);
    if (fd >= 0)
        assert_int_equal(pread(fd, back, sizeof back, 0), 6);
    assert_true(fd < 0 || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
}

static void a_stage_is_cut(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s", STAGE_SIZE_UNKNOWN);

    assert_ok(f, stage_write(stage, 0, "abcdef", 6, &f->err));
    assert_ok(f, stage_truncate(stage, 3, &f->err));
    assert_ok(f, stage_write(stage, 3, "X", 1, &f->err));
    assert_refused(f, ERR_INVALID, stage_truncate(stage, 9, &f->err));
    assert_ok(f, stage_publish(stage, 4, "k", &f->err));
    assert_object(f->store, "k", "abcX");
}

static void publishing_keeps_size_bytes(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s", STAGE_SIZE_UNKNOWN);

    assert_ok(f, stage_write(stage, 0, "abcdef", 6, &f->err));
    assert_refused(f, ERR_INCOMPLETE, stage_publish(stage, 7, "k", &f->err));
    assert_absent(f->store, "k");
    assert_ok(f, stage_publish(stage, 2, "k", &f->err));
    assert_object(f->store, "k", "ab");
}

static void an_empty_stage_becomes_an_empty_object(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s", 0);

    assert_ok(f, stage_publish(stage, 0, "chunks/empty", &f->err));
    assert_object(f->store, "chunks/empty", "");
}

static void a_stage_is_made_once(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s", 3);
    struct stage *second = NULL;

    assert_ok(f, stage_write(stage, 0, "abc", 3, &f->err));
    assert_refused(f, ERR_EXISTS, store_stage_create(f->store, "s", 3, &second, &f->err));
    assert_null(second);
    assert_ok(f, stage_publish(stage, 3, "k", &f->err));
    assert_object(f->store, "k", "abc");
}

static void a_stage_outlives_the_server(void **state)
{
    struct store_fixture *f = *state;
    struct stage *first = create(f, "resume-1", 6);

    assert_ok(f, stage_write(first, 0, "abc", 3, &f->err));
    assert_ok(f, stage_sync(first, &f->err));
    stage_free(first);
    store_fixture_reopen(f);
    assert_int_equal(count_stages(f->store), 1);
    assert_int_equal(count_objects(f->store), 0);

    scoped(stage_release) struct stage *again = NULL;
    char back[8];
    size_t got = 0;
    assert_ok(f, store_stage_open(f->store, "resume-1", &again, &f->err));
    assert_ok(f, stage_read(again, 0, back, sizeof back, &got, &f->err));
    assert_int_equal(got, 3);
    assert_ok(f, stage_write(again, 3, "def", 3, &f->err));
    assert_ok(f, stage_sync(again, &f->err));
    assert_ok(f, stage_publish(again, 6, "uploads/r", &f->err));
    assert_object(f->store, "uploads/r", "abcdef");
}

static void a_published_stage_is_gone(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s", 1);
    struct stage *again = NULL;

    assert_ok(f, stage_write(stage, 0, "x", 1, &f->err));
    assert_ok(f, stage_publish(stage, 1, "k", &f->err));
    assert_refused(f, ERR_NOT_FOUND, store_stage_open(f->store, "s", &again, &f->err));
    assert_ok(f, store_stage_discard(f->store, "s", &f->err));
    assert_object(f->store, "k", "x");
}

static void discarding_is_harmless_twice(void **state)
{
    struct store_fixture *f = *state;
    struct stage *stage = create(f, "s", 1);

    stage_free(stage);
    assert_ok(f, store_stage_discard(f->store, "s", &f->err));
    assert_ok(f, store_stage_discard(f->store, "s", &f->err));
    assert_int_equal(count_stages(f->store), 0);
    assert_refused(f, ERR_NOT_FOUND, store_stage_open(f->store, "s", &stage, &f->err));
}

static void a_discarded_stage_is_not_published(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "s", 1);

    assert_ok(f, stage_write(stage, 0, "x", 1, &f->err));
    assert_ok(f, store_stage_discard(f->store, "s", &f->err));
    assert_refused(f, ERR_NOT_FOUND, stage_publish(stage, 1, "a/k", &f->err));
    assert_absent(f->store, "a/k");
}

static void an_object_is_never_overwritten(void **state)
{
    struct store_fixture *f = *state;
    scoped(stage_release) struct stage *stage = create(f, "second", 3);

    assert_ok(f, put_text(f->store, "first", "a/k", "old", &f->err));
    assert_ok(f, stage_write(stage, 0, "new", 3, &f->err));
    assert_refused(f, ERR_EXISTS, stage_publish(stage, 3, "a/k", &f->err));
    assert_object(f->store, "a/k", "old");
    assert_int_equal(count_stages(f->store), 1);
    assert_ok(f, stage_publish(stage, 3, "a/other", &f->err));
    assert_object(f->store, "a/other", "new");
}

static void an_impossible_size_is_refused_at_once(void **state)
{
    struct store_fixture *f = *state;
    uint64_t sizes[] = {UINT64_C(1) << 60, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1};
    struct stage *stage = NULL;

    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        assert_refused(f, ERR_STORAGE_FULL,
                       store_stage_create(f->store, "huge", sizes[i], &stage, &f->err));
    assert_null(stage);
    assert_int_equal(count_stages(f->store), 0);
}

static void ids_are_checked(void **state)
{
    static const char *const bad[] = {"",     ".",      "..",  "a/b",     "a b",
                                      "../a", ".probe", "a_b", "\xc3\xa9"};
    struct store_fixture *f = *state;
    struct stage *stage = NULL;
    char longest[130];

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_refused(f, ERR_INVALID, store_stage_create(f->store, bad[i], 0, &stage, &f->err));
        assert_refused(f, ERR_INVALID, store_stage_open(f->store, bad[i], &stage, &f->err));
        assert_refused(f, ERR_INVALID, store_stage_discard(f->store, bad[i], &f->err));
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[129] = '\0';
    assert_refused(f, ERR_INVALID, store_stage_create(f->store, longest, 0, &stage, &f->err));
    longest[128] = '\0';
    assert_ok(f, store_stage_create(f->store, longest, 0, &stage, &f->err));
    stage_free(stage);
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int store_stage_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_stage_becomes_an_object),
        CASE(a_long_stage_is_read_back),
        CASE(what_was_announced_need_not_come_true),
        CASE(a_stage_is_read_where_it_was_written),
        CASE(a_stage_is_cut),
        CASE(publishing_keeps_size_bytes),
        CASE(an_empty_stage_becomes_an_empty_object),
        CASE(a_stage_is_made_once),
        CASE(a_stage_outlives_the_server),
        CASE(a_published_stage_is_gone),
        CASE(discarding_is_harmless_twice),
        CASE(a_discarded_stage_is_not_published),
        CASE(an_object_is_never_overwritten),
        CASE(an_impossible_size_is_refused_at_once),
        CASE(ids_are_checked),
    };

    return cmocka_run_group_tests_name("store: stages", cases, NULL, NULL);
}
