/* Bytes on their way: a source is read from, a sink is written to. */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct source {
    /* Fills up to SIZE bytes of BUF; *OUT is 0 at the end, and only there. */
    bool (*read)(struct source *self, void *buf, size_t size, size_t *out, struct error *err);
};

struct sink {
    /* Takes all SIZE bytes, or fails. */
    bool (*write)(struct sink *self, const void *buf, size_t size, struct error *err);
};

/* A source over bytes that stay the caller's. */
struct memory_source {
    struct source base;
    const char *bytes;
    size_t left;
};
void memory_source_init(struct memory_source *self, const void *bytes, size_t length);

/* A source over LENGTH bytes of a descriptor from OFFSET on, read with pread; the descriptor stays
 * the caller's. Ends early where the file does. */
struct file_source {
    struct source base;
    int fd;
    uint64_t offset;
    uint64_t left; /* bytes */
};
void file_source_init(struct file_source *self, int fd, uint64_t offset, uint64_t length);

#endif
