/* The grammar of RFC 8259, beside jansson's reading of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_check.h"
#include "base/json_depth.h"
#include "base/scoped.h"

static bool is_json(const char *text, size_t length)
{
    struct error err;
    bool ok = json_check((struct str){text, length}, &err);

    assert_true(ok || err.kind == ERR_BAD_JSON);
    return ok;
}

static void what_is_json(void **state)
{
    static const char *const texts[] = {"1",
                                        "-0",
                                        "0.5e+10",
                                        "1E-5",
                                        "\"\"",
                                        "\"\\u00e4\\n\\\"\"",
                                        "true",
                                        "false",
                                        "null",
                                        " \t\r\n[] ",
                                        "{}",
                                        "[1 , 2]",
                                        "{\"a\":{\"b\":[{},[],\"x\"]},\"a\":1}",
                                        "[[],[[]],{}]",
                                        "{ \"a\" : 1 , \"b\" : [ ] }",
                                        "\"\\ud800\"",
                                        "\"\xc3\xa4\"",
                                        "123456789012345678901234567890",
                                        "1e999"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!is_json(texts[i], strlen(texts[i])))
            fail_msg("%s was refused", texts[i]);
}

static void what_is_not(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "tru",
                                        "nulll",
                                        "True",
                                        "01",
                                        "-",
                                        "+1",
                                        "1.",
                                        ".1",
                                        "1e",
                                        "1e+",
                                        "--1",
                                        "\"",
                                        "\"\\\"",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u12g4\"",
                                        "\"\n\"",
                                        "'a'",
                                        "[",
                                        "]",
                                        "[1",
                                        "[1,",
                                        "[1,]",
                                        "[,1]",
                                        "[1 2]",
                                        "{",
                                        "{\"a\"",
                                        "{\"a\":",
                                        "{\"a\":1",
                                        "{\"a\":1,",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{1:1}",
                                        "{\"a\" 1}",
                                        "{\"a\":1 \"b\":2}",
                                        "[}",
                                        "{]",
                                        "[1}",
                                        "{\"a\":1]",
                                        "1 2",
                                        "[] []",
                                        "[1]]",
                                        "\"\xff\"",
                                        "\"\xed\xa0\x80\"",
                                        "\xef\xbb\xbf{}",
                                        "//x\n1",
                                        "NaN"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (is_json(texts[i], strlen(texts[i])))
            fail_msg("%s was taken for JSON", texts[i]);
    assert_false(is_json("\"a\0b\"", 5));
    assert_false(is_json("1\0", 2));
}

static void depth_is_bounded(void **state)
{
    char text[12 * JSON_DEPTH_MAX];
    size_t length = 0;

    (void)state;
    for (size_t i = 0; i < JSON_DEPTH_MAX; i++, length += 5)
        memcpy(text + length, "{\"\":[", 5);
    assert_false(is_json(text, length));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_true(is_json(text + 1, 2 * JSON_DEPTH_MAX));
    assert_false(is_json(text, 2 * JSON_DEPTH_MAX + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json),
        cmocka_unit_test(what_is_not),
        cmocka_unit_test(depth_is_bounded),
    };

    return cmocka_run_group_tests_name("what is JSON", tests, NULL, NULL);
}
