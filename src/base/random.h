/* Randomness, passed in so that tests can repeat it. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

struct random_source {
    void (*fill)(const struct random_source *self, void *out, size_t length);
};

/* The kernel's generator (getrandom); aborts if there is none. */
extern const struct random_source random_system;

#endif
