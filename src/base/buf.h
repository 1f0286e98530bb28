/* A growing run of bytes with a limit that it was made with. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/scoped.h"

struct buf {
    char *bytes; /* always NUL-terminated behind LENGTH, once anything was added */
    size_t length;
    size_t room;
    size_t limit;  /* LENGTH never exceeds it */
    bool overflow; /* something did not fit; what was there before still stands */
};

/* An empty buffer that holds at most LIMIT bytes. */
void buf_init(struct buf *buf, size_t limit);
void buf_done(struct buf *buf);
static inline void buf_release(struct buf *buf)
{
    buf_done(buf);
}

/* All return false, and set overflow, if the result would exceed the limit; then nothing is added.
 * Callers that add many things may check `overflow` once, at the end. */
bool buf_add(struct buf *buf, const void *bytes, size_t length);
bool buf_add_text(struct buf *buf, const char *text);
__attribute__((format(printf, 2, 3))) bool buf_printf(struct buf *buf, const char *fmt, ...);
/* Takes the first LENGTH bytes away. */
void buf_consume(struct buf *buf, size_t length);
/* Empties it and keeps its memory. */
void buf_clear(struct buf *buf);
/* The bytes as malloc'd text, which the caller frees; the buffer is empty afterwards. */
char *buf_take(struct buf *buf);

#endif
