#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/scoped.h"

static void system_fill(const struct random_source *self, void *out, size_t length)
{
    unsigned char *p = out;

    (void)self;
    while (length > 0) {
        ssize_t n = getrandom(p, length, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        p += n;
        length -= (size_t)n;
    }
}

const struct random_source random_system = {.fill = system_fill};

static void pool_fill(const struct random_source *source, void *out, size_t length)
{
    struct random_pool *pool =
        container_of((struct random_source *)source, struct random_pool, base);

    if (length > RANDOM_POOL_BYTES) {
        pool->origin->fill(pool->origin, out, length);
        return;
    }
    if (length > RANDOM_POOL_BYTES - pool->used) {
        pool->origin->fill(pool->origin, pool->bytes, RANDOM_POOL_BYTES);
        pool->used = 0;
    }
    memcpy(out, pool->bytes + pool->used, length);
    pool->used += length;
}

void random_pool_init(struct random_pool *pool, const struct random_source *origin)
{
    pool->base.fill = pool_fill;
    pool->origin = origin;
    pool->used = RANDOM_POOL_BYTES;
}
