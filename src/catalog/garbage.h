/* Objects that nothing refers to any more, until they have been removed from their store. */
#ifndef CATALOG_GARBAGE_H
#define CATALOG_GARBAGE_H

#include "db/db.h"

struct garbage {
    struct uuid id;
    const char *storage_name;
    const char *storage_path;
    uint64_t bytes;
    const char *reason;
    int64_t created_at_us;
};

/* The reason of what was removed already, and stays on the list while a write that was given up may
 * still be carried out. */
#define GARBAGE_SETTLING "removed; a late write may bring it back"

/* Succeeds if the object is on the list already. */
bool garbage_add(struct db *tx, const struct garbage *garbage, struct error *err);
/* The object is gone. */
bool garbage_remove(struct db *tx, const char *storage_name, const char *storage_path,
                    struct error *err);
/* The object is gone, but may come back: its reason becomes GARBAGE_SETTLING. */
bool garbage_settle(struct db *tx, const char *storage_name, const char *storage_path,
                    struct error *err);
/* At most LIMIT whose id is greater than AFTER. */
bool garbage_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                  struct garbage **out, size_t *count, struct error *err);
/* Whether the object is on the list. */
bool garbage_holds(struct db *db, const char *storage_name, const char *storage_path, bool *out,
                   struct error *err);

#endif
