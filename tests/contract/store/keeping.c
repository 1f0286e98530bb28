/* Copies, classes, archives, links: what a store can do, and that it says clearly what it cannot.
 */
#include "fixture.h"

#define MIB ((size_t)1 << 20)

static void a_copy_is_an_object_of_its_own(void **state)
{
    static const size_t lengths[] = {0, 17, 11 * MIB + 3}; /* the last in parts, where there are */
    struct store_fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        scoped(memory_free) char *bytes = pattern(lengths[i], (unsigned)i);
        struct memory_source content;
        char from[32], to[64];

        snprintf(from, sizeof from, "a/%zu", i);
        snprintf(to, sizeof to, "b/\xc3\xa9 +%%%zu", i);
        memory_source_init(&content, bytes, lengths[i]);
        assert_ok(f, store_put(f->store, "s", from, &content.base, lengths[i], &f->err));
        assert_ok(f, store_copy(f->store, "s", from, to, &f->err));
        assert_object_bytes(f->store, to, bytes, lengths[i]);
        assert_ok(f, store_remove(f->store, from, &f->err));
        assert_object_bytes(f->store, to, bytes, lengths[i]);
    }
    assert_int_equal(count_stages(f->store), 0);
}

static void a_copy_overwrites_nothing(void **state)
{
    struct store_fixture *f = *state;

    assert_ok(f, put_text(f->store, "s", "a", "one", &f->err));
    assert_ok(f, put_text(f->store, "s", "b", "two", &f->err));
    assert_refused(f, ERR_EXISTS, store_copy(f->store, "s", "a", "b", &f->err));
    assert_refused(f, ERR_EXISTS, store_copy(f->store, "s", "a", "a", &f->err));
    assert_refused(f, ERR_NOT_FOUND, store_copy(f->store, "s", "none", "c", &f->err));
    assert_refused(f, ERR_INVALID, store_copy(f->store, "s", "a", "../c", &f->err));
    assert_object(f->store, "a", "one");
    assert_object(f->store, "b", "two");
    assert_absent(f->store, "c");
    assert_int_equal(count_stages(f->store), 0);
}

static void a_class_is_changed_in_place(void **state)
{
    struct store_fixture *f = *state;
    struct store_object object;
    size_t length = 7 * MIB;
    scoped(memory_free) char *bytes = pattern(length, 9);
    struct memory_source content;

    memory_source_init(&content, bytes, length);
    assert_ok(f, store_put(f->store, "s", "k", &content.base, length, &f->err));
    if (f->has_files) {
        assert_refused(f, ERR_NOT_IMPLEMENTED,
                       store_set_class(f->store, "k", "STANDARD_IA", &f->err));
        return;
    }
    for (int i = 0; i < 2; i++) { /* the second time it is there */
        assert_ok(f, store_set_class(f->store, "k", "STANDARD_IA", &f->err));
        assert_ok(f, store_head(f->store, "k", &object, &f->err));
        assert_string_equal(object.storage_class, "STANDARD_IA");
        assert_int_equal(object.availability, STORE_AT_HAND);
    }
    assert_object_bytes(f->store, "k", bytes, length);
    assert_refused(f, ERR_NOT_FOUND, store_set_class(f->store, "none", "STANDARD_IA", &f->err));
    assert_refused(f, ERR_INVALID, store_set_class(f->store, "k", "a\r\nb", &f->err));
    assert_int_equal(count_objects(f->store), 1);
}

static bool count_transfer(void *context, const struct store_unfinished *transfer)
{
    (void)transfer;
    ++*(size_t *)context;
    return true;
}

/* A copy onto itself in parts, whose completion is refused in an answer of status 200. */
static void a_change_of_class_that_fails_leaves_nothing(void **state)
{
    struct store_fixture *f = *state;
    struct store_object object;
    size_t length = 7 * MIB, left = 0;
    scoped(memory_free) char *bytes = pattern(length, 10);
    struct memory_source content;

    if (!getenv("S3_HAS_ARCHIVES"))
        return;
    memory_source_init(&content, bytes, length);
    assert_ok(f, store_put(f->store, "s", "never-copied", &content.base, length, &f->err));
    assert_refused(f, ERR_UNAVAILABLE,
                   store_set_class(f->store, "never-copied", "STANDARD_IA", &f->err));
    assert_non_null(strstr(f->err.log, "InvalidPart"));
    assert_ok(f, store_head(f->store, "never-copied", &object, &f->err));
    assert_string_equal(object.storage_class, "STANDARD");
    assert_object_bytes(f->store, "never-copied", bytes, length);
    assert_ok(f, store_list_unfinished(f->store, count_transfer, &left, &f->err));
    assert_int_equal(left, 0);
}

static void an_archived_object_is_restored(void **state)
{
    struct store_fixture *f = *state;
    struct byte_range whole = {0, BYTE_RANGE_REST};
    scoped(text_sink_done) struct text_sink sink;
    struct store_object object;

    text_sink_init(&sink);
    assert_ok(f, put_text(f->store, "s", "k", "text", &f->err));
    if (!getenv("S3_HAS_ARCHIVES"))
        return;
    assert_refused(f, ERR_CONFLICT, store_restore(f->store, "k", 2, NULL, &f->err));
    assert_ok(f, store_set_class(f->store, "k", "GLACIER", &f->err));
    assert_ok(f, store_head(f->store, "k", &object, &f->err));
    assert_int_equal(object.availability, STORE_ARCHIVED);
    assert_refused(f, ERR_CONFLICT, store_get(f->store, "k", whole, &sink.base, &f->err));
    assert_refused(f, ERR_CONFLICT, store_copy(f->store, "s", "k", "c", &f->err));
    assert_refused(f, ERR_CONFLICT, store_set_class(f->store, "k", "STANDARD", &f->err));
    assert_refused(f, ERR_INVALID, store_restore(f->store, "k", 0, NULL, &f->err));
    assert_refused(f, ERR_INVALID, store_restore(f->store, "k", 1, "</Tier>", &f->err));
    assert_refused(f, ERR_NOT_FOUND, store_restore(f->store, "none", 1, NULL, &f->err));
    assert_ok(f, store_restore(f->store, "k", 2, "Bulk", &f->err));
    assert_ok(f, store_restore(f->store, "k", 2, "Bulk", &f->err)); /* under way */
    for (object.availability = STORE_RESTORING; object.availability == STORE_RESTORING;)
        assert_ok(f, store_head(f->store, "k", &object, &f->err));
    assert_int_equal(object.availability, STORE_RESTORED);
    assert_true(object.available_until_us > 0);
    assert_object(f->store, "k", "text");
    assert_ok(f, store_copy(f->store, "s", "k", "c", &f->err));
    assert_ok(f, store_set_class(f->store, "k", "STANDARD", &f->err));
    assert_ok(f, store_head(f->store, "k", &object, &f->err));
    assert_int_equal(object.availability, STORE_AT_HAND);
    assert_object(f->store, "c", "text");
}

static void links_need_a_provider(void **state)
{
    struct store_fixture *f = *state;
    scoped(arena_release) struct arena *mem = arena_new();
    const struct store_link wish = {.content_type = "audio/wav"};
    struct store_lifecycle lifecycle;
    const char *link = NULL;

    assert_false(store_gives_links(f->store));
    assert_refused(f, ERR_INVALID, store_link(f->store, "../k", &wish, mem, &link, &f->err));
    if (f->has_files) {
        assert_refused(f, ERR_NOT_IMPLEMENTED,
                       store_link(f->store, "k", &wish, mem, &link, &f->err));
        assert_refused(f, ERR_NOT_IMPLEMENTED, store_restore(f->store, "k", 1, NULL, &f->err));
        assert_refused(f, ERR_NOT_IMPLEMENTED,
                       store_lifecycle_read(f->store, mem, &lifecycle, &f->err));
        assert_int_equal(store_late_us(f->store), 0);
        return;
    }
    assert_ok(f, store_link(f->store, "k", &wish, mem, &link, &f->err));
    assert_non_null(strstr(link, "X-Amz-Signature="));
    assert_true(store_late_us(f->store) > 0);
}

#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int store_keeping_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_copy_is_an_object_of_its_own), CASE(a_copy_overwrites_nothing),
        CASE(a_class_is_changed_in_place),    CASE(a_change_of_class_that_fails_leaves_nothing),
        CASE(an_archived_object_is_restored), CASE(links_need_a_provider),
    };

    return cmocka_run_group_tests_name("store: keeping", cases, NULL, NULL);
}
