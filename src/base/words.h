/* A command as people write it, cut into words. Pure. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/arena.h"
#include "base/error.h"

/*
 * Cuts TEXT at blanks and tabs, as a shell does: what stands in 'single' or "double" quotes is kept
 * together, a backslash outside single quotes takes what follows it as it is. Nothing else means
 * anything. *OUT, in MEM, is NULL-terminated.
 *
 * Fails with ERR_INVALID if a quote is not closed, or nothing follows a backslash.
 */
bool words_read(const char *text, struct arena *mem, char ***out, size_t *count, struct error *err);

#endif
