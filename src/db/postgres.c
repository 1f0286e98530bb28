/* The PostgreSQL driver: a server, a pool of connections for reading, one for writing. */
#include <stdio.h>
#include <string.h>

#include "db/postgres.h"

#define STATEMENT_MS 30000

struct postgres_database {
    struct database base;
    struct postgres_server server;
    struct postgres_pool pool;
    struct postgres_writer writer;
    struct postgres_listener *listener; /* NULL: nobody wants to hear, or a pooler is before it */
    char version[64];
};

static struct postgres_database *postgres_of(const struct database *database)
{
    return container_of((struct database *)database, struct postgres_database, base);
}

/* ---- opening ---- */

static void postgres_close(struct database *database)
{
    struct postgres_database *self = postgres_of(database);

    postgres_listener_free(self->listener);
    postgres_writer_done(&self->writer);
    postgres_pool_done(&self->pool);
    free(self->server.names);
    free(self->server.url);
    free(self);
}

static struct postgres_database *postgres_new(const struct database_options *options,
                                              const struct sql_set *sql)
{
    struct postgres_database *self = calloc(1, sizeof *self);
    char *url = strdup(options->url);

    if (!self || !url)
        abort();
    self->base = (struct database){.driver = &database_postgres, .sql = sql};
    self->server = (struct postgres_server){
        .url = url,
        .busy_ms = (int)options->busy_ms,
        .statement_ms = options->statement_ms > 0 ? (int)options->statement_ms : STATEMENT_MS,
        .sql = sql,
        .names = postgres_names(sql)};
    postgres_pool_init(&self->pool, &self->server, options->readers);
    postgres_writer_init(&self->writer, &self->server, &self->base);
    return self;
}

/* libpq's own words repeat parts of the URL, which may hold a password. */
static bool check_url(const char *url, struct error *err)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);

    PQconninfoFree(options);
    return options || error_set(err, ERR_INVALID, "postgresql: the URL is not one libpq can read");
}

/* Connects once, to know the server's version and to fail where it is not there. */
static bool look_at_server(struct postgres_database *self, struct error *err)
{
    struct postgres_db *db;

    if (!postgres_pool_borrow(&self->pool, &db, err))
        return false;
    const char *version = PQparameterStatus(db->handle, "server_version");
    snprintf(self->version, sizeof self->version, "postgresql %s", version ? version : "?");
    bool ok = postgres_look_for_pooler(db, err);
    postgres_pool_return(&self->pool, db);
    return ok;
}

/* A database in which nothing was ever made is as good as none. */
static bool check_exists(struct database *database, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!database_read(database, &db, err) ||
        !db_query(db, SQL_SCHEMA_MIGRATIONS_EXISTS, DB_NO_ARGS, &rows, err) ||
        !db_one(rows, "table of migrations", err))
        return false;
    return db_column_int(rows, 0) > 0 ||
           error_set(err, ERR_NOT_FOUND, "postgresql: the database is empty");
}

static bool postgres_open(const struct database_options *options, const char *address,
                          const struct sql_set *sql, enum database_access access,
                          struct database **out, struct error *err)
{
    (void)address; /* libpq reads the whole URL */
    if (!check_url(options->url, err))
        return false;
    struct postgres_database *self = postgres_new(options, sql);
    scoped(database_release) struct database *database = &self->base;
    if (!look_at_server(self, err) ||
        (access == DATABASE_EXISTING && !check_exists(database, err)) ||
        (options->noticed && !atomic_load(&self->server.unnamed) &&
         !postgres_listener_start(&self->server, options->noticed, options->noticed_context,
                                  &self->listener, err)))
        return false;
    *out = take(database);
    return true;
}

static const char *postgres_version(const struct database *database)
{
    return postgres_of(database)->version;
}

/* ---- connections ---- */

static void postgres_give_back(struct db *db)
{
    struct postgres_db *connection = container_of(db, struct postgres_db, base);

    if (connection->in_transaction && connection->handle)
        postgres_snapshot_leave(connection);
    connection->in_transaction = false;
    postgres_pool_return(&postgres_of(db->database)->pool, connection);
}

static bool postgres_borrow(struct database *database, bool snapshot, struct db **out,
                            struct error *err)
{
    struct postgres_pool *pool = &postgres_of(database)->pool;
    struct postgres_db *connection;

    if (!postgres_pool_borrow(pool, &connection, err))
        return false;
    if (snapshot && !postgres_snapshot_begin(connection, err)) {
        postgres_pool_return(pool, connection);
        return false;
    }
    connection->in_transaction = snapshot;
    *out = &connection->base;
    return true;
}

static bool postgres_write(struct database *database, db_work *work, void *context,
                           struct error *err)
{
    return postgres_writer_run(&postgres_of(database)->writer, work, context, err);
}

const struct database_driver database_postgres = {
    .scheme = "postgresql",
    .engine = SQL_ENGINE_POSTGRES,
    .is_shared = true,
    .open = postgres_open,
    .close = postgres_close,
    .version = postgres_version,
    .borrow = postgres_borrow,
    .give_back = postgres_give_back,
    .write = postgres_write,
    .query = postgres_query,
    .execute = postgres_execute,
    .must = postgres_must,
    .script = postgres_script,
    .next = postgres_next,
    .column = postgres_column,
    .free_rows = postgres_free_rows,
};
