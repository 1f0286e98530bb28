#include "service/object_digest.h"

#include <string.h>

#include "crypto/digest.h"

struct digest_sink {
    struct sink base;
    struct digest *digest;
    const atomic_bool *should_end;
};

static bool digest_write(struct sink *sink, const void *bytes, size_t size, struct error *err)
{
    const struct digest_sink *self = container_of(sink, struct digest_sink, base);

    if (self->should_end && atomic_load(self->should_end))
        return error_set(err, ERR_CONFLICT, "the object's digest is not wanted any more");
    digest_update(self->digest, bytes, size);
    return true;
}

bool object_digest_is(struct store *store, const char *key, const char *sha256,
                      const atomic_bool *should_end, bool *out, struct error *err)
{
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    struct digest_sink sink = {
        .base.write = digest_write, .digest = digest, .should_end = should_end};
    struct digests digests;
    char hex[HEX_SIZE(SHA256_BYTES)];

    if (!store_get(store, key, (struct byte_range){0, BYTE_RANGE_REST}, &sink.base, err))
        return false;
    digest_peek(digest, &digests);
    hex_encode(digests.sha256, SHA256_BYTES, hex);
    *out = strcmp(hex, sha256) == 0;
    return true;
}
