/* Chunked bodies and forms: what is read does not depend on the pieces in which it comes. */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "http/chunked.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The content, and behind it a mark of how it ended. */
static void decode(struct str bytes, size_t step, struct buf *out)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct chunked chunked = {0};
    struct error err;

    while (bytes.len > 0 && chunked.state != CHUNKED_DONE) {
        size_t length = step < bytes.len ? step : bytes.len, used;

        if (chunked.state == CHUNKED_DATA) {
            used = length < chunked.left ? length : (size_t)chunked.left;
            buf_add(out, bytes.ptr, used);
            chunked_took(&chunked, used);
        } else if (!chunked_feed(&chunked, bytes.ptr, length, mem, &used, &err)) {
            buf_add_text(out, "refused");
            return;
        }
        bytes.ptr += used;
        bytes.len -= used;
    }
    chunked_trailer(&chunked, "X-Check", mem);
    buf_printf(out, "%d %zu", chunked.state, bytes.len);
}

struct piecewise {
    struct source base;
    struct str left;
    size_t step;
};

static bool read_piece(struct source *source, void *buf, size_t size, size_t *out,
                       struct error *err)
{
    struct piecewise *self = (struct piecewise *)source;
    size_t length = self->step < self->left.len ? self->step : self->left.len;

    (void)err;
    if (length > size)
        length = size;
    memcpy(buf, self->left.ptr, length);
    self->left.ptr += length;
    self->left.len -= length;
    *out = length;
    return true;
}

static bool read_form(struct multipart *form, struct buf *out, struct error *err)
{
    for (;;) {
        struct multipart_part part;
        char block[100];
        size_t got;
        bool found;

        if (!multipart_next(form, &found, &part, err))
            return false;
        if (!found)
            return true;
        buf_printf(out, "[%s|%s]", part.name, part.filename ? part.filename : "");
        do {
            if (!part.body->read(part.body, block, sizeof block, &got, err))
                return false;
            buf_add(out, block, got);
        } while (got > 0);
    }
}

static void parse(struct str bytes, size_t step, struct buf *out)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct piecewise source = {{read_piece}, bytes, step};
    struct multipart *form = multipart_new(&source.base, "XX", mem);
    struct error err;

    if (!read_form(form, out, &err))
        buf_printf(out, "refused: %s", error_code(&err));
}

static void compare(struct str bytes, void (*reader)(struct str, size_t, struct buf *))
{
    static const size_t steps[] = {1, 2, 7, 64};
    scoped(buf_release) struct buf whole = {0}, pieces = {0};

    buf_init(&whole, 1 << 20);
    buf_init(&pieces, 1 << 20);
    reader(bytes, bytes.len + 1, &whole);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        buf_clear(&pieces);
        reader(bytes, steps[i], &pieces);
        assert(whole.length == pieces.length);
        assert(whole.length == 0 || memcmp(whole.bytes, pieces.bytes, whole.length) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};

    compare(bytes, decode);
    compare(bytes, parse);
    return 0;
}
