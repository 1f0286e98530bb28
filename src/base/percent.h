/* Percent-encoding (RFC 3986). Pure. */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/*
 * Undoes percent-encoding; '+' stands for itself, or for a blank if PLUS_IS_SPACE. *OUT is
 * NUL-terminated. Fails with ERR_INVALID on bad escapes and NUL.
 */
bool percent_decode(struct str text, bool plus_is_space, struct arena *mem, char **out,
                    struct error *err);
/* Encodes all but letters, digits and "-._~"; '/' too unless KEEP_SLASH. */
char *percent_encode(const char *text, bool keep_slash, struct arena *mem);

#endif
