/* The signer, by the worked examples of Amazon's reference ("Signature Calculations for the
 * Authorization Header" and "Authenticating Requests: Using Query Parameters"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "store/s3_sign.h"

static const struct s3_signer amazon = {
    .access_key = "AKIAIOSFODNN7EXAMPLE",
    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    .region = "us-east-1",
    .now_us = INT64_C(1369353600) * US_PER_S, /* 2013-05-24T00:00:00Z */
};

#define AMAZON_HOST "examplebucket.s3.amazonaws.com"
#define FIELDS(...)                                  \
    .headers = (const struct s3_field[])__VA_ARGS__, \
    .header_count = sizeof((const struct s3_field[])__VA_ARGS__) / sizeof(struct s3_field)
#define QUERY(...)                                 \
    .query = (const struct s3_field[])__VA_ARGS__, \
    .query_count = sizeof((const struct s3_field[])__VA_ARGS__) / sizeof(struct s3_field)

static const struct example {
    struct s3_request request;
    const char *target;
    const char *names;
    const char *signature;
} examples[] = {
    {{.method = "GET",
      .host = AMAZON_HOST,
      .path = "/test.txt",
      FIELDS({{"range", "bytes=0-9"}}),
      .payload = S3_EMPTY_SHA256},
     "/test.txt",
     "host;range;x-amz-content-sha256;x-amz-date",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {{.method = "PUT",
      .host = AMAZON_HOST,
      .path = "/test$file.text",
      FIELDS({{"date", "Fri, 24 May 2013 00:00:00 GMT"},
              {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}),
      .payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
     "/test%24file.text",
     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {{.method = "GET",
      .host = AMAZON_HOST,
      .path = "/",
      QUERY({{"lifecycle", ""}}),
      .payload = S3_EMPTY_SHA256},
     "/?lifecycle=",
     "host;x-amz-content-sha256;x-amz-date",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {{.method = "GET",
      .host = AMAZON_HOST,
      .path = "/",
      QUERY({{"prefix", "J"}, {"max-keys", "2"}}),
      .payload = S3_EMPTY_SHA256},
     "/?max-keys=2&prefix=J",
     "host;x-amz-content-sha256;x-amz-date",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static const char *header_of(const struct s3_signed *result, const char *name)
{
    for (size_t i = 0; i < result->header_count; i++)
        if (strcmp(result->headers[i].name, name) == 0)
            return result->headers[i].value;
    return NULL;
}

static void amazons_examples_come_out(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        struct s3_signed result;

        s3_sign(&amazon, &examples[i].request, mem, &result);
        assert_string_equal(result.target, examples[i].target);
        assert_string_equal(header_of(&result, "x-amz-date"), "20130524T000000Z");
        assert_string_equal(header_of(&result, "x-amz-content-sha256"),
                            examples[i].request.payload);
        assert_string_equal(
            header_of(&result, "authorization"),
            arena_printf(mem,
                         "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                         "aws4_request, SignedHeaders=%s, Signature=%s",
                         examples[i].names, examples[i].signature));
    }
}

static void amazons_link_comes_out(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_request request = {.method = "GET", .host = AMAZON_HOST, .path = "/test.txt"};

    (void)state;
    assert_string_equal(
        s3_presign(&amazon, &request, 86400, mem),
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
        "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
        "X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

/* No segment is resolved, nothing is encoded twice or left out. */
static void targets_are_encoded_once(void **state)
{
    static const struct {
        const char *path, *target;
    } cases[] = {
        {"/b/a b+c%/d", "/b/a%20b%2Bc%25/d"},
        {"/b/../x//./y", "/b/../x//./y"},
        {"/b/%2e%2e", "/b/%252e%252e"},
        {"/b/\xc3\xa9\xe6\x97\xa5", "/b/%C3%A9%E6%97%A5"},
        {"/b/\xd0\xb6\xd7\xa9\xf0\x9f\x8e\xb5", "/b/%D0%B6%D7%A9%F0%9F%8E%B5"},
        {"/b/\"'\\&?=#;:*|<>@!$(),[]", "/b/%22%27%5C%26%3F%3D%23%3B%3A%2A%7C%3C%3E%40%21%24%28%29"
                                       "%2C%5B%5D"},
        {"/b/-._~", "/b/-._~"},
    };
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct s3_request request = {
            .method = "GET", .host = "h", .path = cases[i].path, .payload = S3_EMPTY_SHA256};
        struct s3_signed result;

        s3_sign(&amazon, &request, mem, &result);
        assert_string_equal(result.target, cases[i].target);
    }
}

static void a_query_is_sorted_by_its_encoded_names(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_signed result;
    struct s3_request request = {.method = "GET",
                                 .host = "h",
                                 .path = "/",
                                 QUERY({{"prefix", "a/b c+&="},
                                        {"uploads", ""},
                                        {"max-keys", "9"},
                                        {"X", "1"},
                                        {"\xc3\xa9", "1"}}),
                                 .payload = S3_EMPTY_SHA256};

    (void)state;
    s3_sign(&amazon, &request, mem, &result);
    assert_string_equal(result.target,
                        "/?%C3%A9=1&X=1&max-keys=9&prefix=a%2Fb%20c%2B%26%3D&uploads=");
}

/* What is not to change the signature, and what is. */
static void blanks_are_folded_and_a_token_is_signed(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_request folded = {.method = "PUT",
                                .host = "h",
                                .path = "/k",
                                FIELDS({{"content-type", "a b"}, {"x-amz-meta-a", "1"}}),
                                .payload = S3_UNSIGNED};
    struct s3_request spread = folded;
    struct s3_signer with_token = amazon;
    struct s3_signed one, other;

    (void)state;
    s3_sign(&amazon, &folded, mem, &one);
    spread.headers =
        (const struct s3_field[]){{"x-amz-meta-a", " 1\t"}, {"content-type", "  a   b "}};
    s3_sign(&amazon, &spread, mem, &other);
    assert_string_equal(header_of(&one, "authorization"), header_of(&other, "authorization"));
    assert_null(header_of(&one, "x-amz-security-token"));

    with_token.session_token = "token";
    s3_sign(&with_token, &folded, mem, &other);
    assert_string_equal(header_of(&other, "x-amz-security-token"), "token");
    assert_non_null(
        strstr(header_of(&other, "authorization"), "x-amz-meta-a;x-amz-security-token"));
    assert_non_null(
        strstr(s3_presign(&with_token, &folded, 60, mem), "&X-Amz-Security-Token=token&"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amazons_examples_come_out),
        cmocka_unit_test(amazons_link_comes_out),
        cmocka_unit_test(targets_are_encoded_once),
        cmocka_unit_test(a_query_is_sorted_by_its_encoded_names),
        cmocka_unit_test(blanks_are_folded_and_a_token_is_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
