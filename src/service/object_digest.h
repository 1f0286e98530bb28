/* Whether bytes in a store are still those that they were. */
#ifndef SERVICE_OBJECT_DIGEST_H
#define SERVICE_OBJECT_DIGEST_H

#include <stdatomic.h>

#include "store/store.h"

/* Reads all of the object KEY; *OUT is whether it has that SHA-256 (hex). Fails as store_get, and
 * with ERR_CONFLICT once SHOULD_END is true, which is looked at before each block; NULL: never. */
bool object_digest_is(struct store *store, const char *key, const char *sha256,
                      const atomic_bool *should_end, bool *out, struct error *err);

#endif
