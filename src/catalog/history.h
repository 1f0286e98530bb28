/* What happened to uploads (audio_history, for people) and to bytes (storage_events, the ledger).
 */
#ifndef CATALOG_HISTORY_H
#define CATALOG_HISTORY_H

#include "db/db.h"

struct history_entry {
    struct uuid id;
    struct uuid workspace_id;
    struct uuid upload_id;
    struct uuid user_id; /* nil: the operator, or the server by itself */
    const char *action;  /* uploaded, renamed, metadata_changed, deleted, undeleted, purged */
    const char *detail;  /* a JSON object */
    int64_t created_at_us;
    const char *user_name; /* when read: of a removed user too; NULL if USER_ID is nil */
};

bool history_add(struct db *tx, const struct history_entry *entry, struct error *err);
/* At most LIMIT entries of an upload whose id is greater than AFTER, oldest first. Those of an
 * upload that was purged are still there. */
bool history_list(struct db *db, struct uuid workspace_id, struct uuid upload_id, struct uuid after,
                  size_t limit, struct arena *mem, struct history_entry **out, size_t *count,
                  struct error *err);

struct ledger_entry {
    struct uuid id;
    struct uuid workspace_id;
    struct uuid upload_id;
    struct uuid user_id;
    const char *kind; /* added, shared, removed, unshared */
    const char *storage_name;
    const char *storage_path;
    int64_t bytes;        /* change of what the workspace is charged */
    int64_t stored_bytes; /* change of what the store holds */
    int64_t created_at_us;
};

bool ledger_add(struct db *tx, const struct ledger_entry *entry, struct error *err);

#endif
