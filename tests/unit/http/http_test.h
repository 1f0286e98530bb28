/* What the unit tests of the HTTP layer share. */
#ifndef TESTS_HTTP_TEST_H
#define TESTS_HTTP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "base/stream.h"

/* A source that gives its bytes in pieces of STEP. */
struct stepping_source {
    struct source base;
    const char *bytes;
    size_t left;
    size_t step;
};

static inline bool stepping_read(struct source *source, void *buf, size_t size, size_t *out,
                                 struct error *err)
{
    struct stepping_source *self = (struct stepping_source *)source;
    size_t length = self->left < self->step ? self->left : self->step;

    (void)err;
    if (length > size)
        length = size;
    memcpy(buf, self->bytes, length);
    self->bytes += length;
    self->left -= length;
    *out = length;
    return true;
}

static inline struct stepping_source stepping_source(const char *bytes, size_t length, size_t step)
{
    return (struct stepping_source){{stepping_read}, bytes, length, step};
}

#endif
