/* Whether bytes in a store are still those that they were. */
#ifndef SERVICE_OBJECT_DIGEST_H
#define SERVICE_OBJECT_DIGEST_H

#include "store/store.h"

/* Reads all of the object KEY; *OUT is whether it has that SHA-256 (hex). Fails as store_get. */
bool object_digest_is(struct store *store, const char *key, const char *sha256, bool *out,
                      struct error *err);

#endif
