/* RFC 8785 by its own examples, and what it says of I-JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/canonical_json.h"
#include "base/json_depth.h"
#include "base/str.h"

/* ---- numbers ---- */

static double from_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static const struct {
    uint64_t bits;
    const char *text;
} numbers[] = {
    /* Appendix B */
    {0x0000000000000000, "0"},
    {0x8000000000000000, "0"},
    {0x0000000000000001, "5e-324"},
    {0x8000000000000001, "-5e-324"},
    {0x7fefffffffffffff, "1.7976931348623157e+308"},
    {0xffefffffffffffff, "-1.7976931348623157e+308"},
    {0x4340000000000000, "9007199254740992"},
    {0xc340000000000000, "-9007199254740992"},
    {0x4430000000000000, "295147905179352830000"},
    {0x44b52d02c7e14af5, "9.999999999999997e+22"},
    {0x44b52d02c7e14af6, "1e+23"},
    {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
    {0x444b1ae4d6e2ef4e, "999999999999999700000"},
    {0x444b1ae4d6e2ef4f, "999999999999999900000"},
    {0x444b1ae4d6e2ef50, "1e+21"},
    {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
    {0x3eb0c6f7a0b5ed8d, "0.000001"},
    {0x41b3de4355555553, "333333333.3333332"},
    {0x41b3de4355555554, "333333333.33333325"},
    {0x41b3de4355555555, "333333333.3333333"},
    {0x41b3de4355555556, "333333333.3333334"},
    {0x41b3de4355555557, "333333333.33333343"},
    {0xbecbf647612f3696, "-0.0000033333333333333333"},
    {0x43143ff3c1cb0959, "1424953923781206.2"},
    /* a power of two whose nearest 16 digits read as its neighbour: the next ones up read as it */
    {0x3d30000000000000, "5.684341886080802e-14"},
    /* and where one layout ends */
    {0x4480f0cf064dd592, "1e+22"},
    {0x3fb999999999999a, "0.1"},
    {0x3ff0000000000000, "1"},
    {0x4059000000000000, "100"},
    {0x3e7ad7f29abcaf48, "1e-7"},
};

static void numbers_are_printed_as_ecmascript_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        char text[CANONICAL_NUMBER_SIZE];

        canonical_number(from_bits(numbers[i].bits), text);
        assert_string_equal(text, numbers[i].text);
    }
}

/* Every power of two, and its neighbours, reads as itself again, and no shorter text would. */
static void numbers_are_as_short_as_can_be(void **state)
{
    (void)state;
    for (uint64_t exponent = 0; exponent < 0x7ff; exponent++)
        for (int64_t step = -1; step <= 1; step++) {
            uint64_t bits = (exponent << 52) + (uint64_t)step;
            double value = from_bits(bits);
            char text[CANONICAL_NUMBER_SIZE], shorter[64];
            size_t digits = 0;

            if (!isfinite(value) || value <= 0)
                continue;
            canonical_number(value, text);
            assert_true(strtod(text, NULL) == value);
            for (const char *c = text; *c && *c != 'e'; c++)
                digits += *c != '.';
            if (digits < 2 || digits > 17)
                continue;
            snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
            if (strchr(text, 'e')) /* otherwise some digits are zeros */
                assert_true(strtod(shorter, NULL) != value);
        }
}

/* ---- texts ---- */

static bool canonical(const char *text, size_t length, struct buf *out, struct error *err)
{
    scoped(json_decrefp) json_t *value = NULL;

    return canonical_json_read(text, length, &value, err) && canonical_json_write(value, out, err);
}

static void check(const char *text, const char *expected)
{
    scoped(buf_release) struct buf out = {0}, again = {0};
    struct error err;

    buf_init(&out, 4096);
    buf_init(&again, 4096);
    if (!canonical(text, strlen(text), &out, &err))
        fail_msg("%s: %s", text, err.log);
    assert_string_equal(out.bytes, expected);
    assert_true(canonical(out.bytes, out.length, &again, &err));
    assert_string_equal(again.bytes, expected);
}

/* Sections 3.2.2 and 3.2.4 */
static void the_example(void **state)
{
    (void)state;
    check("{\n"
          "  \"numbers\": [333333333.33333329, 1E30, 4.50,\n"
          "              2e-3, 0.000000000000000000000000001],\n"
          "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
          "  \"literals\": [null, true, false]\n"
          "}",
          "{\"literals\":[null,true,false],"
          "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
          "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

/* Section 3.2.3 */
static void names_are_sorted_by_code_units(void **state)
{
    (void)state;
    check("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,"
          "\"\\u00f6\":7}",
          "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
          "\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
    check("{\"\xee\x80\x80\":1,\"\xf4\x8f\xbf\xbf\":2,\"\xed\x9f\xbf\":3,\"\xf0\x90\x80\x80\":4}",
          "{\"\xed\x9f\xbf\":3,\"\xf0\x90\x80\x80\":4,\"\xf4\x8f\xbf\xbf\":2,\"\xee\x80\x80\":1}");
    check("{\"ab\":1,\"a\":2,\"\":3,\"B\":4,\"aa\\ue000\":5,\"aa\":6}",
          "{\"\":3,\"B\":4,\"a\":2,\"aa\":6,\"aa\xee\x80\x80\":5,\"ab\":1}");
}

static void texts_that_say_the_same(void **state)
{
    (void)state;
    check("{}", "{}");
    check(" [ ] ", "[]");
    check("\"\\u0000\\u0008\\u000b\\u001f\x7f\\u2028\\/\"",
          "\"\\u0000\\b\\u000b\\u001f\x7f\xe2\x80\xa8/\"");
    check("[-0, 0.0, -0.0, 0e5, 1.0, 10e-1, 100E-2]", "[0,0,0,0,1,1,1]");
    check("{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"f\":1,\"e\":2}]}",
          "{\"a\":[{\"e\":2,\"f\":1}],\"b\":{\"c\":2,\"d\":1}}");
    check("[9007199254740991,-9007199254740991,295147905179352830000,1e21]",
          "[9007199254740991,-9007199254740991,295147905179352830000,1e+21]");
}

static void refusals(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "nul",
        "01",
        "+1",
        ".5",
        "1.",
        "NaN",
        "Infinity",
        "'a'",
        "[1] 2",
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"\\u0061\":2}",
        "[{\"x\":{\"b\":1,\"b\":2}}]",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\\ud800\"",
        "\"\xed\xa0\x80\"",
        "\"\xc0\x80\"",
        "\"\xff\"",
        "\"\t\"",
        "\"\\x\"",
        "1e400",
        "-1e999",
        "{\"\\u0000\":1}",
        "9007199254740993",
        "[-9007199254740993]",
        "18446744073709551615",
        "{\"seed\":12345678901234567}",
        "295147905179352825856",
        "11111111111111111111111111111111111111111111111111111111111111"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        scoped(buf_release) struct buf out = {0};
        struct error err;

        buf_init(&out, 4096);
        if (canonical(texts[i], strlen(texts[i]), &out, &err))
            fail_msg("%s became %s", texts[i], out.bytes);
        assert_int_equal(err.kind, ERR_BAD_JSON);
    }
}

static void digits_in_strings_are_not_numbers(void **state)
{
    (void)state;
    check("[\"9007199254740993\",\"\\\"9007199254740993\",\"\\\\\",1]",
          "[\"9007199254740993\",\"\\\"9007199254740993\",\"\\\\\",1]");
}

static void depth_is_bounded(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 8];
    scoped(buf_release) struct buf out = {0};
    struct error err;

    (void)state;
    buf_init(&out, 4096);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_true(canonical(text + 1, 2 * JSON_DEPTH_MAX, &out, &err));
    assert_int_equal(out.length, 2 * JSON_DEPTH_MAX);
    assert_false(canonical(text, 2 * JSON_DEPTH_MAX + 2, &out, &err));
    assert_int_equal(err.kind, ERR_BAD_JSON);
}

/* What others made of jansson's values, integers among them. */
static void values_are_written(void **state)
{
    scoped(json_decrefp) json_t *fits = json_pack("{s:I,s:f}", "n", (json_int_t)1 << 60, "f", 1.5);
    scoped(json_decrefp) json_t *lost = json_pack("[I]", ((json_int_t)1 << 60) + 1);
    scoped(json_decrefp) json_t *most = json_pack("[I]", INT64_MAX);
    scoped(buf_release) struct buf out = {0}, tiny = {0};
    struct error err;

    (void)state;
    buf_init(&out, 4096);
    buf_init(&tiny, 5);
    assert_true(canonical_json_write(fits, &out, &err));
    assert_string_equal(out.bytes, "{\"f\":1.5,\"n\":1152921504606847000}");
    assert_false(canonical_json_write(lost, &out, &err));
    assert_int_equal(err.kind, ERR_BAD_JSON);
    assert_false(canonical_json_write(most, &out, &err));
    assert_int_equal(err.kind, ERR_BAD_JSON);
    assert_false(canonical_json_write(fits, &tiny, &err));
    assert_int_equal(err.kind, ERR_BODY_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_printed_as_ecmascript_does),
        cmocka_unit_test(numbers_are_as_short_as_can_be),
        cmocka_unit_test(the_example),
        cmocka_unit_test(names_are_sorted_by_code_units),
        cmocka_unit_test(texts_that_say_the_same),
        cmocka_unit_test(refusals),
        cmocka_unit_test(digits_in_strings_are_not_numbers),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(values_are_written),
    };

    return cmocka_run_group_tests_name("canonical JSON", tests, NULL, NULL);
}
