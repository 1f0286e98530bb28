#include "http/conditional.h"
#include "http_test.h"

#define OLDER "Tue, 14 Nov 2023 22:13:19 GMT"
#define SAME "Tue, 14 Nov 2023 22:13:20 GMT"
#define NEWER "Tue, 14 Nov 2023 22:13:21 GMT"

static const struct validators current = {true, "\"xyzzy\"", INT64_C(1700000000) * US_PER_S + 999};
static const struct validators weak = {true, "W/\"xyzzy\"", INT64_C(1700000000) * US_PER_S};
static const struct validators undated = {true, "\"xyzzy\"", 0};
static const struct validators missing = {false, NULL, 0};

struct condition_case {
    const struct validators *validators;
    bool is_read;
    struct conditions conditions;
    enum condition_result result;
};

static const struct condition_case cases[] = {
    {&current, true, {0}, CONDITION_PROCEED},
    /* If-Match: section 13.1.1, strong comparison */
    {&current, true, {.if_match = "\"xyzzy\""}, CONDITION_PROCEED},
    {&current, true, {.if_match = "\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\""}, CONDITION_PROCEED},
    {&current, true, {.if_match = "\"a\" ,\t\"xyzzy\""}, CONDITION_PROCEED},
    {&current, false, {.if_match = "*"}, CONDITION_PROCEED},
    {&missing, false, {.if_match = "*"}, CONDITION_FAILED},
    {&missing, false, {.if_match = "\"xyzzy\""}, CONDITION_FAILED},
    {&current, false, {.if_match = "\"other\""}, CONDITION_FAILED},
    {&current, false, {.if_match = "W/\"xyzzy\""}, CONDITION_FAILED},
    {&weak, false, {.if_match = "W/\"xyzzy\""}, CONDITION_FAILED},
    {&weak, false, {.if_match = "\"xyzzy\""}, CONDITION_FAILED},
    {&current, false, {.if_match = "xyzzy"}, CONDITION_FAILED},
    {&current, false, {.if_match = "\"xyzzy"}, CONDITION_FAILED},
    {&current, false, {.if_match = ""}, CONDITION_FAILED},
    /* If-None-Match: section 13.1.2, weak comparison */
    {&current, true, {.if_none_match = "\"xyzzy\""}, CONDITION_NOT_MODIFIED},
    {&current, false, {.if_none_match = "\"xyzzy\""}, CONDITION_FAILED},
    {&current, true, {.if_none_match = "W/\"xyzzy\""}, CONDITION_NOT_MODIFIED},
    {&weak, true, {.if_none_match = "\"xyzzy\""}, CONDITION_NOT_MODIFIED},
    {&current, true, {.if_none_match = "\"a\", \"b\", \"xyzzy\""}, CONDITION_NOT_MODIFIED},
    {&current, true, {.if_none_match = "\"a, b\", \"c\""}, CONDITION_PROCEED},
    {&current, true, {.if_none_match = "*"}, CONDITION_NOT_MODIFIED},
    {&current, false, {.if_none_match = "*"}, CONDITION_FAILED},
    {&missing, false, {.if_none_match = "*"}, CONDITION_PROCEED},
    {&missing, true, {.if_none_match = "\"xyzzy\""}, CONDITION_PROCEED},
    /* If-Modified-Since: section 13.1.3 */
    {&current, true, {.if_modified_since = SAME}, CONDITION_NOT_MODIFIED},
    {&current, true, {.if_modified_since = NEWER}, CONDITION_NOT_MODIFIED},
    {&current, true, {.if_modified_since = OLDER}, CONDITION_PROCEED},
    {&current, false, {.if_modified_since = SAME}, CONDITION_PROCEED},
    {&current, true, {.if_modified_since = "yesterday"}, CONDITION_PROCEED},
    {&undated, true, {.if_modified_since = SAME}, CONDITION_PROCEED},
    {&current,
     true,
     {.if_modified_since = "Tuesday, 14-Nov-23 22:13:20 GMT"},
     CONDITION_NOT_MODIFIED},
    {&current, true, {.if_modified_since = "Tue Nov 14 22:13:20 2023"}, CONDITION_NOT_MODIFIED},
    /* If-Unmodified-Since: section 13.1.4 */
    {&current, false, {.if_unmodified_since = SAME}, CONDITION_PROCEED},
    {&current, false, {.if_unmodified_since = OLDER}, CONDITION_FAILED},
    {&current, true, {.if_unmodified_since = OLDER}, CONDITION_FAILED},
    {&current, false, {.if_unmodified_since = "yesterday"}, CONDITION_PROCEED},
    /* precedence: section 13.2.2 */
    {&current, true, {.if_match = "\"xyzzy\"", .if_unmodified_since = OLDER}, CONDITION_PROCEED},
    {&current, true, {.if_match = "\"no\"", .if_none_match = "\"xyzzy\""}, CONDITION_FAILED},
    {&current, true, {.if_none_match = "\"no\"", .if_modified_since = SAME}, CONDITION_PROCEED},
    {&current,
     true,
     {.if_none_match = "\"xyzzy\"", .if_modified_since = OLDER},
     CONDITION_NOT_MODIFIED},
    {&current,
     true,
     {.if_match = "\"xyzzy\"", .if_none_match = "\"xyzzy\""},
     CONDITION_NOT_MODIFIED},
    {&current,
     true,
     {.if_unmodified_since = SAME, .if_modified_since = SAME},
     CONDITION_NOT_MODIFIED},
};

static void preconditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum condition_result result =
            conditions_evaluate(&cases[i].conditions, cases[i].validators, cases[i].is_read);

        if (result != cases[i].result)
            fail_msg("case %zu: %d, not %d", i, result, cases[i].result);
    }
}

static void if_range(void **state)
{
    (void)state;
    assert_true(if_range_holds(NULL, &current));
    assert_true(if_range_holds("\"xyzzy\"", &current));
    assert_true(if_range_holds(SAME, &current));
    assert_false(if_range_holds("\"other\"", &current));
    assert_false(if_range_holds("W/\"xyzzy\"", &weak));
    assert_false(if_range_holds("\"xyzzy\"", &weak));
    assert_false(if_range_holds(OLDER, &current));
    assert_false(if_range_holds(NEWER, &current));
    assert_false(if_range_holds(SAME, &undated));
    assert_false(if_range_holds("", &current));
    assert_false(if_range_holds("*", &current));
    assert_false(if_range_holds("\"xyzzy\", \"other\"", &current));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preconditions),
        cmocka_unit_test(if_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
