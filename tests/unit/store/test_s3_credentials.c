/* Keys that come from a file, over time; those that come over the network have API tests. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "store/s3_credentials.h"

/* ---- the file's text ---- */

static const char file[] = "# comment\n"
                           "[default]\n"
                           "aws_access_key_id = AK1\n"
                           "aws_secret_access_key=a/b+c==\r\n"
                           "region = x\n"
                           "\n"
                           "[half]\naws_access_key_id = AK2\n"
                           "[profile other]\n"
                           "  AWS_ACCESS_KEY_ID=AK3\n"
                           "; aws_access_key_id = no\n"
                           "\taws_secret_access_key\t=\tSK3\n"
                           "aws_session_token = T3";

static void sections_of_a_file_are_read(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_identity found = {0};

    (void)state;
    assert_true(s3_identity_in_file(file, "default", mem, &found));
    assert_string_equal(found.access_key, "AK1");
    assert_string_equal(found.secret_key, "a/b+c==");
    assert_null(found.session_token);
    assert_true(s3_identity_in_file(file, "other", mem, &found));
    assert_string_equal(found.access_key, "AK3");
    assert_string_equal(found.secret_key, "SK3");
    assert_string_equal(found.session_token, "T3");
    assert_false(s3_identity_in_file(file, "half", mem, &found));
    assert_false(s3_identity_in_file(file, "none", mem, &found));
    assert_false(s3_identity_in_file("", "default", mem, &found));
}

/* ---- over time ---- */

struct moved_clock {
    struct clock base;
    atomic_llong now_us;
};

static int64_t moved_now(const struct clock *base)
{
    return atomic_load(&container_of(base, struct moved_clock, base)->now_us);
}

struct fixture {
    struct moved_clock clock;
    char path[64];
    struct s3_credential_settings settings;
    struct s3_credentials *credentials;
    struct error err;
};

static void write_keys(struct fixture *f, const char *access_key)
{
    char text[128];
    int length =
        snprintf(text, sizeof text,
                 "[default]\naws_access_key_id = %s\naws_secret_access_key = S\n", access_key);

    assert_true(fs_write_file(f->path, text, (size_t)length, 0600, &f->err));
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int fd;

    assert_non_null(f);
    f->clock = (struct moved_clock){.base = {moved_now}, .now_us = 1000 * US_PER_S};
    strcpy(f->path, "/tmp/s3-credentials-XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    f->settings = (struct s3_credential_settings){
        .source = S3_SOURCE_FILE, .file = f->path, .profile = "default"};
    f->credentials = s3_credentials_new(&f->settings, &f->clock.base);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    s3_credentials_free(f->credentials);
    unlink(f->path);
    free(f);
    return 0;
}

static void assert_key(struct fixture *f, const char *access_key)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_identity found;

    assert_true(s3_credentials_get(f->credentials, mem, &found, &f->err));
    assert_string_equal(found.access_key, access_key);
}

static void pass(struct fixture *f, int64_t seconds)
{
    atomic_fetch_add(&f->clock.now_us, seconds * US_PER_S);
}

static void keys_are_fetched_again_before_they_expire(void **state)
{
    struct fixture *f = *state;

    write_keys(f, "ONE");
    assert_key(f, "ONE");
    write_keys(f, "TWO");
    pass(f, 30);
    assert_key(f, "ONE");
    pass(f, 20); /* ten seconds before they expire */
    assert_key(f, "TWO");
}

static void keys_that_stand_outlast_a_failure(void **state)
{
    struct fixture *f = *state;
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_identity found;

    write_keys(f, "ONE");
    assert_key(f, "ONE");
    assert_int_equal(unlink(f->path), 0);
    pass(f, 50);
    assert_key(f, "ONE");
    pass(f, 11); /* now they have expired */
    assert_false(s3_credentials_get(f->credentials, mem, &found, &f->err));
    assert_int_equal(f->err.kind, ERR_UNAVAILABLE);
    write_keys(f, "TWO");
    pass(f, 2);
    assert_key(f, "TWO");
}

static void refused_keys_are_fetched_again(void **state)
{
    struct fixture *f = *state;

    write_keys(f, "ONE");
    assert_key(f, "ONE");
    write_keys(f, "TWO");
    assert_true(s3_credentials_refused(f->credentials, "ZERO")); /* long gone */
    assert_key(f, "ONE");
    assert_true(s3_credentials_refused(f->credentials, "ONE"));
    assert_key(f, "TWO");
}

static void keys_of_the_section_stay(void **state)
{
    struct moved_clock clock = {.base = {moved_now}, .now_us = US_PER_S};
    const struct s3_credential_settings settings = {
        .source = S3_SOURCE_KEYS, .access_key = "AK", .secret_key = "SK"};
    scoped(s3_credentials_release) struct s3_credentials *credentials =
        s3_credentials_new(&settings, &clock.base);
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_identity found;
    struct error err;

    (void)state;
    assert_true(s3_credentials_get(credentials, mem, &found, &err));
    assert_string_equal(found.secret_key, "SK");
    assert_false(s3_credentials_refused(credentials, "AK"));
    atomic_store(&clock.now_us, INT64_MAX - 1);
    assert_true(s3_credentials_get(credentials, mem, &found, &err));
}

/* Under the thread sanitizer too: many ask, while the keys change under them. */
static void *ask(void *context)
{
    struct fixture *f = context;

    for (int i = 0; i < 300; i++) {
        scoped(arena_release) struct arena *mem = arena_new();
        struct s3_identity found;
        struct error err;

        if (!s3_credentials_get(f->credentials, mem, &found, &err) ||
            strcmp(found.access_key, "ONE") != 0 || strcmp(found.secret_key, "S") != 0)
            return f;
        if (i % 50 == 0)
            s3_credentials_refused(f->credentials, "ONE");
        pass(f, 1);
    }
    return NULL;
}

static void many_threads_share_them(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];
    void *failed;

    write_keys(f, "ONE");
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, f), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_of_a_file_are_read),
        cmocka_unit_test(keys_of_the_section_stay),
        CASE(keys_are_fetched_again_before_they_expire),
        CASE(keys_that_stand_outlast_a_failure),
        CASE(refused_keys_are_fetched_again),
        CASE(many_threads_share_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
