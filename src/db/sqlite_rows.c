/* Statements on an SQLite connection: values in, rows out. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "db/sqlite.h"

struct sqlite_rows {
    struct db_rows base;
    struct sqlite_db *db;
    sqlite3_stmt *statement;
};

static struct sqlite_db *sqlite_of(struct db *db)
{
    return container_of(db, struct sqlite_db, base);
}

/* ---- values in ---- */

static int bind_uuid(sqlite3_stmt *statement, int index, struct uuid id)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(id, text);
    return sqlite3_bind_text(statement, index, text, UUID_TEXT_SIZE - 1, SQLITE_TRANSIENT);
}

static int bind_bytes(sqlite3_stmt *statement, int index, const struct db_value *value)
{
    /* SQLite takes a NULL pointer for SQL NULL, whatever its length. */
    const void *bytes = value->length > 0 ? value->bytes : "";

    return sqlite3_bind_blob64(statement, index, bytes, value->length, SQLITE_TRANSIENT);
}

static int bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (!text)
        return sqlite3_bind_null(statement, index);
    return sqlite3_bind_text64(statement, index, text, strlen(text), SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int bind_value(sqlite3_stmt *statement, int index, const struct db_value *value)
{
    switch (value->type) {
    case DB_NULL:
        return sqlite3_bind_null(statement, index);
    case DB_INT:
    case DB_TIME:
    case DB_BOOL:
        return sqlite3_bind_int64(statement, index, value->integer);
    case DB_DECIMAL3:
        return sqlite3_bind_double(statement, index, (double)value->integer / 1000.0);
    case DB_TEXT:
        return bind_text(statement, index, value->text);
    case DB_UUID:
        return bind_uuid(statement, index, value->uuid);
    case DB_BYTES:
        return bind_bytes(statement, index, value);
    }
    assert(false);
    return SQLITE_MISUSE;
}

/* The texts say ?1…?n, so that an argument's number is its index whatever comes first. */
static bool begin_statement(struct sqlite_db *db, enum sql_id id, const struct db_value *args,
                            size_t count, sqlite3_stmt **out, struct error *err)
{
    sqlite3_stmt *statement;

    if (!sqlite_statement(db, id, &statement, err))
        return false;
    assert((size_t)sqlite3_bind_parameter_count(statement) == count);
    for (size_t i = 0; i < count; i++)
        if (bind_value(statement, (int)i + 1, &args[i]) != SQLITE_OK) {
            sqlite_failed(db, err);
            sqlite_statement_done(db, id, statement);
            return false;
        }
    *out = statement;
    return true;
}

/* ---- running ---- */

bool sqlite_query(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                  struct db_rows **out, struct error *err)
{
    sqlite3_stmt *statement;

    if (!begin_statement(sqlite_of(db), id, args, count, &statement, err))
        return false;
    struct sqlite_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        abort();
    rows->base.columns = sqlite3_column_count(statement);
    rows->base.statement = id;
    rows->db = sqlite_of(db);
    rows->statement = statement;
    *out = &rows->base;
    return true;
}

/* Runs it to its end. *GIVEN rows it gave, *TOUCHED rows it touched. */
static bool run(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                uint64_t *given, uint64_t *touched, struct error *err)
{
    struct sqlite_db *self = sqlite_of(db);
    sqlite3_stmt *statement;
    int code;

    if (!begin_statement(self, id, args, count, &statement, err))
        return false;
    for (*given = 0; (code = sqlite3_step(statement)) == SQLITE_ROW; ++*given)
        ;
    bool ok = code == SQLITE_DONE || sqlite_failed(self, err);
    if (ok) /* a reading statement leaves the count of the one before */
        *touched = sqlite3_stmt_readonly(statement) ? 0 : (uint64_t)sqlite3_changes64(self->handle);
    sqlite_statement_done(self, id, statement);
    return ok;
}

bool sqlite_execute(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                    uint64_t *changed, struct error *err)
{
    uint64_t given, touched;

    if (!run(db, id, args, count, &given, &touched, err))
        return false;
    if (changed)
        *changed = touched;
    return true;
}

bool sqlite_must(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                 const struct db_refusal *otherwise, struct error *err)
{
    uint64_t given, touched;

    return run(db, id, args, count, &given, &touched, err) &&
           (given > 0 || touched > 0 || error_tell(err, otherwise->kind, "%s", otherwise->why));
}

bool sqlite_script(struct db *tx, const char *text, struct error *err)
{
    struct sqlite_db *self = sqlite_of(tx);

    return sqlite3_exec(self->handle, text, NULL, NULL, NULL) == SQLITE_OK ||
           sqlite_failed(self, err);
}

enum db_step sqlite_next(struct db_rows *base, struct error *err)
{
    struct sqlite_rows *rows = container_of(base, struct sqlite_rows, base);

    switch (sqlite3_step(rows->statement)) {
    case SQLITE_ROW:
        return DB_STEP_ROW;
    case SQLITE_DONE:
        return DB_STEP_END;
    default:
        sqlite_failed(rows->db, err);
        return DB_STEP_FAILED;
    }
}

void sqlite_free_rows(struct db_rows *base)
{
    struct sqlite_rows *rows = container_of(base, struct sqlite_rows, base);

    sqlite_statement_done(rows->db, base->statement, rows->statement);
    free(rows);
}

/* ---- rows out ---- */

static struct db_value uuid_value(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    struct uuid id = {0};

    if (!uuid_parse(str_from(text), &id))
        id = (struct uuid){0};
    return db_uuid(id);
}

struct db_value sqlite_column(const struct db_rows *base, int column, enum db_type type)
{
    const struct sqlite_rows *rows = container_of(base, struct sqlite_rows, base);
    sqlite3_stmt *statement = rows->statement;

    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return db_null();
    switch (type) {
    case DB_DECIMAL3:
        return db_milli(llround(sqlite3_column_double(statement, column) * 1000.0));
    case DB_TEXT:
        return db_text((const char *)sqlite3_column_text(statement, column));
    case DB_UUID:
        return uuid_value(statement, column);
    case DB_BYTES: {
        const void *bytes = sqlite3_column_blob(statement, column); /* before its length */
        return db_bytes(bytes, (size_t)sqlite3_column_bytes(statement, column));
    }
    default:
        return db_int(sqlite3_column_int64(statement, column));
    }
}
