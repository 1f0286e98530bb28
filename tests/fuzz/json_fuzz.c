/* The readers of JSON: what one takes the other takes, and canonical text stays as it is. */
#include <assert.h>

#include "base/canonical_json.h"
#include "base/json_check.h"

#define ROOM ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct buf *text)
{
    scoped(json_decrefp) json_t *value = NULL;
    scoped(buf_release) struct buf again = {0};
    struct error err;

    buf_init(&again, ROOM);
    assert(json_check((struct str){text->bytes, text->length}, &err));
    assert(canonical_json_read(text->bytes, text->length, &value, &err));
    assert(canonical_json_write(value, &again, &err));
    assert(again.length == text->length && memcmp(again.bytes, text->bytes, text->length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    scoped(json_decrefp) json_t *value = NULL;
    scoped(buf_release) struct buf out = {0};
    struct error err;
    bool is_json = json_check((struct str){text, size}, &err);

    assert(is_json || err.kind == ERR_BAD_JSON);
    if (!canonical_json_read(text, size, &value, &err)) {
        assert(err.kind == ERR_BAD_JSON);
        return 0;
    }
    assert(is_json);
    buf_init(&out, ROOM);
    if (canonical_json_write(value, &out, &err))
        check_again(&out);
    else
        assert(err.kind == ERR_BODY_TOO_LARGE);
    return 0;
}
