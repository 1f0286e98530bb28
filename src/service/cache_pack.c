#include "service/cache_pack.h"

#include <zstd.h>

#define LEVEL 3

static void packer_release(ZSTD_CCtx **variable)
{
    ZSTD_freeCCtx(*variable);
}

/* With a checksum of the content, so that damage cannot pass for another result. */
static size_t pack(struct str data, char *out, size_t room)
{
    scoped(packer_release) ZSTD_CCtx *packer = ZSTD_createCCtx();

    if (!packer)
        abort();
    ZSTD_CCtx_setParameter(packer, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(packer, ZSTD_c_checksumFlag, 1);
    return ZSTD_compress2(packer, out, room, data.ptr, data.len);
}

bool cache_pack(struct str data, struct arena *mem, struct str *out)
{
    size_t room = ZSTD_compressBound(data.len);
    scoped(memory_free) char *packed = malloc(room);
    size_t length;

    if (!packed)
        abort();
    length = pack(data, packed, room);
    if (ZSTD_isError(length) || length >= data.len)
        return false;
    *out = (struct str){arena_strndup(mem, packed, length), length};
    return true;
}

bool cache_unpack(struct str packed, uint64_t length, struct arena *mem, struct str *out)
{
    char *data;

    if (length > CACHE_DATA_MAX)
        return false;
    data = arena_alloc(mem, length + 1);
    if (ZSTD_decompress(data, length, packed.ptr, packed.len) != length)
        return false;
    *out = (struct str){data, length};
    return true;
}
