#include "catalog/idempotency.h"

#include <string.h>

#include "catalog/rows.h"

bool idempotency_add(struct db *tx, const struct idempotency *entry, struct error *err)
{
    uint64_t added; /* asked for: whether the key is taken must be known here */

    if (db_execute(tx, SQL_IDEMPOTENCY_ADD,
                   DB_ARGS(db_uuid(entry->workspace_id), db_uuid(entry->user_id),
                           db_text(entry->key), db_text(entry->fingerprint),
                           db_uuid(entry->resource_id), db_time(entry->created_at_us)),
                   &added, err))
        return true;
    if (err->kind == ERR_EXISTS)
        error_set(err, ERR_IDEMPOTENCY_BUSY, "idempotency key was used meanwhile");
    return false;
}

bool idempotency_find(struct db *db, struct uuid workspace_id, struct uuid user_id, const char *key,
                      const char *fingerprint, bool *found, struct uuid *resource_id,
                      struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    scoped(arena_release) struct arena *mem = arena_new();

    if (!db_query(db, SQL_IDEMPOTENCY_FIND,
                  DB_ARGS(db_uuid(workspace_id), db_uuid(user_id), db_text(key)), &rows, err))
        return false;
    *found = db_next(rows);
    if (!*found)
        return db_rows_ok(rows, err);
    if (strcmp(db_column_text(rows, 0, mem), fingerprint) != 0)
        return error_set(err, ERR_IDEMPOTENCY_REUSED, "idempotency key of another request");
    *resource_id = db_column_uuid(rows, 1);
    return true;
}

/* A session is known by its key until it is swept, whatever became of it. */
static bool check_sessions(struct db *tx, const struct idempotency *entry, struct error *err)
{
    uint64_t count;

    if (!rows_count(
            tx, SQL_SESSION_COUNT_BY_IDEMPOTENCY_KEY,
            DB_ARGS(db_uuid(entry->workspace_id), db_uuid(entry->user_id), db_text(entry->key)),
            &count, err))
        return false;
    return count == 0 || error_set(err, ERR_IDEMPOTENCY_REUSED, "idempotency key of a session");
}

bool idempotency_claim(struct db *tx, const struct idempotency *entry, bool *found,
                       struct uuid *resource_id, struct error *err)
{
    *found = false;
    if (!entry->key)
        return true;
    if (!idempotency_find(tx, entry->workspace_id, entry->user_id, entry->key, entry->fingerprint,
                          found, resource_id, err))
        return false;
    return *found || (check_sessions(tx, entry, err) && idempotency_add(tx, entry, err));
}

bool idempotency_forget(struct db *tx, int64_t before_us, uint64_t *count, struct error *err)
{
    return db_execute(tx, SQL_IDEMPOTENCY_FORGET, DB_ARGS(db_time(before_us)), count, err);
}
