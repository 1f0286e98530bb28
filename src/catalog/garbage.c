#include "catalog/garbage.h"

#include "catalog/rows.h"

bool garbage_add(struct db *tx, const struct garbage *garbage, struct error *err)
{
    return db_execute(tx, SQL_GARBAGE_ADD,
                      DB_ARGS(db_uuid(garbage->id), db_text(garbage->storage_name),
                              db_text(garbage->storage_path), db_int(garbage->bytes),
                              db_text(garbage->reason), db_time(garbage->created_at_us)),
                      NULL, err);
}

bool garbage_remove(struct db *tx, const char *storage_name, const char *storage_path,
                    struct error *err)
{
    return db_execute(tx, SQL_GARBAGE_REMOVE, DB_ARGS(db_text(storage_name), db_text(storage_path)),
                      NULL, err);
}

bool garbage_settle(struct db *tx, const char *storage_name, const char *storage_path,
                    struct error *err)
{
    return db_execute(
        tx, SQL_GARBAGE_SETTLE,
        DB_ARGS(db_text(storage_name), db_text(storage_path), db_text(GARBAGE_SETTLING)), NULL,
        err);
}

static struct garbage from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct garbage){
        .id = db_column_uuid(rows, 0),
        .storage_name = db_column_text(rows, 1, mem),
        .storage_path = db_column_text(rows, 2, mem),
        .bytes = (uint64_t)db_column_int(rows, 3),
        .reason = db_column_text(rows, 4, mem),
        .created_at_us = db_column_time(rows, 5),
    };
}

bool garbage_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                  struct garbage **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct garbage *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_GARBAGE_LIST, DB_ARGS(db_uuid(after), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool garbage_holds(struct db *db, const char *storage_name, const char *storage_path, bool *out,
                   struct error *err)
{
    uint64_t count;

    if (!rows_count(db, SQL_GARBAGE_HOLDS, DB_ARGS(db_text(storage_name), db_text(storage_path)),
                    &count, err))
        return false;
    *out = count > 0;
    return true;
}
