/* What a section of the configuration comes to, by profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/s3_settings.h"

#define PAIRS_MAX 12

struct section {
    struct store_config config;
    const char *pairs[PAIRS_MAX][2];
};

static const char *option(const struct store_config *config, const char *key)
{
    const struct section *section = container_of(config, struct section, config);

    for (size_t i = 0; i < PAIRS_MAX && section->pairs[i][0]; i++)
        if (strcmp(section->pairs[i][0], key) == 0)
            return section->pairs[i][1];
    return NULL;
}

static bool read_section(struct section *section, struct arena *mem, struct s3_settings *out,
                         struct error *err)
{
    section->config = (struct store_config){
        .name = "main", .provider = "s3", .staging = "/tmp/staging", .option = option};
    return s3_settings_read(&section->config, mem, out, err);
}

#define KEYS               \
    {"access_key", "AK"},  \
    {                      \
        "secret_key", "SK" \
    }

static const struct {
    struct section section;
    const char *origin, *host;
    bool path_style, conditional_writes;
    const char *region;
} cases[] = {
    {{.pairs = {{"bucket", "b-1"}, KEYS}},
     "https://b-1.s3.us-east-1.amazonaws.com",
     "b-1.s3.us-east-1.amazonaws.com",
     false,
     true,
     "us-east-1"},
    {{.pairs = {{"bucket", "b-1"}, {"region", "eu-west-3"}, {"style", "path"}, KEYS}},
     "https://s3.eu-west-3.amazonaws.com",
     "s3.eu-west-3.amazonaws.com",
     true,
     true,
     "eu-west-3"},
    {{.pairs = {{"bucket", "b_1"}, {"endpoint", "http://10.0.0.1:7480/"}, KEYS}},
     "http://10.0.0.1:7480",
     "10.0.0.1:7480",
     true,
     true,
     "us-east-1"},
    {{.pairs = {{"bucket", "bucket"}, {"endpoint", "http://s3.local:80"}, {"style", "host"}, KEYS}},
     "http://bucket.s3.local:80",
     "bucket.s3.local:80",
     false,
     true,
     "us-east-1"},
    {{.pairs =
          {{"profile", "ceph"}, {"bucket", "bucket"}, {"endpoint", "https://[::1]:443"}, KEYS}},
     "https://[::1]:443",
     "[::1]:443",
     true,
     true,
     "us-east-1"},
    {{.pairs = {{"profile", "r2"},
                {"bucket", "bucket"},
                {"endpoint", "https://abc.r2.cloudflarestorage.com"},
                KEYS}},
     "https://abc.r2.cloudflarestorage.com",
     "abc.r2.cloudflarestorage.com",
     true,
     true,
     "auto"},
    {{.pairs = {{"profile", "b2"}, {"region", "us-west-004"}, {"bucket", "bucket"}, KEYS}},
     "https://s3.us-west-004.backblazeb2.com",
     "s3.us-west-004.backblazeb2.com",
     true,
     false,
     "us-west-004"},
    {{.pairs = {{"profile", "wasabi"}, {"bucket", "bucket"}, {"conditional_writes", "yes"}, KEYS}},
     "https://s3.us-east-1.wasabisys.com",
     "s3.us-east-1.wasabisys.com",
     true,
     true,
     "us-east-1"},
    {{.pairs = {{"profile", "minio"},
                {"bucket", "bucket"},
                {"endpoint", "http://minio:9000"},
                {"conditional_writes", "off"},
                KEYS}},
     "http://minio:9000",
     "minio:9000",
     true,
     false,
     "us-east-1"},
};

static void sections_come_to_addresses(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct section section = cases[i].section;
        struct s3_settings settings;
        struct error err;

        if (!read_section(&section, mem, &settings, &err))
            fail_msg("case %zu: %s", i, err.log);
        assert_string_equal(settings.origin, cases[i].origin);
        assert_string_equal(settings.host, cases[i].host);
        assert_string_equal(settings.link_origin, cases[i].origin);
        assert_int_equal(settings.path_style, cases[i].path_style);
        assert_int_equal(settings.conditional_writes, cases[i].conditional_writes);
        assert_string_equal(settings.region, cases[i].region);
        assert_int_equal(settings.checksum, S3_CHECKSUM_SIGNED);
        assert_int_equal(settings.copy_bytes, S3_COPY_LARGEST);
        assert_int_equal(settings.credentials.source, S3_SOURCE_KEYS);
        assert_false(settings.redirects);
    }
}

static void parts_are_of_one_length_on_r2_alone(void **state)
{
    static const char *const profiles[] = {"aws", "ceph", "minio", "r2", "b2", "wasabi"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++)
        assert_int_equal(s3_profile_named(profiles[i])->equal_parts,
                         strcmp(profiles[i], "r2") == 0);
    assert_false(s3_profile_usual(false)->equal_parts || s3_profile_usual(true)->equal_parts);
}

static void a_provider_is_known_in_every_style(void **state)
{
    static const char *const endpoints[][2] = {{"https://s3.example.org", "s3.example.org"},
                                               {"https://s3.example.org:443/", "s3.example.org"},
                                               {"http://s3.example.org:80", "s3.example.org"},
                                               {"http://s3.example.org:443", "s3.example.org:443"},
                                               {"http://minio:9000", "minio:9000"},
                                               {"https://[::1]:443", "[::1]"}};
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(endpoints); i++) {
        struct section section = {.pairs = {{"bucket", "bucket"},
                                            {"endpoint", endpoints[i / 2][0]},
                                            {"style", i % 2 ? "path" : "host"},
                                            KEYS}};
        struct s3_settings settings;
        struct error err;

        assert_true(read_section(&section, mem, &settings, &err));
        assert_string_equal(settings.provider, endpoints[i / 2][1]);
    }
}

static void the_rest_is_read(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct section section = {.pairs = {{"bucket", "bucket"},
                                        {"storage_class", "STANDARD_IA"},
                                        {"encryption", "aws:kms"},
                                        {"encryption_key", "key-1"},
                                        {"download", "redirect"},
                                        {"link_ttl", "90s"},
                                        {"link_endpoint", "https://files.example.org"},
                                        {"copy_threshold", "64MiB"},
                                        {"part_size", "5115MiB"},
                                        {"checksum", "md5"},
                                        KEYS}};
    struct s3_settings settings;
    struct error err;

    (void)state;
    assert_true(read_section(&section, mem, &settings, &err));
    assert_string_equal(settings.storage_class, "STANDARD_IA");
    assert_string_equal(settings.encryption, "aws:kms");
    assert_string_equal(settings.encryption_key, "key-1");
    assert_true(settings.redirects);
    assert_int_equal(settings.link_ttl_s, 90);
    assert_string_equal(settings.link_origin, "https://bucket.files.example.org");
    assert_string_equal(settings.link_host, "bucket.files.example.org");
    assert_int_equal(settings.copy_bytes, 64 << 20);
    assert_int_equal(settings.part_bytes, UINT64_C(5115) << 20);
    assert_int_equal(settings.checksum, S3_CHECKSUM_MD5);
    assert_int_equal(settings.late_ms, 3600000);
}

static const struct {
    struct section section;
    const char *key;
} refused[] = {
    {{.pairs = {{"profile", "azure"}, {"bucket", "bucket"}, KEYS}}, "profile"},
    {{.pairs = {{"profile", "ceph"}, {"bucket", "bucket"}, KEYS}}, "endpoint"},
    {{.pairs = {{"profile", "b2"}, {"bucket", "bucket"}, KEYS}}, "region"},
    {{.pairs = {{"style", "host"}, {"bucket", "b_cket"}, KEYS}}, "style"},
    {{.pairs = {{"bucket", "bucket"}, {"endpoint", "http://a/b"}, KEYS}}, "endpoint"},
    {{.pairs = {{"bucket", "bucket"}, {"link_endpoint", "a.example.org"}, KEYS}}, "link_endpoint"},
    {{.pairs = {{"bucket", "bucket"}, {"download", "direct"}, KEYS}}, "download"},
    {{.pairs = {{"bucket", "bucket"}, {"link_ttl", "8d"}, KEYS}}, "link_ttl"},
    {{.pairs = {{"bucket", "bucket"}, {"copy_threshold", "6GiB"}, KEYS}}, "copy_threshold"},
    {{.pairs = {{"bucket", "bucket"}, {"part_size", "5116MiB"}, KEYS}}, "part_size"},
    {{.pairs = {{"bucket", "bucket"}, {"credentials", "keys"}}}, "access_key"},
    {{.pairs = {{"bucket", "bucket"}, {"credentials", "guess"}}}, "credentials"},
    {{.pairs = {{"bucket", "bucket"}, {"credentials", "web-identity"}}}, "credentials"},
    {{.pairs = {{"bucket", "bucket"}, {"credentials", "file"}, {"credentials_file", "/none/x"}}},
     "credentials_file"},
    {{.pairs = {{"bucket", "bucket"}, {"credentials", "instance"}, {"metadata_endpoint", "x"}}},
     "metadata_endpoint"},
    {{.pairs = {{"bucket", "bucket"}, {"endpoint", "http://h"}}}, "access_key"},
};

static void what_cannot_be_is_refused(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct section section = refused[i].section;
        struct s3_settings settings;
        struct error err;

        if (read_section(&section, mem, &settings, &err))
            fail_msg("case %zu, %s, was taken", i, refused[i].key);
        assert_int_equal(err.kind, ERR_INVALID);
        if (strncmp(err.log, refused[i].key, strlen(refused[i].key)) != 0)
            fail_msg("case %zu: %s", i, err.log);
    }
}

/* Without an endpoint it is Amazon, where a machine may have a role. */
static void keys_are_looked_for_in_order(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct section section = {.pairs = {{"bucket", "bucket"}}};
    struct s3_settings settings;
    struct error err;

    (void)state;
    assert_true(read_section(&section, mem, &settings, &err));
    assert_int_equal(settings.credentials.source, S3_SOURCE_INSTANCE);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    assert_true(read_section(&section, mem, &settings, &err));
    assert_int_equal(settings.credentials.source, S3_SOURCE_FILE);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/token", 1);
    assert_true(read_section(&section, mem, &settings, &err));
    assert_int_equal(settings.credentials.source, S3_SOURCE_WEB_IDENTITY);
    assert_string_equal(settings.credentials.sts_endpoint, "https://sts.us-east-1.amazonaws.com");
    setenv("AWS_ACCESS_KEY_ID", "A", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "S", 1);
    assert_true(read_section(&section, mem, &settings, &err));
    assert_int_equal(settings.credentials.source, S3_SOURCE_ENVIRONMENT);
    section.pairs[1][0] = "access_key";
    section.pairs[1][1] = "B";
    section.pairs[2][0] = "secret_key";
    section.pairs[2][1] = "T";
    assert_true(read_section(&section, mem, &settings, &err));
    assert_int_equal(settings.credentials.source, S3_SOURCE_KEYS);
    assert_string_equal(settings.credentials.access_key, "B");
    assert_null(settings.credentials.session_token);
}

int main(void)
{
    static const char *const variables[] = {"AWS_ACCESS_KEY_ID",
                                            "AWS_SECRET_ACCESS_KEY",
                                            "AWS_SESSION_TOKEN",
                                            "AWS_ROLE_ARN",
                                            "AWS_PROFILE",
                                            "AWS_WEB_IDENTITY_TOKEN_FILE",
                                            "HOME",
                                            "AWS_ENDPOINT_URL_STS",
                                            "AWS_SHARED_CREDENTIALS_FILE"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_come_to_addresses),
        cmocka_unit_test(parts_are_of_one_length_on_r2_alone),
        cmocka_unit_test(a_provider_is_known_in_every_style),
        cmocka_unit_test(the_rest_is_read),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(keys_are_looked_for_in_order),
    };

    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
