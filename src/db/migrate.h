/* Brings a database's schema up to the migrations of its set. */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/driver.h"

/*
 * Applies what is missing, each migration in a transaction of its own. Several may do so at once:
 * each looks again inside its transaction. Writes nothing if nothing is missing.
 *
 * Fails with ERR_INVALID as migrate_check does, or with what the database fails with.
 */
bool migrate(struct database *database, struct error *err);

/* Fails with ERR_INVALID if a migration is missing, differs from ours, or is one we do not know. */
bool migrate_check(struct database *database, struct error *err);

#endif
