#include "http/range.h"
#include "http_test.h"

struct range_case {
    const char *header;
    uint64_t size;
    enum range_result result;
    const char *parts; /* "start+length …" */
};

static const struct range_case cases[] = {
    /* RFC 9110 section 14.1.2, of 10,000 bytes */
    {"bytes=0-499", 10000, RANGE_PARTS, "0+500"},
    {"bytes=500-999", 10000, RANGE_PARTS, "500+500"},
    {"bytes=-500", 10000, RANGE_PARTS, "9500+500"},
    {"bytes=9500-", 10000, RANGE_PARTS, "9500+500"},
    {"bytes=0-0,-1", 10000, RANGE_PARTS, "0+1 9999+1"},
    {"bytes= 0-999, 4500-5499, -1000", 10000, RANGE_PARTS, "0+1000 4500+1000 9000+1000"},
    {"bytes=500-600,601-999", 10000, RANGE_PARTS, "500+500"},
    {"bytes=500-700,601-999", 10000, RANGE_PARTS, "500+500"},
    /* borders */
    {"bytes=0-", 10000, RANGE_PARTS, "0+10000"},
    {"bytes=9999-", 10000, RANGE_PARTS, "9999+1"},
    {"bytes=10000-", 10000, RANGE_UNSATISFIABLE, ""},
    {"bytes=9999-20000", 10000, RANGE_PARTS, "9999+1"},
    {"bytes=-20000", 10000, RANGE_PARTS, "0+10000"},
    {"bytes=-0", 10000, RANGE_UNSATISFIABLE, ""},
    {"bytes=0-18446744073709551615", 10000, RANGE_PARTS, "0+10000"},
    {"bytes=0-18446744073709551616", 10000, RANGE_IGNORE, ""},
    {"bytes=18446744073709551615-", 10000, RANGE_UNSATISFIABLE, ""},
    {"bytes=0-", 0, RANGE_UNSATISFIABLE, ""},
    {"bytes=-5", 0, RANGE_UNSATISFIABLE, ""},
    {"bytes=0-0", 18446744073709551615u, RANGE_PARTS, "0+1"},
    {"bytes=18446744073709551614-", 18446744073709551615u, RANGE_PARTS, "18446744073709551614+1"},
    /* some outside */
    {"bytes=20000-30000,0-9", 10000, RANGE_PARTS, "0+10"},
    {"bytes=20000-30000,40000-", 10000, RANGE_UNSATISFIABLE, ""},
    /* order is kept where nothing touches */
    {"bytes=5000-5009,0-9", 10000, RANGE_PARTS, "5000+10 0+10"},
    {"bytes=5000-5009,0-9,5-20", 10000, RANGE_PARTS, "0+21 5000+10"},
    {"bytes=0-,0-,0-", 10000, RANGE_PARTS, "0+10000"},
    /* syntax */
    {"BYTES=0-9", 10000, RANGE_PARTS, "0+10"},
    {"bytes=0-9,,,20-29,", 10000, RANGE_PARTS, "0+10 20+10"},
    {"bytes=0-9 , 20-29", 10000, RANGE_PARTS, "0+10 20+10"},
    {"items=0-9", 10000, RANGE_IGNORE, ""},
    {"bytes", 10000, RANGE_IGNORE, ""},
    {"bytes=", 10000, RANGE_IGNORE, ""},
    {"bytes=,", 10000, RANGE_IGNORE, ""},
    {"bytes=-", 10000, RANGE_IGNORE, ""},
    {"bytes=9-0", 10000, RANGE_IGNORE, ""},
    {"bytes=a-9", 10000, RANGE_IGNORE, ""},
    {"bytes=0-9x", 10000, RANGE_IGNORE, ""},
    {"bytes=0 -9", 10000, RANGE_IGNORE, ""},
    {"bytes=+0-9", 10000, RANGE_IGNORE, ""},
    {"bytes=--5", 10000, RANGE_IGNORE, ""},
    {"bytes=0-9,9-0", 10000, RANGE_IGNORE, ""},
    {"", 10000, RANGE_IGNORE, ""},
};

static void ranges(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_range found[RANGES_MAX];
        unsigned count = 0;
        const char *text = "";
        enum range_result result =
            range_parse(str_from(cases[i].header), cases[i].size, found, &count);

        for (unsigned j = 0; result == RANGE_PARTS && j < count; j++)
            text = arena_printf(mem, "%s%s%ju+%ju", text, j ? " " : "", (uintmax_t)found[j].start,
                                (uintmax_t)found[j].length);
        if (result != cases[i].result || strcmp(text, cases[i].parts) != 0)
            fail_msg("\"%s\": result %d, \"%s\"", cases[i].header, result, text);
    }
}

static void many_ranges_are_ignored(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct http_range found[RANGES_MAX];
    const char *header = "bytes=0-0";
    unsigned count;

    (void)state;
    for (int i = 1; i < RANGES_MAX; i++)
        header = arena_printf(mem, "%s,%d-%d", header, 2 * i, 2 * i);
    assert_int_equal(range_parse(str_from(header), 1000, found, &count), RANGE_PARTS);
    assert_int_equal(count, RANGES_MAX);
    header = arena_printf(mem, "%s,500-", header);
    assert_int_equal(range_parse(str_from(header), 1000, found, &count), RANGE_IGNORE);
}

static void content_range(void **state)
{
    char text[CONTENT_RANGE_SIZE];

    (void)state;
    content_range_format((struct http_range){42, 1192}, 1234, text);
    assert_string_equal(text, "bytes 42-1233/1234");
    content_range_unsatisfied(47022, text);
    assert_string_equal(text, "bytes */47022");
    content_range_format((struct http_range){UINT64_MAX - 2, 1}, UINT64_MAX, text);
    assert_string_equal(text,
                        "bytes 18446744073709551613-18446744073709551613/18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(many_ranges_are_ignored),
        cmocka_unit_test(content_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
