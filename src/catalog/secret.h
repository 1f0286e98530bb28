/* The server's own secrets. */
#ifndef CATALOG_SECRET_H
#define CATALOG_SECRET_H

#include "db/db.h"

/* The secret NAME of LENGTH bytes; ERR_NOT_FOUND if there is none, ERR_INTERNAL if it has another
 * length. */
bool secret_read(struct db *db, const char *name, void *out, size_t length, struct error *err);
/* Keeps it, unless there is one of that name already. */
bool secret_keep(struct db *tx, const char *name, const void *bytes, size_t length,
                 struct error *err);
/* Succeeds if there is none. */
bool secret_remove(struct db *tx, const char *name, struct error *err);

#endif
