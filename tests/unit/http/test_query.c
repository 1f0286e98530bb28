#include "http/query.h"
#include "http_test.h"

static void decoding(void **state)
{
    static const struct {
        const char *text, *decoded; /* NULL: refused */
        bool plus_is_space;
    } cases[] = {
        {"", "", false},
        {"abc", "abc", false},
        {"a+b", "a+b", false},
        {"a+b", "a b", true},
        {"a%20b", "a b", false},
        {"%2F%2f", "//", false},
        {"%c3%a9", "\u00e9", false},
        {"%25%32%35", "%25", false},
        {"%2B", "+", true},
        {"%", NULL, false},
        {"%2", NULL, false},
        {"a%", NULL, false},
        {"%zz", NULL, false},
        {"%2g", NULL, false},
        {"%00", NULL, false},
        {"a%00b", NULL, false},
        {"%u00e9", NULL, false},
        {"%-1", NULL, false},
    };
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        char *out = NULL;
        bool good =
            percent_decode(str_from(cases[i].text), cases[i].plus_is_space, mem, &out, &err);

        if (good != (cases[i].decoded != NULL) || (good && strcmp(out, cases[i].decoded) != 0))
            fail_msg("\"%s\": %s", cases[i].text, good ? out : "refused");
    }
}

static void encoding(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    assert_string_equal(percent_encode("AZaz09-._~", false, mem), "AZaz09-._~");
    assert_string_equal(percent_encode("a/b c\u00e9%", false, mem), "a%2Fb%20c%C3%A9%25");
    assert_string_equal(percent_encode("a/b c", true, mem), "a/b%20c");
}

static void queries(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct query query;
    const char *value;
    struct error err;

    (void)state;
    assert_true(
        query_parse(STR_LITERAL("a=1&b=x+y%26z&&c&d=&e=a=b&twice=1&twice=2"), mem, &query, &err));
    assert_int_equal(query.count, 7);
    assert_true(query_get(&query, "a", &value, &err));
    assert_string_equal(value, "1");
    assert_true(query_get(&query, "b", &value, &err));
    assert_string_equal(value, "x y&z");
    assert_true(query_get(&query, "c", &value, &err));
    assert_string_equal(value, "");
    assert_true(query_get(&query, "e", &value, &err));
    assert_string_equal(value, "a=b");
    assert_true(query_get(&query, "none", &value, &err));
    assert_null(value);
    assert_false(query_get(&query, "twice", &value, &err));
    assert_int_equal(err.kind, ERR_INVALID);
}

static void bad_queries(void **state)
{
    static const char *const bad[] = {"=1", "a=%", "a=%00", "%ff=1", "a=%c3", "a=\xff"};
    scoped(arena_release) struct arena *mem = arena_new();
    char many[2 * QUERY_PAIRS_MAX + 2] = "a";
    struct query query;
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(query_parse(str_from(bad[i]), mem, &query, &err));
    for (size_t i = 1; i < QUERY_PAIRS_MAX; i++)
        memcpy(many + strlen(many), "&a", 3);
    assert_true(query_parse(str_from(many), mem, &query, &err));
    memcpy(many + strlen(many), "&", 2);
    assert_false(query_parse(str_from(many), mem, &query, &err));
    assert_true(query_parse(STR_LITERAL(""), mem, &query, &err));
    assert_int_equal(query.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(encoding),
        cmocka_unit_test(queries),
        cmocka_unit_test(bad_queries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
