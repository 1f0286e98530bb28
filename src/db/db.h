/*
 * The metadata database, for callers. Knows statements by name (generated from sql/queries/),
 * values and rows; knows nothing of what they mean. SQLite and PostgreSQL stand behind it.
 *
 * A struct database is opened once and shared by all threads. Reading: borrow a connection (struct
 * db), ask, give it back; readers never wait for writers. Writing: hand a piece of work to
 * database_write, which runs it in a transaction; there is no other way to change anything.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scoped.h"
#include "base/uuid.h"
#include "sql.h" /* generated: enum sql_id, one SQL_NAME for each named statement */

struct database;
struct db; /* a connection; one thread at a time */
struct db_rows;

struct database_options {
    const char *url;       /* "sqlite:/path/to/file", "postgresql://user@host/database" */
    unsigned readers;      /* connections kept open for reading; more are made under load */
    unsigned busy_ms;      /* how long to wait for another process's lock */
    unsigned statement_ms; /* longest a statement may take on a server; 0: 30 s */
    /* Called after each commit, when all can read what it wrote and before database_write returns,
     * by whatever thread committed: it must be quick. NULL: nothing. */
    void (*committed)(void *context);
    void *committed_context;
    /* Called soon after another process may have committed something that others wait for, where
     * the engine tells (PostgreSQL, but not behind a pooler): events and jobs. By a thread of the
     * database's own; it may be called for nothing, and now and then not at all: whoever waits
     * looks besides. NULL: nothing. */
    void (*noticed)(void *context);
    void *noticed_context;
};

/*
 * Opens the database, makes the file if there is none, and brings its schema up to date (numbered
 * migrations, one transaction each, recorded with a checksum, under a lock).
 *
 * Fails with ERR_UNAVAILABLE if it cannot be reached or is locked, ERR_INVALID if its schema is
 * newer than this binary or a recorded migration differs from ours.
 */
bool database_open(const struct database_options *options, struct database **out,
                   struct error *err);
/* As database_open, but changes nothing: ERR_NOT_FOUND without a database, ERR_INVALID if
 * migrations are missing. For verify and doctor beside a running server. */
bool database_open_existing(const struct database_options *options, struct database **out,
                            struct error *err);
void database_free(struct database *database);
DEFINE_RELEASE(database, struct database)

/* ---- reading ---- */

/* Borrows a connection for reading. Fails with ERR_UNAVAILABLE. */
bool database_read(struct database *database, struct db **out, struct error *err);
/* As database_read, and everything read until it is returned sees the database as it was at the
 * first statement. */
bool database_snapshot(struct database *database, struct db **out, struct error *err);
/* Gives a connection back; its rows must have been freed. NULL is accepted. */
void db_return(struct db *db);
static inline void db_release(struct db **variable)
{
    db_return(*variable);
}

/* ---- writing ---- */

/*
 * A piece of work inside a transaction. It runs on whatever thread owns the writing connection, may
 * be run again from its start if the engine asks for it, and must therefore neither block on
 * anything but TX nor change anything but what CONTEXT holds for results. False rolls back all it
 * did, and is what it returns once a statement has failed: there is no going on behind that
 * (ERR_INTERNAL if it does).
 */
typedef bool db_work(struct db *tx, void *context, struct error *err);

/*
 * Runs WORK in a transaction of its own and returns after its commit has reached stable storage.
 * Works of several threads share one flush; one that fails takes nothing of the others with it.
 *
 * Fails with what WORK failed with, ERR_STORAGE_FULL if the disk is full, ERR_UNAVAILABLE if the
 * database is locked or gone (worth a retry; nothing was changed, unless it is unsure).
 */
bool database_write(struct database *database, db_work *work, void *context, struct error *err);

/* ---- statements ---- */

enum db_type { DB_NULL, DB_INT, DB_DECIMAL3, DB_TEXT, DB_UUID, DB_TIME, DB_BOOL, DB_BYTES };

struct db_value {
    enum db_type type;
    union {
        /* DB_INT; DB_DECIMAL3 in thousandths; DB_BOOL; DB_TIME in microseconds, of the years 1 to
         * 9999, or INT64_MIN and INT64_MAX, which are before and behind them all. */
        int64_t integer;
        const char *text; /* DB_TEXT (NULL: SQL NULL); stays the caller's */
        struct uuid uuid;
        struct {
            const void *bytes; /* DB_BYTES */
            size_t length;
        };
    };
};

#define db_null() ((struct db_value){.type = DB_NULL})
#define db_int(value) ((struct db_value){.type = DB_INT, .integer = (int64_t)(value)})
#define db_milli(value) ((struct db_value){.type = DB_DECIMAL3, .integer = (int64_t)(value)})
#define db_text(value) ((struct db_value){.type = DB_TEXT, .text = (value)})
#define db_time(value) ((struct db_value){.type = DB_TIME, .integer = (int64_t)(value)})
#define db_bool(value) ((struct db_value){.type = DB_BOOL, .integer = (value) ? 1 : 0})
#define db_bytes(value, size) \
    ((struct db_value){.type = DB_BYTES, .bytes = (value), .length = (size)})
struct db_value db_uuid(struct uuid id);
/* SQL NULL where HAS is false. */
struct db_value db_uuid_or_null(bool has, struct uuid id);
struct db_value db_time_or_null(int64_t time_us); /* 0: NULL */
struct db_value db_int_or_null(bool has, int64_t value);

#define DB_ARGS(...)                  \
    (struct db_value[]){__VA_ARGS__}, \
        sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)
#define DB_NO_ARGS NULL, 0

/* Runs a statement that gives rows. The rows hold the connection until they are freed. $1 is
 * args[0]. Fails with ERR_EXISTS on a broken unique constraint, ERR_CONFLICT on a broken foreign
 * key, ERR_INVALID on a broken check, ERR_STORAGE_FULL, ERR_UNAVAILABLE. */
bool db_query(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
              struct db_rows **out, struct error *err);
/* Runs a statement for its effect; *CHANGED is the number of rows it touched. Without CHANGED it
 * may be under way when this returns, and fail later: as the next statement that is waited for, or
 * as database_write, of the kind it would have failed with. Who must know at once asks for CHANGED.
 */
bool db_execute(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                uint64_t *changed, struct error *err);

/* What a statement that finds nothing fails with, where it must. */
struct db_refusal {
    enum error_kind kind;
    const char *why; /* for log and client */
};
/*
 * Runs a statement that must find something: give a row, or touch one. Where it does not it fails
 * with OTHERWISE, which lives as long as the program. Nobody waits for that, as for db_execute
 * without CHANGED: so a work confirms what it knew before it began, and what it does needs no
 * answer until its commit. What was read within the work is confirmed by nothing but the reading.
 */
bool db_must(struct db *tx, enum sql_id id, const struct db_value *args, size_t count,
             const struct db_refusal *otherwise, struct error *err);

/* Steps to the next row; false at the end and on failure, which db_rows_ok tells apart. */
bool db_next(struct db_rows *rows);
bool db_rows_ok(const struct db_rows *rows, struct error *err);
/* Steps to the first row, which must be there: ERR_NOT_FOUND, naming WHAT to log and client, if
 * none. */
bool db_one(struct db_rows *rows, const char *what, struct error *err);
void db_rows_free(struct db_rows *rows);
DEFINE_RELEASE(db_rows, struct db_rows)

/* Columns count from 0 and are read in any order; a column of SQL NULL reads as 0, false, nil uuid.
 */
bool db_column_is_null(const struct db_rows *rows, int column);
int64_t db_column_int(const struct db_rows *rows, int column);
int64_t db_column_milli(const struct db_rows *rows, int column); /* thousandths */
int64_t db_column_time(const struct db_rows *rows, int column);  /* microseconds */
bool db_column_bool(const struct db_rows *rows, int column);
struct uuid db_column_uuid(const struct db_rows *rows, int column);
/* Copied into MEM. NULL for SQL NULL. */
const char *db_column_text(const struct db_rows *rows, int column, struct arena *mem);
/* Copies at most MAX bytes to OUT and gives the column's length. */
size_t db_column_bytes(const struct db_rows *rows, int column, void *out, size_t max);

/* ---- looking after it ---- */

/* Checks that the database answers and can be written to. Fails with ERR_UNAVAILABLE or
 * ERR_STORAGE_FULL. */
bool database_check(struct database *database, struct error *err);
/* Whether processes of other machines may use it too. */
bool database_is_shared(const struct database *database);
/* "sqlite 3.40.1", for doctor. */
const char *database_version(struct database *database);
/* Number of the last migration applied. */
bool database_schema_version(struct database *database, int64_t *out, struct error *err);

#endif
