/* The readers of S3's XML, and of files with keys: none reads past its bytes, and what is taken
 * keeps the header's promises. */
#include <assert.h>
#include <string.h>

#include "store/s3_credentials.h"
#include "store/s3_lifecycle_xml.h"
#include "store/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_page(const struct s3_page *page, bool is_uploads)
{
    assert(page->count <= S3_PAGE_MAX);
    assert(!page->is_cut || page->count > 0);
    for (size_t i = 0; i < page->count; i++) {
        assert(page->entries[i].key && *page->entries[i].key);
        assert(page->entries[i].size <= INT64_MAX);
        assert(!is_uploads || page->entries[i].upload_id);
    }
}

/* What others have set is put back as it stood: a part of the text, which is well-formed. */
static void check_lifecycle(const char *text, size_t size, struct arena *mem)
{
    scoped(buf_release) struct buf written = {0};
    struct s3_lifecycle found, again;
    struct error err;

    if (!s3_lifecycle_parse(text, size, "us", mem, &found, &err)) {
        assert(err.kind == ERR_UNAVAILABLE);
        return;
    }
    assert(found.own.count <= STORE_TRANSITIONS_MAX && strlen(found.others) <= size);
    found.own.count = 0;
    buf_init(&written, S3_XML_MAX);
    s3_lifecycle_format(&found, "us", &written);
    if (written.length > 0 &&
        s3_lifecycle_parse(written.bytes, written.length, "us", mem, &again, &err))
        assert(strcmp(again.others, found.others) == 0);
}

static void check_keys(const char *text, size_t size, struct arena *mem)
{
    struct s3_identity found = {0};
    struct error err;

    if (s3_xml_assumed(text, size, mem, &found, &err))
        assert(*found.access_key && *found.secret_key && *found.session_token);
    if (s3_identity_in_file(arena_strndup(mem, text, size), "default", mem, &found))
        assert(*found.access_key && *found.secret_key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *text = (const char *)data, *id = NULL;
    char code[S3_CODE_SIZE] = "untouched";
    struct s3_page page = {0};
    struct error err = {0};

    if (s3_xml_objects(text, size, mem, &page, &err))
        check_page(&page, false);
    else
        assert(err.kind == ERR_UNAVAILABLE);
    if (s3_xml_uploads(text, size, mem, &page, &err))
        check_page(&page, true);
    assert(s3_xml_error(text, size, code) == (code[0] != '\0'));
    assert(memchr(code, '\0', sizeof code));
    if (s3_xml_initiated(text, size, mem, &id, &err))
        assert(*id && strlen(id) <= S3_UPLOAD_ID_MAX);
    if (s3_xml_completed(text, size, code, &err))
        assert(memchr(code, '\0', sizeof code));
    if (s3_xml_copied(text, size, false, mem, &id, code, &err))
        assert(*code || id);
    check_lifecycle(text, size, mem);
    check_keys(text, size, mem);
    return 0;
}
