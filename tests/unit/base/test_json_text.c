/* JSON in and out: which texts are no values, and how reals are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"

static void assert_written(const char *from, const char *expected)
{
    struct error err;
    json_t *value = NULL;
    char *text;

    if (!json_text_read(from, strlen(from), &value, &err))
        fail_msg("%s: %s", from, err.client);
    text = json_text_write(value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
}

static void reals_have_the_fewest_digits(void **state)
{
    static const char *const same[] = {
        "1.1",
        "-18.06",
        "0.1",
        "1.0",
        "-0.0",
        "1e22",
        "1.5e-10",
        "1e-300",
        "12345",
        "[0.3,[2.7]]",
        "1.7976931348623157e308",
    };

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_written(same[i], same[i]);
    assert_written("1.10", "1.1");
    assert_written("-18.059999999999999", "-18.06");
    assert_written("0.30000000000000004", "0.30000000000000004"); /* what is not 0.3 stays so */
    assert_written("123456789.01234567", "123456789.01234567");
    assert_written("9007199254740993", "9007199254740993");
}

/* Looking for a point behind each of them would be a walk over all that follow. */
static void many_integers_take_no_longer_than_their_text(void **state)
{
    enum { COUNT = 200000, WIDTH = 17 };
    char *text = malloc(COUNT * WIDTH + 2);
    size_t length = 0;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < COUNT; i++)
        length += (size_t)sprintf(text + length, "%c%016d", i == 0 ? '[' : ',', 0);
    for (size_t i = 1; i < length; i += WIDTH)
        text[i] = '1';
    strcpy(text + length, "]");
    assert_written(text, text);
    free(text);
}

static void text_is_left_alone(void **state)
{
    (void)state;
    assert_written("{\"1.1000000000000001\":\"-18.059999999999999\",\"x\":true,\"e\":false}",
                   "{\"1.1000000000000001\":\"-18.059999999999999\",\"x\":true,\"e\":false}");
    assert_written("[\"\\\"1.1000000000000001\\\\\",1.1000000000000001,null]",
                   "[\"\\\"1.1000000000000001\\\\\",1.1,null]");
}

static void what_no_value_holds_is_refused(void **state)
{
    static const char *const texts[] = {
        "",       "{",           "{}x",      "{\"a\":1,\"a\":2}",
        "1e400",  "\"\\u0000\"", "01",       "123456789012345678901234567890",
        "-1e999", "\"\\ud800\"", "\"\xff\"",
    };
    struct error err;
    json_t *value = NULL;
    char deep[200];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(json_text_read(texts[i], strlen(texts[i]), &value, &err));
        assert_int_equal(err.kind, ERR_BAD_JSON);
    }
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    assert_false(json_text_read(deep, sizeof deep, &value, &err));
    assert_null(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_have_the_fewest_digits),
        cmocka_unit_test(many_integers_take_no_longer_than_their_text),
        cmocka_unit_test(text_is_left_alone),
        cmocka_unit_test(what_no_value_holds_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
