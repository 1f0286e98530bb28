/* Lifecycle configurations: others' rules come through as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/scoped.h"
#include "store/s3_lifecycle_xml.h"

#define HEAD                                            \
    "<?xml version=\"1.0\"?>\n<LifecycleConfiguration " \
    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
#define OTHER_1                                                                               \
    "<Rule><ID>logs &amp; more</ID><Filter><And><Prefix>l/</Prefix><Tag><Key>a</Key><Value>b" \
    "</Value></Tag></And></Filter><Status>Enabled</Status><Expiration><Days>3</Days></"       \
    "Expiration></Rule>"
#define OTHER_2 "<Rule>\n <ID>x</ID><Prefix>\xc3\xa9</Prefix><Status>Disabled</Status></Rule >"
#define OURS                                                                                      \
    "<Rule><ID>us</ID><Filter><Prefix>a&amp;b/uploads/</Prefix></Filter><Status>Enabled</Status>" \
    "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"            \
    "<Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>"
#define TAIL "</LifecycleConfiguration>"

static bool parse(const char *text, struct arena *mem, struct s3_lifecycle *out)
{
    struct error err;

    return s3_lifecycle_parse(text, strlen(text), "us", mem, out, &err);
}

static void our_rule_is_found_among_others(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_lifecycle found;

    (void)state;
    assert_true(parse(HEAD OTHER_1 "\n" OURS OTHER_2 TAIL, mem, &found));
    assert_false(found.is_changed);
    assert_string_equal(found.own.prefix, "a&b/uploads/");
    assert_int_equal(found.own.count, 2);
    assert_int_equal(found.own.transitions[1].days, 90);
    assert_string_equal(found.own.transitions[1].storage_class, "GLACIER");
    assert_string_equal(found.others, OTHER_1 OTHER_2);
}

static void what_is_written_is_read_again(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(buf_release) struct buf text = {0};
    struct s3_lifecycle found, again;

    (void)state;
    assert_true(parse(HEAD OTHER_1 OURS TAIL, mem, &found));
    buf_init(&text, 1 << 20);
    s3_lifecycle_format(&found, "us", &text);
    assert_non_null(strstr(text.bytes, OTHER_1 OURS));
    assert_true(parse(text.bytes, mem, &again));
    assert_int_equal(again.own.count, 2);
    assert_string_equal(again.others, OTHER_1);

    buf_clear(&text);
    found.own.count = 0;
    s3_lifecycle_format(&found, "us", &text);
    assert_null(strstr(text.bytes, "<ID>us"));
    buf_clear(&text);
    found.others = "";
    s3_lifecycle_format(&found, "us", &text);
    assert_int_equal(text.length, 0);
}

static void a_rule_that_was_changed_is_known(void **state)
{
    static const char *const changed[] = {
        "<Rule><ID>us</ID><Filter><Prefix>u/</Prefix></Filter><Status>Disabled</Status></Rule>",
        "<Rule><ID>us</ID><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
        "<Rule><ID>us</ID><Status>Enabled</Status><Transition><Date>2026-01-01</Date>"
        "<StorageClass>GLACIER</StorageClass></Transition></Rule>",
        "<Rule><Filter><And><Prefix>u/</Prefix></And></Filter><ID>us</ID><Status>Enabled</Status>"
        "</Rule>",
    };
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_lifecycle found;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(changed); i++) {
        assert_true(parse(arena_printf(mem, HEAD "%s" TAIL, changed[i]), mem, &found));
        assert_true(found.is_changed);
        assert_string_equal(found.others, "");
    }
}

static void what_is_no_lifecycle_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "<a/>", HEAD, HEAD "<Rule>" TAIL, HEAD OURS, "<!DOCTYPE x [<!ENTITY e \"v\">]>" OURS};
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_lifecycle found;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(parse(bad[i], mem, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_rule_is_found_among_others),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_rule_that_was_changed_is_known),
        cmocka_unit_test(what_is_no_lifecycle_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
