/* Upload-Metadata of tus. */
#include <assert.h>
#include <jansson.h>

#include "api/tus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    assert(!text || (*text && utf8_is_valid(str_from(text))));
}

/* What is written of a session reads as what it was. */
static void write_and_read(const struct tus_metadata *found, struct arena *mem)
{
    struct session session = {.filename = found->filename, .declared_type = found->filetype};
    struct tus_metadata again;
    struct error err;

    assert(tus_metadata_read(tus_metadata_write(&session, mem), mem, &again, &err));
    assert(strcmp(again.filename, found->filename) == 0);
    assert(!found->filetype || strcmp(again.filetype, found->filetype) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct tus_metadata found;
    struct error err;
    json_t *rest;

    if (!tus_metadata_read(arena_strndup(mem, (const char *)data, size), mem, &found, &err)) {
        assert(err.kind == ERR_INVALID || err.kind == ERR_FILENAME);
        return 0;
    }
    check_text(found.filename);
    check_text(found.filetype);
    rest = json_loads(found.rest, 0, NULL);
    assert(json_is_object(rest));
    json_decref(rest);
    if (found.filename)
        write_and_read(&found, mem);
    return 0;
}
