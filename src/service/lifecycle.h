/* When a provider moves uploads to cheaper classes by itself. */
#ifndef SERVICE_LIFECYCLE_H
#define SERVICE_LIFECYCLE_H

#include "store/store.h"

/* Uploads, and nothing else (not what processing made of them), that are 30 days old become
 * STANDARD_IA, at 90 GLACIER, at 365 DEEP_ARCHIVE. */
struct store_lifecycle lifecycle_default(void);
/* Reads "30:STANDARD_IA,90:GLACIER" into OUT's transitions, in MEM. Fails with ERR_INVALID unless
 * each is later than the one before. */
bool lifecycle_parse(const char *text, struct arena *mem, struct store_lifecycle *out,
                     struct error *err);
bool lifecycle_equals(const struct store_lifecycle *one, const struct store_lifecycle *other);
/* Puts WANTED in place of the store's lifecycle and reads it back. Fails with ERR_UNAVAILABLE if
 * the provider then says something else, and as store_lifecycle_write. */
bool lifecycle_apply(struct store *store, const struct store_lifecycle *wanted, struct error *err);

#endif
