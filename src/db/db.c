/* What all drivers share. Knows no engine. */
#include "db/db.h"

#include <assert.h>
#include <string.h>

#include "db/driver.h"
#include "db/migrate.h"

static const struct database_driver *const drivers[] = {&database_sqlite, &database_postgres};

/* ---- opening ---- */

/* The driver of URL's scheme, and what stands behind the colon. */
static const struct database_driver *driver_of(const char *url, const char **address)
{
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        size_t length = strlen(drivers[i]->scheme);
        if (strncmp(url, drivers[i]->scheme, length) == 0 && url[length] == ':') {
            *address = url + length + 1;
            return drivers[i];
        }
    }
    return NULL;
}

bool database_open_set(const struct database_options *options, const struct sql_set *sql,
                       enum database_access access, struct database **out, struct error *err)
{
    const char *address;
    const struct database_driver *driver = driver_of(options->url, &address);
    scoped(database_release) struct database *database = NULL;

    /* A URL may hold a password: it is not repeated. */
    if (!driver)
        return error_set(err, ERR_INVALID,
                         "database: the URL begins with neither \"sqlite:\" nor "
                         "\"postgresql:\"");
    if (!driver->open(options, address, sql, access, &database, err))
        return error_context(err, "database");
    database->committed = options->committed;
    database->committed_context = options->committed_context;
    bool ready = access == DATABASE_CREATE ? migrate(database, err) : migrate_check(database, err);
    if (!ready)
        return error_context(err, "database");
    *out = take(database);
    return true;
}

bool database_open(const struct database_options *options, struct database **out, struct error *err)
{
    return database_open_set(options, &sql_set_product, DATABASE_CREATE, out, err);
}

bool database_open_existing(const struct database_options *options, struct database **out,
                            struct error *err)
{
    return database_open_set(options, &sql_set_product, DATABASE_EXISTING, out, err);
}

void database_free(struct database *database)
{
    if (database)
        database->driver->close(database);
}

/* ---- connections ---- */

static bool borrow(struct database *database, bool snapshot, struct db **out, struct error *err)
{
    struct db *db;

    if (!database->driver->borrow(database, snapshot, &db, err))
        return error_context(err, "database: connection for reading");
    db->database = database;
    db->writable = false;
    *out = db;
    return true;
}

bool database_read(struct database *database, struct db **out, struct error *err)
{
    return borrow(database, false, out, err);
}

bool database_snapshot(struct database *database, struct db **out, struct error *err)
{
    return borrow(database, true, out, err);
}

void db_return(struct db *db)
{
    if (!db)
        return;
    assert(db->open_rows == 0);
    assert(!db->writable); /* a transaction's connection is not the work's to return */
    db->database->driver->give_back(db);
}

/* A work, and what db.c looks to besides. */
struct guarded {
    db_work *work;
    void *context;
};

/* One engine undoes a statement that fails, the other the whole transaction. */
static bool run_guarded(struct db *tx, void *context, struct error *err)
{
    const struct guarded *guarded = context;

    tx->refused = false;
    if (!guarded->work(tx, guarded->context, err))
        return false;
    return !tx->refused ||
           error_set(err, ERR_INTERNAL, "the work went on after a statement had failed");
}

bool database_write(struct database *database, db_work *work, void *context, struct error *err)
{
    struct guarded guarded = {work, context};

    return database->driver->write(database, run_guarded, &guarded, err);
}

/* ---- statements ---- */

struct db_value db_uuid(struct uuid id)
{
    return (struct db_value){.type = DB_UUID, .uuid = id};
}

struct db_value db_uuid_or_null(bool has, struct uuid id)
{
    return has ? db_uuid(id) : db_null();
}

struct db_value db_time_or_null(int64_t time_us)
{
    return time_us ? db_time(time_us) : db_null();
}

struct db_value db_int_or_null(bool has, int64_t value)
{
    return has ? db_int(value) : db_null();
}

static const struct sql_statement *statement_of(const struct db *db, enum sql_id id)
{
    const struct sql_set *sql = db->database->sql;

    assert((size_t)id < sql->statement_count);
    return &sql->statements[id];
}

bool db_query(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
              struct db_rows **out, struct error *err)
{
    const struct sql_statement *statement = statement_of(db, id);
    struct db_rows *rows;

    assert(count == statement->parameters);
    if (!db->database->driver->query(db, id, args, count, &rows, err)) {
        db->refused = true;
        return error_context(err, "statement %s", statement->name);
    }
    rows->db = db;
    rows->statement = id;
    db->open_rows++;
    *out = rows;
    return true;
}

bool db_execute(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                uint64_t *changed, struct error *err)
{
    const struct sql_statement *statement = statement_of(db, id);

    assert(count == statement->parameters);
    assert(db->writable);
    if (db->database->driver->execute(db, id, args, count, changed, err))
        return true;
    db->refused = true;
    return error_context(err, "statement %s", statement->name);
}

bool db_must(struct db *tx, enum sql_id id, const struct db_value *args, size_t count,
             const struct db_refusal *otherwise, struct error *err)
{
    const struct sql_statement *statement = statement_of(tx, id);

    assert(count == statement->parameters);
    assert(tx->writable);
    if (tx->database->driver->must(tx, id, args, count, otherwise, err))
        return true;
    tx->refused = true;
    return error_context(err, "statement %s", statement->name);
}

bool db_next(struct db_rows *rows)
{
    if (rows->failed)
        return false;
    enum db_step step = rows->db->database->driver->next(rows, &rows->error);
    rows->on_row = step == DB_STEP_ROW;
    rows->failed = step == DB_STEP_FAILED;
    if (rows->failed) {
        rows->db->refused = true;
        error_context(&rows->error, "statement %s", statement_of(rows->db, rows->statement)->name);
    }
    return rows->on_row;
}

bool db_rows_ok(const struct db_rows *rows, struct error *err)
{
    if (rows->failed)
        *err = rows->error;
    return !rows->failed;
}

bool db_one(struct db_rows *rows, const char *what, struct error *err)
{
    if (db_next(rows))
        return true;
    if (!db_rows_ok(rows, err))
        return false;
    return error_tell(err, ERR_NOT_FOUND, "%s does not exist", what);
}

void db_rows_free(struct db_rows *rows)
{
    if (!rows)
        return;
    assert(rows->db->open_rows > 0);
    rows->db->open_rows--;
    rows->db->database->driver->free_rows(rows);
}

/* ---- columns ---- */

static struct db_value column(const struct db_rows *rows, int number, enum db_type type)
{
    assert(rows->on_row);
    assert(number >= 0 && number < rows->columns);
    return rows->db->database->driver->column(rows, number, type);
}

static int64_t integer_of(const struct db_rows *rows, int number, enum db_type type)
{
    struct db_value value = column(rows, number, type);

    return value.type == DB_NULL ? 0 : value.integer;
}

bool db_column_is_null(const struct db_rows *rows, int number)
{
    return column(rows, number, DB_NULL).type == DB_NULL;
}

int64_t db_column_int(const struct db_rows *rows, int number)
{
    return integer_of(rows, number, DB_INT);
}

int64_t db_column_milli(const struct db_rows *rows, int number)
{
    return integer_of(rows, number, DB_DECIMAL3);
}

int64_t db_column_time(const struct db_rows *rows, int number)
{
    return integer_of(rows, number, DB_TIME);
}

bool db_column_bool(const struct db_rows *rows, int number)
{
    return integer_of(rows, number, DB_BOOL) != 0;
}

struct uuid db_column_uuid(const struct db_rows *rows, int number)
{
    struct db_value value = column(rows, number, DB_UUID);

    return value.type == DB_NULL ? (struct uuid){0} : value.uuid;
}

const char *db_column_text(const struct db_rows *rows, int number, struct arena *mem)
{
    struct db_value value = column(rows, number, DB_TEXT);

    return value.type == DB_NULL ? NULL : arena_strdup(mem, value.text);
}

size_t db_column_bytes(const struct db_rows *rows, int number, void *out, size_t max)
{
    struct db_value value = column(rows, number, DB_BYTES);

    if (value.type == DB_NULL)
        return 0;
    size_t copied = value.length < max ? value.length : max;
    if (copied > 0)
        memcpy(out, value.bytes, copied);
    return value.length;
}

/* ---- looking after it ---- */

static bool write_probe(struct db *tx, void *context, struct error *err)
{
    (void)context;
    return db_execute(tx, SQL_DATABASE_PROBE_WRITE, DB_NO_ARGS, NULL, err);
}

bool database_check(struct database *database, struct error *err)
{
    return database_write(database, write_probe, NULL, err);
}

bool database_is_shared(const struct database *database)
{
    return database->driver->is_shared;
}

const char *database_version(struct database *database)
{
    return database->driver->version(database);
}

bool database_schema_version(struct database *database, int64_t *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!database_read(database, &db, err) ||
        !db_query(db, SQL_SCHEMA_MIGRATIONS_LAST, DB_NO_ARGS, &rows, err) ||
        !db_one(rows, "number of the last migration", err))
        return false;
    *out = db_column_int(rows, 0);
    return true;
}
