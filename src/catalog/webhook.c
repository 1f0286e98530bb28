#include "catalog/webhook.h"

#include "catalog/rows.h"

static struct db_value secret_value(const struct webhook_secret *secret)
{
    return secret->length > 0 ? db_bytes(secret->bytes, secret->length) : db_null();
}

static struct webhook_secret secret_from_row(const struct db_rows *rows, int column)
{
    struct webhook_secret secret = {.length = 0};
    size_t length = db_column_bytes(rows, column, secret.bytes, sizeof secret.bytes);

    secret.length = length < sizeof secret.bytes ? length : sizeof secret.bytes;
    return secret;
}

static struct webhook from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct webhook){
        .id = db_column_uuid(rows, 0),
        .workspace_id = db_column_uuid(rows, 1),
        .url = db_column_text(rows, 2, mem),
        .description = db_column_text(rows, 3, mem),
        .event_types = db_column_text(rows, 4, mem),
        .secret = secret_from_row(rows, 5),
        .previous_secret = secret_from_row(rows, 6),
        .previous_secret_expires_at_us = db_column_time(rows, 7),
        .enabled = db_column_bool(rows, 8),
        .from_sequence = db_column_int(rows, 9),
        .created_at_us = db_column_time(rows, 10),
        .updated_at_us = db_column_time(rows, 11),
    };
}

bool webhook_insert(struct db *tx, const struct webhook *webhook, struct error *err)
{
    return db_execute(tx, SQL_WEBHOOK_INSERT,
                      DB_ARGS(db_uuid(webhook->id), db_uuid(webhook->workspace_id),
                              db_text(webhook->url), db_text(webhook->description),
                              db_text(webhook->event_types), secret_value(&webhook->secret),
                              db_bool(webhook->enabled), db_int(webhook->from_sequence),
                              db_time(webhook->created_at_us)),
                      NULL, err);
}

bool webhook_count(struct db *db, struct uuid workspace_id, uint64_t *out, struct error *err)
{
    return rows_count(db, SQL_WEBHOOK_COUNT, DB_ARGS(db_uuid(workspace_id)), out, err);
}

bool webhook_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                   struct webhook *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_WEBHOOK_BY_ID, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), &rows, err) ||
        !db_one(rows, "webhook", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

static bool list_rows(struct db_rows *rows, size_t limit, struct arena *mem, struct webhook **out,
                      size_t *count, struct error *err)
{
    struct webhook *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool webhook_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
                  struct arena *mem, struct webhook **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_WEBHOOK_LIST,
                    DB_ARGS(db_uuid(workspace_id), db_uuid(after), db_int(limit)), &rows, err) &&
           list_rows(rows, limit, mem, out, count, err);
}

bool webhook_list_enabled(struct db *db, size_t limit, struct arena *mem, struct webhook **out,
                          size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_WEBHOOK_TOLD, DB_ARGS(db_bool(true)), &rows, err) &&
           list_rows(rows, limit, mem, out, count, err);
}

bool webhook_change(struct db *tx, const struct webhook *webhook, struct error *err)
{
    uint64_t changed = 0;

    return db_execute(tx, SQL_WEBHOOK_CHANGE,
                      DB_ARGS(db_uuid(webhook->workspace_id), db_uuid(webhook->id),
                              db_text(webhook->url), db_text(webhook->description),
                              db_text(webhook->event_types), secret_value(&webhook->secret),
                              secret_value(&webhook->previous_secret),
                              db_time_or_null(webhook->previous_secret_expires_at_us),
                              db_bool(webhook->enabled), db_int(webhook->from_sequence),
                              db_time(webhook->updated_at_us)),
                      &changed, err) &&
           rows_touched(changed, "webhook", err);
}

bool webhook_remove(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                    struct error *err)
{
    uint64_t changed = 0;

    return db_execute(tx, SQL_WEBHOOK_REMOVE,
                      DB_ARGS(db_uuid(workspace_id), db_uuid(id), db_time(now_us), db_bytes("", 0)),
                      &changed, err) &&
           rows_touched(changed, "webhook", err);
}

bool webhook_remove_all(struct db *tx, struct uuid workspace_id, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_WEBHOOK_REMOVE_ALL,
                      DB_ARGS(db_uuid(workspace_id), db_time(now_us), db_bytes("", 0)), NULL, err);
}

bool webhook_forget(struct db *tx, size_t limit, uint64_t *count, struct error *err)
{
    return db_execute(tx, SQL_DELIVERY_FORGET_REMOVED, DB_ARGS(db_int(limit)), count, err) &&
           db_execute(tx, SQL_WEBHOOK_FORGET, DB_NO_ARGS, NULL, err);
}
