#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/emit.h"
#include "base/clock.h"

static void check(void (*write)(struct emitter *), const char *expected)
{
    scoped(buf_release) struct buf out;
    struct emitter json = emit_to(&out);

    buf_init(&out, 4096);
    write(&json);
    assert_false(out.overflow);
    assert_string_equal(out.bytes, expected);
}

static void write_nested(struct emitter *json)
{
    emit_open_object(json, NULL);
    emit_open_list(json, "empty");
    emit_close_list(json);
    emit_open_list(json, "list");
    emit_int(json, NULL, 1);
    emit_open_object(json, NULL);
    emit_close_object(json);
    emit_open_object(json, NULL);
    emit_bool(json, "a", true);
    emit_bool(json, "b", false);
    emit_close_object(json);
    emit_null(json, NULL);
    emit_close_list(json);
    emit_raw(json, "raw", "{\"x\":[]}");
    emit_raw(json, "none", NULL);
    emit_close_object(json);
}

static void test_commas(void **state)
{
    (void)state;
    check(write_nested, "{\"empty\":[],\"list\":[1,{},{\"a\":true,\"b\":false},null],"
                        "\"raw\":{\"x\":[]},\"none\":{}}");
}

static void write_numbers(struct emitter *json)
{
    emit_open_list(json, NULL);
    emit_int(json, NULL, 0);
    emit_int(json, NULL, -7);
    emit_int(json, NULL, INT64_MIN);
    emit_int(json, NULL, INT64_MAX);
    emit_count(json, NULL, UINT64_MAX);
    emit_close_list(json);
}

static void test_numbers(void **state)
{
    (void)state;
    check(write_numbers, "[0,-7,-9223372036854775808,9223372036854775807,18446744073709551615]");
}

static void write_decimals(struct emitter *json)
{
    emit_open_list(json, NULL);
    emit_milli(json, NULL, 0);
    emit_milli(json, NULL, 5);
    emit_milli(json, NULL, 1500);
    emit_milli(json, NULL, 86400050);
    emit_milli(json, NULL, -1);
    emit_milli(json, NULL, -12345);
    emit_milli(json, NULL, INT64_MAX);
    emit_close_list(json);
}

static void test_decimals(void **state)
{
    (void)state;
    check(write_decimals, "[0.000,0.005,1.500,86400.050,-0.001,-12.345,9223372036854775.807]");
}

static void write_texts(struct emitter *json)
{
    emit_open_list(json, NULL);
    emit_text(json, NULL, "");
    emit_text(json, NULL, "a\"b\\c/");
    emit_text(json, NULL, "\n\t\r\b\f\x01\x1f\x7f");
    emit_text(json, NULL, "gr\xc3\xbc\xc3\x9f");
    emit_text(json, NULL, NULL);
    emit_close_list(json);
}

static void test_texts(void **state)
{
    (void)state;
    check(write_texts, "[\"\",\"a\\\"b\\\\c/\",\"\\n\\t\\r\\b\\f\\u0001\\u001f\\u007f\","
                       "\"gr\xc3\xbc\xc3\x9f\",null]");
}

static void write_things(struct emitter *json)
{
    struct uuid id = {{0x01, 0x93, 0x6a, 0x1c, 0x2b, 0x7e, 0x7c, 0x4d, 0x9a, 0x10, 0x3f, 0x5e, 0x6d,
                       0x7c, 0x8b, 0x9a}};

    emit_open_object(json, NULL);
    emit_uuid(json, "id", id);
    emit_uuid_or_null(json, "none", (struct uuid){{0}});
    emit_time(json, "at", INT64_C(1) * US_PER_S + 5);
    emit_time(json, "never", 0);
    emit_hex(json, "hex", "\x0f\xff", 2);
    emit_close_object(json);
}

static void test_things(void **state)
{
    (void)state;
    check(write_things, "{\"id\":\"01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a\",\"none\":null,"
                        "\"at\":\"1970-01-01T00:00:01.000005Z\",\"never\":null,\"hex\":\"0fff\"}");
}

static void test_limit(void **state)
{
    scoped(buf_release) struct buf out;
    struct emitter json = emit_to(&out);

    (void)state;
    buf_init(&out, 10);
    emit_text(&json, NULL, "more than fits into it");
    assert_true(out.overflow);
    assert_true(out.length <= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_decimals), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_things),   cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
