#include "catalog/secret.h"

bool secret_read(struct db *db, const char *name, void *out, size_t length, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_SECRET_READ, DB_ARGS(db_text(name)), &rows, err) ||
        !db_one(rows, "secret", err))
        return false;
    if (db_column_bytes(rows, 0, out, length) != length)
        return error_set(err, ERR_INTERNAL, "secret \"%s\" has not %zu bytes", name, length);
    return true;
}

bool secret_keep(struct db *tx, const char *name, const void *bytes, size_t length,
                 struct error *err)
{
    return db_execute(tx, SQL_SECRET_KEEP, DB_ARGS(db_text(name), db_bytes(bytes, length)), NULL,
                      err);
}

bool secret_remove(struct db *tx, const char *name, struct error *err)
{
    return db_execute(tx, SQL_SECRET_REMOVE, DB_ARGS(db_text(name)), NULL, err);
}
