#include "http/pace.h"
#include "http/problem.h"
#include "http_test.h"

static void problems(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct error err;
    size_t length;
    char *json;

    (void)state;
    error_set(&err, ERR_QUOTA_STORAGE, "a secret /path");
    error_client(&err, "say \"no\" \\ \t to caf\u00e9");
    error_limit(&err, 18446744073709551615u, 7);
    json = problem_json(&err, "id-1", mem, &length);
    assert_int_equal(length, strlen(json));
    assert_string_equal(json, "{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,"
                              "\"code\":\"quota_storage_exceeded\","
                              "\"detail\":\"say \\\"no\\\" \\\\ \\u0009 to caf\u00e9\","
                              "\"request_id\":\"id-1\",\"limit\":18446744073709551615,"
                              "\"remaining\":7}");
    error_set(&err, ERR_NOT_FOUND, "a secret /path");
    json = problem_json(&err, "id-2", mem, &length);
    assert_non_null(strstr(json, "\"detail\":\"there is no such thing\""));
    assert_null(strstr(json, "secret"));
    assert_null(strstr(json, "limit"));
}

static void registered_types(void **state)
{
    static const struct {
        enum error_kind kind;
        const char *type;
    } cases[] = {{ERR_OFFSET, "mismatching-upload-offset"},
                 {ERR_COMPLETED, "completed-upload"},
                 {ERR_LENGTH, "inconsistent-upload-length"}};
    scoped(arena_release) struct arena *mem = arena_new();
    struct error err;
    size_t length;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *start =
            arena_printf(mem, "{\"type\":\"https://iana.org/assignments/http-problem-types#%s\",",
                         cases[i].type);

        error_set(&err, cases[i].kind, "x");
        assert_int_equal(strncmp(problem_json(&err, "i", mem, &length), start, strlen(start)), 0);
    }
}

static void text_that_was_cut_stays_utf8(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct error err;
    size_t length;

    (void)state;
    error_set(&err, ERR_INVALID, "x");
    memset(err.client, 'a', 10);
    memcpy(err.client + 10, "\xc3", 2);
    assert_non_null(strstr(problem_json(&err, "i", mem, &length), "\"detail\":\"aaaaaaaaaa\""));
}

static void every_kind_has_a_phrase(void **state)
{
    const char *code, *words;
    enum error_kind kind;
    int status;

    (void)state;
    for (unsigned i = 0; error_kind_at(i, &kind, &status, &code, &words); i++) {
        if (kind != ERR_GONE_CLIENT && strcmp(status_phrase(status), "Error") == 0)
            fail_msg("%d", status);
    }
    assert_string_equal(status_phrase(599), "Error");
}

static void pace(void **state)
{
    struct pace fast = {.min_rate = 1000, .window_us = 1000000, .grace_us = 0};
    struct pace graced = {.min_rate = 1000, .window_us = 1000000, .grace_us = 2500000};
    struct pace still = {.min_rate = 0, .window_us = 1000000, .grace_us = 0};
    struct pace unlimited = {.min_rate = 1000};

    (void)state;
    assert_true(pace_add(&fast, 1, 900000));
    assert_true(pace_add(&fast, 1500, 200000));
    assert_true(pace_add(&fast, 999, 999999));
    assert_false(pace_add(&fast, 0, 1));
    for (int i = 0; i < 100; i++)
        assert_true(pace_add(&fast, 1000, 100));
    assert_true(pace_add(&graced, 0, 1000000));
    assert_true(pace_add(&graced, 0, 1000000));
    assert_false(pace_add(&graced, 0, 1000000));
    assert_true(pace_add(&still, 1, 1000000));
    assert_false(pace_add(&still, 0, 1000000));
    assert_true(pace_add(&unlimited, 0, INT64_C(1) << 40));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems),
        cmocka_unit_test(registered_types),
        cmocka_unit_test(text_that_was_cut_stays_utf8),
        cmocka_unit_test(every_kind_has_a_phrase),
        cmocka_unit_test(pace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
