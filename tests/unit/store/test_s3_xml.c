/* The readers of S3's XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "store/s3_credentials.h"
#include "store/s3_xml.h"

#define NAMESPACE " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static bool objects(const char *text, struct arena *mem, struct s3_page *out)
{
    struct error err = {0};
    bool ok = s3_xml_objects(text, strlen(text), mem, out, &err);

    assert_true(ok || err.kind == ERR_UNAVAILABLE);
    return ok;
}

static void a_page_of_objects_is_read(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_page page;

    (void)state;
    assert_true(
        objects("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult" NAMESPACE ">"
                "<Name>b</Name><Prefix/><IsTruncated>true</IsTruncated>\n"
                "<Contents><Key>a+b%2B%C3%A9%01</Key><LastModified>2026-11-27T15:05:23.302Z"
                "</LastModified><ETag>&quot;x&quot;</ETag><Size>7</Size><Owner><ID>Key</ID></Owner>"
                "</Contents>\n<Contents><Size>0</Size><Key>k</Key></Contents>"
                "<CommonPrefixes><Prefix>p</Prefix></CommonPrefixes></ListBucketResult>",
                mem, &page));
    assert_true(page.is_cut);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.entries[0].key, "a b+\xc3\xa9\x01");
    assert_int_equal(page.entries[0].size, 7);
    assert_int_equal(page.entries[0].modified_us, INT64_C(1795791923302000));
    assert_string_equal(page.entries[1].key, "k");
    assert_int_equal(page.entries[1].size, 0);
    assert_true(objects("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
                        mem, &page));
    assert_int_equal(page.count, 0);
    assert_false(page.is_cut);
}

/* Cut short, of another kind, or without what an entry must have. */
static void what_is_no_page_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "no XML",
        "<ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><Size>1</Size></Contents>",
        "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k%0</Key><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k%00</Key><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key/><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><Size>-1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><Size>9223372036854775808</Size></Contents>"
        "</ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<Error><Code>NoSuchBucket</Code></Error>",
        "<!DOCTYPE a [<!ENTITY e \"x\">]><ListBucketResult/>",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a>"
        "</a></a></a></a></a></a></a>",
    };
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_page page;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (objects(bad[i], mem, &page))
            fail_msg("%s was read", bad[i]);
}

static void limits_are_kept(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(buf_release) struct buf text = {0};
    scoped(memory_free) char *key = malloc(4100);
    struct s3_page page;

    (void)state;
    for (size_t count = S3_PAGE_MAX; count <= S3_PAGE_MAX + 1; count++) {
        buf_init(&text, S3_XML_MAX);
        buf_add_text(&text, "<ListBucketResult>");
        for (size_t i = 0; i < count; i++)
            buf_printf(&text, "<Contents><Key>%zu</Key><Size>1</Size></Contents>", i);
        buf_add_text(&text, "</ListBucketResult>");
        assert_int_equal(objects(text.bytes, mem, &page), count == S3_PAGE_MAX);
        buf_done(&text);
    }
    memset(key, 'k', 4099);
    key[4099] = '\0';
    assert_false(objects(arena_printf(mem,
                                      "<ListBucketResult><Contents><Key>%s</Key><Size>1</Size>"
                                      "</Contents></ListBucketResult>",
                                      key),
                         mem, &page));
}

static void unfinished_uploads_are_read(void **state)
{
    static const char text[] =
        "<ListMultipartUploadsResult" NAMESPACE "><IsTruncated>false</IsTruncated><Upload>"
        "<Key>p%2Fa%20b</Key><UploadId>2~x</UploadId><Initiator><ID>i</ID></Initiator>"
        "<Initiated>2026-11-27T15:05:23Z</Initiated></Upload></ListMultipartUploadsResult>";
    static const char without[] =
        "<ListMultipartUploadsResult><Upload><Key>k</Key></Upload></ListMultipartUploadsResult>";
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_page page;
    struct error err;

    (void)state;
    assert_true(s3_xml_uploads(text, sizeof text - 1, mem, &page, &err));
    assert_int_equal(page.count, 1);
    assert_string_equal(page.entries[0].key, "p/a b");
    assert_string_equal(page.entries[0].upload_id, "2~x");
    assert_int_equal(page.entries[0].modified_us, INT64_C(1795791923000000));
    assert_false(s3_xml_uploads(without, sizeof without - 1, mem, &page, &err));
}

static void errors_are_read(void **state)
{
    static const char text[] = "<Error><Code>SlowDown</Code><Message>m</Message></Error>";
    static const char deep[] = "<Error><X><Code>SlowDown</Code></X></Error>";
    char code[S3_CODE_SIZE];

    (void)state;
    assert_true(s3_xml_error(text, sizeof text - 1, code));
    assert_string_equal(code, "SlowDown");
    assert_false(s3_xml_error(deep, sizeof deep - 1, code));
    assert_string_equal(code, "");
    assert_false(s3_xml_error("<html/>", 7, code));
    assert_false(s3_xml_error("", 0, code));
}

static void a_multipart_upload_is_begun_and_ended(void **state)
{
    static const char begun[] = "<InitiateMultipartUploadResult" NAMESPACE
                                "><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>";
    static const char nameless[] =
        "<InitiateMultipartUploadResult><Key>k</Key></InitiateMultipartUploadResult>";
    static const char done[] = "<CompleteMultipartUploadResult><ETag/>"
                               "</CompleteMultipartUploadResult>";
    static const char late[] =
        " \r\n\n<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>";
    scoped(arena_release) struct arena *mem = arena_new();
    char code[S3_CODE_SIZE] = "x";
    const char *id;
    struct error err;

    (void)state;
    assert_true(s3_xml_initiated(begun, sizeof begun - 1, mem, &id, &err));
    assert_string_equal(id, "u&1");
    assert_false(s3_xml_initiated(nameless, sizeof nameless - 1, mem, &id, &err));
    assert_true(s3_xml_completed(done, sizeof done - 1, code, &err));
    assert_string_equal(code, "");
    assert_true(s3_xml_completed(late, sizeof late - 1, code, &err));
    assert_string_equal(code, "InternalError");
    assert_false(s3_xml_completed("", 0, code, &err));
    assert_false(s3_xml_completed("<Error/>", 8, code, &err));
}

static void a_copy_ends_well_or_not(void **state)
{
    static const char copied[] =
        "<CopyObjectResult" NAMESPACE "><ETag>&quot;e&quot;</ETag></CopyObjectResult>";
    static const char part[] = "<CopyPartResult><ETag>p</ETag></CopyPartResult>";
    static const char late[] = "  \n<Error><Code>SlowDown</Code></Error>";
    static const char nameless[] = "<CopyObjectResult/>";
    scoped(arena_release) struct arena *mem = arena_new();
    char code[S3_CODE_SIZE] = "x";
    const char *etag;
    struct error err;

    (void)state;
    assert_true(s3_xml_copied(copied, sizeof copied - 1, false, mem, &etag, code, &err));
    assert_string_equal(etag, "\"e\"");
    assert_string_equal(code, "");
    assert_false(s3_xml_copied(copied, sizeof copied - 1, true, mem, &etag, code, &err));
    assert_true(s3_xml_copied(part, sizeof part - 1, true, mem, &etag, code, &err));
    assert_string_equal(etag, "p");
    assert_true(s3_xml_copied(late, sizeof late - 1, true, mem, &etag, code, &err));
    assert_string_equal(code, "SlowDown");
    assert_false(s3_xml_copied(nameless, sizeof nameless - 1, false, mem, &etag, code, &err));
}

#define KEYS(text)                                                                               \
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"    \
    "<AssumeRoleWithWebIdentityResult><Credentials>" text "</Credentials><Audience>a</Audience>" \
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
#define PAIR "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S/+</SecretAccessKey>"

static void keys_of_a_role_are_read(void **state)
{
    static const char good[] =
        KEYS(PAIR "<SessionToken>T==</SessionToken><Expiration>2026-11-27T15:05:23Z</Expiration>");
    static const char *const bad[] = {
        KEYS(PAIR "<SessionToken>T</SessionToken>"),
        KEYS(PAIR "<SessionToken/><Expiration>2026-11-27T15:05:23Z</Expiration>"),
        KEYS(PAIR "<SessionToken>T</SessionToken><Expiration>soon</Expiration>"),
        "<ErrorResponse/>"};
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_identity found;
    struct error err;

    (void)state;
    assert_true(s3_xml_assumed(good, sizeof good - 1, mem, &found, &err));
    assert_string_equal(found.secret_key, "S/+");
    assert_string_equal(found.session_token, "T==");
    assert_int_equal(found.expires_us, INT64_C(1795791923000000));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(s3_xml_assumed(bad[i], strlen(bad[i]), mem, &found, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_objects_is_read),
        cmocka_unit_test(what_is_no_page_is_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(unfinished_uploads_are_read),
        cmocka_unit_test(errors_are_read),
        cmocka_unit_test(a_multipart_upload_is_begun_and_ended),
        cmocka_unit_test(a_copy_ends_well_or_not),
        cmocka_unit_test(keys_of_a_role_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
