#include "http/digest_header.h"
#include "http_test.h"

/* RFC 9530 appendix B: {"hello": "world"} LF */
#define SHA256 "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="
#define SHA512 \
    "YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg=="
#define MD5 "1B2M2Y8AsgTpgAmY7PhCfg=="
#define OTHER_MD5 "AAAAAAAAAAAAAAAAAAAAAA=="

struct digest_case {
    const char *header;
    bool good, has_sha256, has_md5;
};

static const struct digest_case cases[] = {
    {"sha-256=:" SHA256 ":", true, true, false},
    {"sha-256=:" SHA256 ":,sha-512=:" SHA512 ":", true, true, false},
    {"sha-512=:" SHA512 ":", true, false, false},
    {"md5=:" MD5 ":, sha-256=:" SHA256 ":", true, true, true},
    {"md5=:" MD5 ":\t ,\t sha-256=:" SHA256 ":", true, true, true},
    {"sha-256=:" SHA256 ":;p=1;q=\"a,b\";r", true, true, false},
    {"sha-256=:AAAA:, sha-256=:" SHA256 ":", false, false, false},
    {"md5=:" OTHER_MD5 ":, md5=:" MD5 ":", true, false, true},
    {"unixsum=:AAA=:, x=5, y=?1, z=\"t\", t=tok/en:x", true, false, false},
    {"x", true, false, false},
    {"", true, false, false},
    {"sha-256", false, false, false},
    {"sha-256=", false, false, false},
    {"sha-256=" SHA256, false, false, false},
    {"sha-256=:" SHA256, false, false, false},
    {"sha-256=:AAAA:", false, false, false},
    {"sha-256=:" SHA256 ":,", false, false, false},
    {"sha-256=:" SHA256 ": md5=:" MD5 ":", false, false, false},
    {",sha-256=:" SHA256 ":", false, false, false},
    {"SHA-256=:" SHA256 ":", false, false, false},
    {"sha-256=\"" SHA256 "\"", false, false, false},
    {"sha-256=:" MD5 ":", false, false, false},
    {"md5=:!!!!:", false, false, false},
    {"x=\"a", false, false, false},
};

static void fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct digest_fields found = {0};
        struct error err;
        bool good = digest_fields_parse(str_from(cases[i].header), &found, &err);

        if (good != cases[i].good || found.has_sha256 != cases[i].has_sha256 ||
            found.has_md5 != cases[i].has_md5)
            fail_msg("\"%s\": %d %d %d", cases[i].header, good, found.has_sha256, found.has_md5);
        if (!good)
            assert_int_equal(err.kind, ERR_INVALID);
    }
}

static void contradictions(void **state)
{
    struct digest_fields found = {0};
    struct error err;

    (void)state;
    assert_true(content_md5_parse(STR_LITERAL(MD5), &found, &err));
    assert_true(digest_fields_parse(STR_LITERAL("md5=:" MD5 ":"), &found, &err));
    assert_false(digest_fields_parse(STR_LITERAL("md5=:" OTHER_MD5 ":"), &found, &err));
    assert_true(digest_fields_parse(STR_LITERAL("sha-256=:" SHA256 ":"), &found, &err));
    assert_true(found.has_md5 && found.has_sha256);
}

static void content_md5(void **state)
{
    static const uint8_t empty[16] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
                                      0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
    struct digest_fields found = {0};
    struct error err;

    (void)state;
    assert_true(content_md5_parse(STR_LITERAL(" " MD5 " "), &found, &err));
    assert_memory_equal(found.md5, empty, sizeof empty);
    assert_false(content_md5_parse(STR_LITERAL("d41d8cd98f00b204e9800998ecf8427e"), &found, &err));
    assert_false(content_md5_parse(STR_LITERAL(""), &found, &err));
    assert_false(content_md5_parse(STR_LITERAL(SHA256), &found, &err));
}

static void formatting(void **state)
{
    struct digest_fields found = {0};
    char text[DIGEST_HEADER_SIZE];
    struct error err;

    (void)state;
    assert_true(digest_fields_parse(STR_LITERAL("sha-256=:" SHA256 ":"), &found, &err));
    digest_fields_format(&found, text);
    assert_string_equal(text, "sha-256=:" SHA256 ":");
    assert_true(digest_fields_parse(STR_LITERAL("md5=:" MD5 ":"), &found, &err));
    digest_fields_format(&found, text);
    assert_string_equal(text, "sha-256=:" SHA256 ":, md5=:" MD5 ":");
    found.has_sha256 = false;
    digest_fields_format(&found, text);
    assert_string_equal(text, "md5=:" MD5 ":");
}

static void wants(void **state)
{
    int sha256 = -1, md5 = -1;

    (void)state;
    assert_true(want_digest_parse(STR_LITERAL("sha-512=3, sha-256=10, unixsum=0"), &sha256, &md5));
    assert_int_equal(sha256, 10);
    assert_int_equal(md5, 0);
    assert_true(want_digest_parse(STR_LITERAL("md5=1"), &sha256, &md5));
    assert_int_equal(sha256, 0);
    assert_int_equal(md5, 1);
    assert_false(want_digest_parse(STR_LITERAL("sha-256=11"), &sha256, &md5));
    assert_false(want_digest_parse(STR_LITERAL("sha-256"), &sha256, &md5));
    assert_false(want_digest_parse(STR_LITERAL("sha-256=-1"), &sha256, &md5));
    assert_int_equal(md5, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),      cmocka_unit_test(contradictions),
        cmocka_unit_test(content_md5), cmocka_unit_test(formatting),
        cmocka_unit_test(wants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
