/* What every noun of the catalog does with rows. Private to catalog/. */
#ifndef CATALOG_ROWS_H
#define CATALOG_ROWS_H

#include "db/db.h"

/* Ends a list: hands N items of LIST on, unless the statement failed on the way. */
bool rows_listed(const struct db_rows *rows, void *list, size_t n, void **out, size_t *count,
                 struct error *err);
/* ERR_NOT_FOUND, naming WHAT, if a statement touched no row. */
bool rows_touched(uint64_t changed, const char *what, struct error *err);
/* The first column of the only row of a statement that counts. */
bool rows_count(struct db *db, enum sql_id id, const struct db_value *args, size_t arg_count,
                uint64_t *out, struct error *err);
/* nil becomes SQL NULL. */
struct db_value rows_uuid(struct uuid id);

#endif
