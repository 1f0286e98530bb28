/* The pure parts of the client: request targets and what problems become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/client.h"
#include "cli/problem.h"

static void targets_are_encoded(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const struct client_param params[] = {
        {"q", "a b&c=ü/?#%+"}, {"status", NULL}, {"sort", "-file_size"}, {0}};

    (void)state;
    assert_string_equal(client_target(mem, "/v1/uploads", params),
                        "/v1/uploads?q=a%20b%26c%3D%C3%BC%2F%3F%23%25%2B&sort=-file_size");
    assert_string_equal(client_target(mem, "/v1/uploads?x=1", params + 2),
                        "/v1/uploads?x=1&sort=-file_size");
    assert_string_equal(client_target(mem, "/v1/uploads", NULL), "/v1/uploads");
    assert_string_equal(client_encode(mem, "../..\x01\n"), "..%2F..%01%0A");
}

static void expect_error(long status, const char *json, enum error_kind kind, const char *text)
{
    scoped(json_decrefp) json_t *problem = json ? json_loads(json, 0, NULL) : NULL;
    struct error err;

    assert_false(problem_to_error(status, problem, &err));
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.log, text);
}

static void problems_become_sentences(void **state)
{
    (void)state;
    expect_error(404, "{\"code\": \"not_found\", \"detail\": \"there is no such upload\"}",
                 ERR_NOT_FOUND, "there is no such upload (not_found)");
    expect_error(403,
                 "{\"code\": \"quota_storage_exceeded\", \"detail\": \"the storage is full\","
                 " \"limit\": 1073741824, \"remaining\": 1024}",
                 ERR_QUOTA_STORAGE,
                 "the storage is full; 1.0 KiB of 1.0 GiB remain (quota_storage_exceeded)");
    expect_error(403,
                 "{\"code\": \"quota_files_exceeded\", \"detail\": \"too many files\","
                 " \"limit\": 10, \"remaining\": 0}",
                 ERR_QUOTA_FILES, "too many files; 0 of 10 remain (quota_files_exceeded)");
    expect_error(409, "{\"code\": \"duplicate_content\", \"detail\": \"it is there\"}",
                 ERR_DUPLICATE, "it is there (duplicate_content)");
}

#define STRANGER \
    " was answered, but not by an AudioTricks server: is a proxy or a sign-in page in between?"

static void hostile_or_foreign_answers_do_no_harm(void **state)
{
    (void)state;
    expect_error(502, NULL, ERR_UNAVAILABLE, "the server answered with status 502");
    expect_error(404, NULL, ERR_UNAVAILABLE, "status 404" STRANGER);
    expect_error(302, NULL, ERR_UNAVAILABLE, "status 302" STRANGER);
    expect_error(403, "{\"code\": \"from_the_future\", \"detail\": \"no\"}", ERR_UNAVAILABLE,
                 "no (from_the_future)");
    expect_error(400, "{\"code\": 7, \"detail\": []}", ERR_UNAVAILABLE, "status 400" STRANGER);
    expect_error(404, "{\"code\": \"not_found\", \"detail\": \"a\\u001b[2Jb\"}", ERR_NOT_FOUND,
                 "a\\x1b[2Jb (not_found)");
    expect_error(403,
                 "{\"code\": \"quota_files_exceeded\", \"detail\": \"x\", \"limit\": \"many\","
                 " \"remaining\": 0}",
                 ERR_QUOTA_FILES, "x (quota_files_exceeded)");
}

static void answers_to_head_have_a_status_only(void **state)
{
    struct error err;

    (void)state;
    assert_false(problem_of_head(404, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_string_equal(err.log, "there is no such thing (not_found)");
    assert_false(problem_of_head(302, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
}

static void server_addresses_are_checked(void **state)
{
    static const char *const wrong[] = {"", "localhost:8080", "ftp://host", "unix:relative",
                                        "file:///etc/passwd"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct client_options options = {.server = wrong[i]};
        struct client *client = NULL;
        struct error err;

        assert_false(client_open(&options, &client, &err));
        assert_int_equal(err.kind, ERR_INVALID);
        assert_null(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_encoded),
        cmocka_unit_test(problems_become_sentences),
        cmocka_unit_test(hostile_or_foreign_answers_do_no_harm),
        cmocka_unit_test(answers_to_head_have_a_status_only),
        cmocka_unit_test(server_addresses_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
