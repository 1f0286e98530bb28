/* Which request, by the key its client gave, has made what. */
#ifndef CATALOG_IDEMPOTENCY_H
#define CATALOG_IDEMPOTENCY_H

#include "db/db.h"

struct idempotency {
    struct uuid workspace_id;
    struct uuid user_id; /* nil for the operator */
    const char *key;
    const char *fingerprint; /* of the request, SHA-256 in hex */
    struct uuid resource_id;
    int64_t created_at_us;
};

/* ERR_IDEMPOTENCY_BUSY if another request with the key was quicker. */
bool idempotency_add(struct db *tx, const struct idempotency *entry, struct error *err);
/* *FOUND and *RESOURCE_ID if the key has made something for the same request. Fails with
 * ERR_IDEMPOTENCY_REUSED if it was another request. */
bool idempotency_find(struct db *db, struct uuid workspace_id, struct uuid user_id, const char *key,
                      const char *fingerprint, bool *found, struct uuid *resource_id,
                      struct error *err);
/*
 * For works that make a thing out of one request: *FOUND and *RESOURCE_ID if the key has made it
 * before. Else ENTRY is added, and its resource must be made in the same transaction. Without a key
 * (NULL) nothing is found and nothing added.
 *
 * Fails with ERR_IDEMPOTENCY_REUSED if another request has the key, a session's too,
 * ERR_IDEMPOTENCY_BUSY as idempotency_add.
 */
bool idempotency_claim(struct db *tx, const struct idempotency *entry, bool *found,
                       struct uuid *resource_id, struct error *err);
/* Forgets those from before BEFORE_US. */
bool idempotency_forget(struct db *tx, int64_t before_us, uint64_t *count, struct error *err);

#endif
