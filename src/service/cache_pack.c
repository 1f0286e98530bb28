#include "service/cache_pack.h"

#include <zstd.h>

#define LEVEL 3

bool cache_pack(struct str data, struct arena *mem, struct str *out)
{
    size_t room = ZSTD_compressBound(data.len);
    scoped(memory_free) char *packed = malloc(room);
    size_t length;

    if (!packed)
        abort();
    length = ZSTD_compress(packed, room, data.ptr, data.len, LEVEL);
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
