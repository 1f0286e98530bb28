/* The readers of S3's XML: none reads past its bytes, and what is taken keeps the header's
 * promises. */
#include <assert.h>
#include <string.h>

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
    return 0;
}
