/*
 * Memory that dies together: one arena per HTTP request and per job.
 *
 * Small allocations abort the process when memory is exhausted; sizes that come from outside are
 * checked against a limit before they get here. An arena is used by one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>

#include "base/scoped.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *mem);
DEFINE_RELEASE(arena, struct arena)

/* Forgets everything that was allocated and keeps one block for what comes. */
void arena_reset(struct arena *mem);

/* SIZE bytes of zeros, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *mem, size_t size);
/* COUNT * SIZE bytes of zeros; aborts on overflow. */
void *arena_array(struct arena *mem, size_t count, size_t size);
/* A copy of TEXT; NULL gives NULL. */
char *arena_strdup(struct arena *mem, const char *text);
/* A NUL-terminated copy of LENGTH bytes. */
char *arena_strndup(struct arena *mem, const char *bytes, size_t length);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *mem, const char *fmt, ...);
char *arena_vprintf(struct arena *mem, const char *fmt, va_list args);

#endif
