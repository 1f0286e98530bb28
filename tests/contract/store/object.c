#include <fcntl.h>
#include <unistd.h>

#include "fixture.h"

static void what_was_put_is_got(void **state)
{
    static const size_t lengths[] = {0, 1, 4095, 65536, 262144, 262145, 1000003};
    struct store_fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        scoped(memory_free) char *bytes = pattern(lengths[i], (unsigned)i);
        struct memory_source content;
        char key[32];
        snprintf(key, sizeof key, "uploads/%zu/f.wav", i);
        memory_source_init(&content, bytes, lengths[i]);
        assert_ok(f, store_put(f->store, "s", key, &content.base, lengths[i], &f->err));
        assert_object_bytes(f->store, key, bytes, lengths[i]);
    }
    assert_int_equal(count_objects(f->store), COUNT_OF(lengths));
    assert_int_equal(count_stages(f->store), 0);
}

static void ranges_are_cut_to_the_object(void **state)
{
    static const struct {
        struct byte_range range;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {{0, BYTE_RANGE_REST}, "0123456789"},
        {{0, 0}, ""},
        {{0, 1}, "0"},
        {{9, 1}, "9"},
        {{9, 5}, "9"},
        {{3, 4}, "3456"},
        {{3, BYTE_RANGE_REST - 1}, "3456789"},
        {{10, 1}, NULL},
        {{11, BYTE_RANGE_REST}, NULL},
        {{UINT64_MAX, 1}, NULL},
    };
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "s", "k", "0123456789", &f->err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scoped(text_sink_done) struct text_sink sink;
        text_sink_init(&sink);
        bool got = store_get(f->store, "k", cases[i].range, &sink.base, &f->err);
        assert_int_equal(got, cases[i].expected != NULL);
        assert_int_equal(sink.length, got ? strlen(cases[i].expected) : 0);
        if (got && sink.length > 0)
            assert_memory_equal(sink.bytes, cases[i].expected, sink.length);
        if (!got)
            assert_int_equal(f->err.kind, ERR_RANGE);
    }
}

static void absent_objects_are_not_found(void **state)
{
    struct store_fixture *f = *state;
    scoped(text_sink_done) struct text_sink sink;
    struct byte_range whole = {0, BYTE_RANGE_REST};
    uint64_t size;
    int fd;

    text_sink_init(&sink);
    assert_ok(f, put_text(f->store, "s", "a/b/c", "x", &f->err));
    static const char *const keys[] = {"none", "a", "a/b", "a/b/d", "a/none/c"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_absent(f->store, keys[i]);
        assert_refused(f, ERR_NOT_FOUND, store_get(f->store, keys[i], whole, &sink.base, &f->err));
        if (!store_open_fd(f->store, keys[i], &fd, &size, &f->err))
            assert_true(f->err.kind == ERR_NOT_FOUND || f->err.kind == ERR_NOT_IMPLEMENTED);
        else
            fail_msg("%s was opened", keys[i]);
        assert_ok(f, store_remove(f->store, keys[i], &f->err));
    }
    assert_object(f->store, "a/b/c", "x");
}

static void a_removed_object_is_gone(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "s", "a/b/c", "1", &f->err));
    assert_ok(f, put_text(f->store, "s", "a/b/d", "2", &f->err));
    assert_ok(f, store_remove(f->store, "a/b/c", &f->err));
    assert_absent(f->store, "a/b/c");
    assert_object(f->store, "a/b/d", "2");
    assert_ok(f, store_remove(f->store, "a/b/c", &f->err));
    assert_ok(f, store_remove(f->store, "a/b/d", &f->err));
    assert_int_equal(count_objects(f->store), 0);
    assert_ok(f, put_text(f->store, "s", "a/b/c", "again", &f->err));
    assert_object(f->store, "a/b/c", "again");
}

/* Readers that have begun are not disturbed by a removal, where there are descriptors. */
static void an_open_descriptor_reads_on(void **state)
{
    struct store_fixture *f = *state;
    scoped(fd_close) int fd = -1;
    uint64_t size = 0;
    char back[4];

    assert_ok(f, put_text(f->store, "s", "k", "abc", &f->err));
    if (!store_open_fd(f->store, "k", &fd, &size, &f->err))
        skip();
    assert_ok(f, store_remove(f->store, "k", &f->err));
    assert_int_equal(read(fd, back, sizeof back), 3);
}

static void a_short_content_leaves_nothing(void **state)
{
    struct store_fixture *f = *state;
    struct memory_source content;

    memory_source_init(&content, "abc", 3);
    assert_refused(f, ERR_INCOMPLETE, store_put(f->store, "s", "a/k", &content.base, 4, &f->err));
    assert_absent(f->store, "a/k");
    assert_int_equal(count_stages(f->store), 0);
}

static void a_long_content_is_cut(void **state)
{
    struct store_fixture *f = *state;
    struct memory_source content;

    memory_source_init(&content, "abcdef", 6);
    assert_ok(f, store_put(f->store, "s", "k", &content.base, 4, &f->err));
    assert_object(f->store, "k", "abcd");
}

/* ERR_EXISTS says that the key is taken; a foreign stage in the way must not look the same. */
static void a_stage_in_the_way_is_not_a_taken_key(void **state)
{
    struct store_fixture *f = *state;
    struct stage *stage = NULL;

    assert_ok(f, store_stage_create(f->store, "s", 1, &stage, &f->err));
    stage_free(stage);
    assert_refused(f, ERR_CONFLICT, put_text(f->store, "s", "k", "x", &f->err));
    assert_int_equal(count_stages(f->store), 1);
    assert_refused(f, ERR_CONFLICT, put_text(f->store, "s", "k", "x", &f->err));
}

static void a_taken_key_is_refused(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "s", "k", "old", &f->err));
    assert_refused(f, ERR_EXISTS, put_text(f->store, "s", "k", "new", &f->err));
    assert_object(f->store, "k", "old");
    assert_int_equal(count_stages(f->store), 0);
    assert_non_null(strstr(f->err.log, "store \"main\": put \"k\": "));
}

static void keys_are_checked(void **state)
{
    static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "a/..", "../a", "a\nb", "\xff"};
    struct store_fixture *f = *state;
    struct store_object object;
    uint64_t size;
    int fd;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_refused(f, ERR_INVALID, put_text(f->store, "s", bad[i], "x", &f->err));
        assert_refused(f, ERR_INVALID, store_head(f->store, bad[i], &object, &f->err));
        assert_refused(f, ERR_INVALID, store_open_fd(f->store, bad[i], &fd, &size, &f->err));
        assert_refused(f, ERR_INVALID, store_remove(f->store, bad[i], &f->err));
    }
    assert_int_equal(count_stages(f->store), 0);
}

static void keys_may_hold_any_text(void **state)
{
    static const char *const keys[] = {"a b/c+d", "\xc3\xa9/\xe6\x97\xa5",
                                       "-x",      "..a/b..",
                                       "a?b=c&d", "%2e%2e/x",
                                       "\"'\\",   "q/.hidden",
                                       "#;:*|<>"};
    struct store_fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_ok(f, put_text(f->store, "s", keys[i], keys[i], &f->err));
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_object(f->store, keys[i], keys[i]);
    assert_int_equal(count_objects(f->store), COUNT_OF(keys));
}

static void a_store_can_be_checked(void **state)
{
    struct store_fixture *f = *state;
    uint64_t room = 0;
    uint64_t total = 0;

    assert_ok(f, store_check(f->store, &f->err));
    assert_int_equal(count_stages(f->store), 0);
    assert_int_equal(count_objects(f->store), 0);
    assert_ok(f, store_space(f->store, &room, &total, &f->err));
    assert_true(room > 0 && room <= total);
    assert_string_equal(store_name(f->store), "main");
}

/* Where the file system says it at all: as far as a file can be entered, and not a byte further. */
static void a_store_tells_the_largest_object(void **state)
{
    struct store_fixture *f = *state;
    uint64_t largest = store_largest(f->store);
    scoped(fd_close) int fd = open(f->folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

    if (largest == STAGE_SIZE_UNKNOWN || !f->has_files)
        return;
    assert_true(largest >= UINT64_C(1) << 31 && largest <= INT64_MAX);
    if (fd < 0) /* what is no folder on a disk */
        return;
    assert_int_equal(lseek(fd, (off_t)largest, SEEK_SET), (off_t)largest);
    if (largest < INT64_MAX)
        assert_int_equal(lseek(fd, (off_t)(largest + 1), SEEK_SET), -1);
}

static void a_store_knows_how_it_is_opened(void **state)
{
    struct store_fixture *f = *state;
    struct store_config config = {.name = "x", .provider = "ftp", .path = f->folder};
    struct store *store = NULL;

    assert_refused(f, ERR_INVALID, store_open(&config, true, &store, &f->err));
    config = (struct store_config){.name = "a b", .provider = "local", .path = f->folder};
    assert_refused(f, ERR_INVALID, store_open(&config, true, &store, &f->err));
    config = (struct store_config){.name = "x", .provider = "local"};
    assert_refused(f, ERR_INVALID, store_open(&config, true, &store, &f->err));
    assert_null(store);
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int store_object_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(what_was_put_is_got),
        CASE(ranges_are_cut_to_the_object),
        CASE(absent_objects_are_not_found),
        CASE(a_removed_object_is_gone),
        CASE(an_open_descriptor_reads_on),
        CASE(a_short_content_leaves_nothing),
        CASE(a_long_content_is_cut),
        CASE(a_stage_in_the_way_is_not_a_taken_key),
        CASE(a_taken_key_is_refused),
        CASE(keys_are_checked),
        CASE(keys_may_hold_any_text),
        CASE(a_store_can_be_checked),
        CASE(a_store_tells_the_largest_object),
        CASE(a_store_knows_how_it_is_opened),
    };

    return cmocka_run_group_tests_name("store: objects", cases, NULL, NULL);
}
