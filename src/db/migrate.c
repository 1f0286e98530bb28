#include "db/migrate.h"

#include <inttypes.h>

#include "base/clock.h"

/* One row of schema_migrations against the migration of that number in the set. */
static bool same_migration(const struct sql_set *sql, enum sql_engine engine, int64_t expected,
                           const struct db_rows *rows, struct error *err)
{
    int64_t number = db_column_int(rows, 0);
    scoped(arena_release) struct arena *mem = arena_new();

    if (number != expected)
        return error_set(err, ERR_INVALID, "migration %" PRId64 " is missing below %" PRId64,
                         expected, number);
    if ((uint64_t)number > sql->migration_count)
        return error_set(err, ERR_INVALID,
                         "the schema has migration %" PRId64 " \"%s\", newer than this program's "
                         "last, %zu",
                         number, db_column_text(rows, 1, mem), sql->migration_count);

    const struct sql_migration *ours = &sql->migrations[number - 1];
    if (strcmp(db_column_text(rows, 2, mem), ours->sha256[engine]) != 0)
        return error_set(err, ERR_INVALID,
                         "migration %" PRId64 " \"%s\" was applied with another text", number,
                         ours->name);
    return true;
}

/* *OUT is how many migrations of the set are applied; the rest are missing. */
static bool count_applied(struct db *db, size_t *out, struct error *err)
{
    const struct sql_set *sql = db->database->sql;
    enum sql_engine engine = db->database->driver->engine;
    scoped(db_rows_release) struct db_rows *rows = NULL;
    int64_t applied = 0;

    if (!db_query(db, SQL_SCHEMA_MIGRATIONS_LIST, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(rows)) {
        if (!same_migration(sql, engine, applied + 1, rows, err))
            return false;
        applied++;
    }
    if (!db_rows_ok(rows, err))
        return false;
    *out = (size_t)applied;
    return true;
}

static bool was_ever_migrated(struct db *db, bool *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_SCHEMA_MIGRATIONS_EXISTS, DB_NO_ARGS, &rows, err))
        return false;
    if (!db_one(rows, "table of migrations", err))
        return false;
    *out = db_column_int(rows, 0) > 0;
    return true;
}

/* *MISSING: whether anything is to be done. */
static bool look(struct database *database, bool *missing, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    bool migrated = false;
    size_t applied = 0;

    if (!database_read(database, &db, err) || !was_ever_migrated(db, &migrated, err))
        return false;
    if (migrated && !count_applied(db, &applied, err))
        return false;
    *missing = !migrated || applied < database->sql->migration_count;
    return true;
}

static bool make_tables(struct db *tx, void *context, struct error *err)
{
    (void)context;
    return db_execute(tx, SQL_SCHEMA_MIGRATIONS_CREATE, DB_NO_ARGS, NULL, err) &&
           db_execute(tx, SQL_DATABASE_PROBE_CREATE, DB_NO_ARGS, NULL, err);
}

/* Context: a bool, set to whether there may be more to do. */
static bool apply_next(struct db *tx, void *context, struct error *err)
{
    const struct sql_set *sql = tx->database->sql;
    const struct database_driver *driver = tx->database->driver;
    bool *more = context;
    size_t applied;

    if (!count_applied(tx, &applied, err))
        return false;
    *more = applied < sql->migration_count;
    if (!*more)
        return true;

    const struct sql_migration *next = &sql->migrations[applied];
    if (!driver->script(tx, next->text[driver->engine], err))
        return error_context(err, "migration %" PRId64 " \"%s\"", next->number, next->name);
    return db_execute(tx, SQL_SCHEMA_MIGRATIONS_ADD,
                      DB_ARGS(db_int(next->number), db_text(next->name),
                              db_text(next->sha256[driver->engine]),
                              db_time(clock_now_us(&clock_system))),
                      NULL, err);
}

bool migrate(struct database *database, struct error *err)
{
    bool missing;

    if (!look(database, &missing, err))
        return false;
    if (!missing)
        return true;
    if (!database_write(database, make_tables, NULL, err))
        return false;
    for (bool more = true; more;)
        if (!database_write(database, apply_next, &more, err))
            return false;
    return true;
}

bool migrate_check(struct database *database, struct error *err)
{
    bool missing;

    if (!look(database, &missing, err))
        return false;
    if (missing)
        return error_set(err, ERR_INVALID, "the schema is older than this program's: %s",
                         "start the server once, it migrates");
    return true;
}
