/*
 * The metadata database, for those who implement it. A driver is one exported const struct
 * database_driver and knows an engine; db.c holds the table of drivers and what all share: argument
 * checks, the names of statements in errors, copies into arenas. Callers never reach a method
 * directly. Methods return false, or DB_STEP_FAILED, with ERR filled.
 */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db/db.h"
#include "db/sql_set.h"

enum database_access {
    DATABASE_CREATE,   /* make it if it is not there */
    DATABASE_EXISTING, /* change nothing; ERR_NOT_FOUND if it is not there */
};

/* First member of each driver's own struct, as are the two below. */
struct database {
    const struct database_driver *driver;
    const struct sql_set *sql;
    /* Of the options; set by db.c before anybody writes, called by the driver. NULL: nothing. */
    void (*committed)(void *context);
    void *committed_context;
};

struct db {
    struct database *database;
    bool writable;      /* inside a db_work */
    bool refused;       /* a statement of the work has failed; db.c's */
    unsigned open_rows; /* counted by db.c */
};

struct db_rows {
    struct db *db;
    enum sql_id statement;
    int columns;
    bool on_row;
    bool failed; /* ERROR says why */
    struct error error;
};

enum db_step { DB_STEP_ROW, DB_STEP_END, DB_STEP_FAILED };

struct database_driver {
    const char *scheme; /* of the URL, without the colon */
    enum sql_engine engine;
    bool is_shared; /* other machines may use it too */

    /* ADDRESS is the URL behind the scheme and its colon. */
    bool (*open)(const struct database_options *options, const char *address,
                 const struct sql_set *sql, enum database_access access, struct database **out,
                 struct error *err);
    void (*close)(struct database *database);
    /* "sqlite 3.40.1"; lives as long as the database. */
    const char *(*version)(const struct database *database);

    /* A connection for reading; with SNAPSHOT, inside a transaction that sees one state. */
    bool (*borrow)(struct database *database, bool snapshot, struct db **out, struct error *err);
    void (*give_back)(struct db *db);
    /* As database_write. */
    bool (*write)(struct database *database, db_work *work, void *context, struct error *err);

    /* ARGS are as many as the statement has parameters, and need to live only during the call. db.c
     * fills in what it owns of *OUT (db, statement). */
    bool (*query)(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                  struct db_rows **out, struct error *err);
    /* CHANGED may be NULL: then the driver need not wait for the end, if it tells of a failure with
     * what it waits for next. */
    bool (*execute)(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                    uint64_t *changed, struct error *err);
    /* As db_must; of waiting, as EXECUTE without CHANGED. */
    bool (*must)(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                 const struct db_refusal *otherwise, struct error *err);
    /* Runs a migration: several statements, no parameters. */
    bool (*script)(struct db *tx, const char *text, struct error *err);

    enum db_step (*next)(struct db_rows *rows, struct error *err);
    /* The column's value read as TYPE; type DB_NULL for SQL NULL. Pointers in it stay valid until
     * the next step; text is NUL-terminated and LENGTH holds nothing. */
    struct db_value (*column)(const struct db_rows *rows, int column, enum db_type type);
    void (*free_rows)(struct db_rows *rows);
};

extern const struct database_driver database_sqlite;
extern const struct database_driver database_postgres;

/* As database_open and database_open_existing, over a set of statements and migrations that may be
 * another than the product's; the set outlives the database. */
bool database_open_set(const struct database_options *options, const struct sql_set *sql,
                       enum database_access access, struct database **out, struct error *err);

#endif
