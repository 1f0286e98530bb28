/* Randomness, passed in so that tests can repeat it. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

struct random_source {
    void (*fill)(const struct random_source *self, void *out, size_t length);
};

/* The kernel's generator (getrandom); aborts if there is none. */
extern const struct random_source random_system;

#define RANDOM_POOL_BYTES 512

/* Randomness fetched from ORIGIN in larger pieces, for whoever needs a little and often: ids take
 * 16 bytes each. For one thread at a time; use it as &pool.base. */
struct random_pool {
    struct random_source base;
    const struct random_source *origin; /* outlives the pool */
    size_t used;
    unsigned char bytes[RANDOM_POOL_BYTES];
};

void random_pool_init(struct random_pool *pool, const struct random_source *origin);

#endif
