#include "catalog/usage.h"

#include "catalog/rows.h"

static struct quota_limit limit_from_row(const struct db_rows *rows, int column)
{
    if (db_column_is_null(rows, column))
        return quota_unlimited();
    return quota_limit_of((uint64_t)db_column_int(rows, column));
}

static struct usage from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct usage){
        .workspace_id = db_column_uuid(rows, 0),
        .workspace_name = db_column_text(rows, 1, mem),
        .file_count = (uint64_t)db_column_int(rows, 2),
        .total_bytes = (uint64_t)db_column_int(rows, 3),
        .avg_file_size = (double)db_column_milli(rows, 4) / 1000,
        .oldest_file_us = db_column_time(rows, 5),
        .newest_file_us = db_column_time(rows, 6),
        .max_storage_bytes = limit_from_row(rows, 7),
        .remaining_bytes = limit_from_row(rows, 8),
    };
}

bool usage_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
                struct arena *mem, struct usage **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct usage *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;
    bool ok;

    if (uuid_is_nil(workspace_id))
        ok = db_query(db, SQL_USAGE_LIST, DB_ARGS(db_uuid(after), db_int(limit)), &rows, err);
    else
        ok = db_query(db, SQL_USAGE_OF_WORKSPACE, DB_ARGS(db_uuid(workspace_id)), &rows, err);
    if (!ok)
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}
