#include "catalog/rows.h"

bool rows_listed(const struct db_rows *rows, void *list, size_t n, void **out, size_t *count,
                 struct error *err)
{
    if (!db_rows_ok(rows, err))
        return false;
    *out = list;
    *count = n;
    return true;
}

bool rows_touched(uint64_t changed, const char *what, struct error *err)
{
    if (changed > 0)
        return true;
    return error_tell(err, ERR_NOT_FOUND, "there is no such %s", what);
}

bool rows_count(struct db *db, enum sql_id id, const struct db_value *args, size_t arg_count,
                uint64_t *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, id, args, arg_count, &rows, err) || !db_one(rows, "count", err))
        return false;
    *out = (uint64_t)db_column_int(rows, 0);
    return true;
}

struct db_value rows_uuid(struct uuid id)
{
    return db_uuid_or_null(!uuid_is_nil(id), id);
}
