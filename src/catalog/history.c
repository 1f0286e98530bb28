#include "catalog/history.h"

#include "catalog/rows.h"

bool history_add(struct db *tx, const struct history_entry *entry, struct error *err)
{
    return db_execute(tx, SQL_HISTORY_ADD,
                      DB_ARGS(db_uuid(entry->id), db_uuid(entry->workspace_id),
                              db_uuid(entry->upload_id), rows_uuid(entry->user_id),
                              db_text(entry->action), db_text(entry->detail ? entry->detail : "{}"),
                              db_time(entry->created_at_us)),
                      NULL, err);
}

static struct history_entry from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct history_entry){
        .id = db_column_uuid(rows, 0),
        .workspace_id = db_column_uuid(rows, 1),
        .upload_id = db_column_uuid(rows, 2),
        .user_id = db_column_uuid(rows, 3),
        .action = db_column_text(rows, 4, mem),
        .detail = db_column_text(rows, 5, mem),
        .created_at_us = db_column_time(rows, 6),
        .user_name = db_column_text(rows, 7, mem),
    };
}

bool history_list(struct db *db, struct uuid workspace_id, struct uuid upload_id, struct uuid after,
                  size_t limit, struct arena *mem, struct history_entry **out, size_t *count,
                  struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct history_entry *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_HISTORY_LIST,
                  DB_ARGS(db_uuid(workspace_id), db_uuid(upload_id), db_uuid(after), db_int(limit)),
                  &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool ledger_add(struct db *tx, const struct ledger_entry *entry, struct error *err)
{
    return db_execute(tx, SQL_LEDGER_ADD,
                      DB_ARGS(db_uuid(entry->id), db_uuid(entry->workspace_id),
                              db_uuid(entry->upload_id), rows_uuid(entry->user_id),
                              db_text(entry->kind), db_text(entry->storage_name),
                              db_text(entry->storage_path), db_int(entry->bytes),
                              db_int(entry->stored_bytes), db_time(entry->created_at_us)),
                      NULL, err);
}
