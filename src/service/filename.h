/* Names of files: what users may give, and what becomes of it in keys. Pure functions. */
#ifndef SERVICE_FILENAME_H
#define SERVICE_FILENAME_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"

#define FILENAME_MAX_BYTES 500
#define SLUG_MAX_BYTES 64
#define EXTENSION_MAX_BYTES 8

/*
 * The name to keep for what a client sent: its last segment, should it hold '/' or '\', byte for
 * byte. Fails with ERR_FILENAME if that is empty, "." or "..", longer than FILENAME_MAX_BYTES, not
 * UTF-8, or holds a control character.
 */
bool filename_check(struct str given, struct arena *mem, const char **out, struct error *err);

/* ASCII letters, digits, '-' and '_', at most SLUG_MAX_BYTES; never empty. */
void filename_slug(const char *name, char out[static SLUG_MAX_BYTES + 1]);
/* What stands behind the last dot, in lower case, if it is 1 to EXTENSION_MAX_BYTES letters and
 * digits; else "bin". */
void filename_extension(const char *name, char out[static EXTENSION_MAX_BYTES + 1]);

/* Whether EXTENSION (lower case) is one that files of TYPE, the content's short name, are given. */
bool filename_suits_type(const char *extension, const char *type);

/* uploads/{user_id}/{YYYY}/{MM}/{DD}/{id}-{slug}.{ext} */
char *filename_object_key(struct uuid user_id, struct uuid id, int64_t time_us, const char *name,
                          struct arena *mem);

#endif
