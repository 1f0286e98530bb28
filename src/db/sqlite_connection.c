/* One SQLite connection: its settings, prepared statements, errors. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "db/sqlite.h"

#define BUSY_RETRY_MS 5

/*
 * Durable at each commit, strict, and small at rest: the whole server has to stay below 48 MiB with
 * all its readers, so the kernel's page cache does the caching and nothing is mapped.
 *
 * The writer moves the log into the file itself every 1,000 pages, SQLite's default: measured, that
 * holds writers up by less than 10 ms, and letting the log grow instead makes every write slower.
 */
static const char settings[] = "PRAGMA foreign_keys = ON;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA mmap_size = 0;"
                               "PRAGMA trusted_schema = OFF;";
static const char settings_read[] = "PRAGMA cache_size = -512;"; /* KiB */
static const char settings_write[] = "PRAGMA cache_size = -4096;"
                                     "PRAGMA journal_size_limit = 16777216;";

static const char *const control_texts[] = {
    [CONTROL_BEGIN_READ] = "BEGIN",
    [CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CONTROL_COMMIT] = "COMMIT",
    [CONTROL_ROLLBACK] = "ROLLBACK",
    [CONTROL_SAVEPOINT] = "SAVEPOINT work",
    [CONTROL_RELEASE] = "RELEASE work",
    [CONTROL_ROLLBACK_TO] = "ROLLBACK TO work",
};

/* ---- errors ---- */

static enum error_kind kind_of_constraint(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return ERR_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
    case SQLITE_CONSTRAINT_TRIGGER: /* RAISE(ABORT): a rule that a constraint cannot say */
        return ERR_CONFLICT;
    default: /* CHECK, NOT NULL, STRICT's types */
        return ERR_INVALID;
    }
}

static enum error_kind kind_of(int extended, int system_errno)
{
    switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
        return kind_of_constraint(extended);
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_NOTADB:
        return ERR_INVALID;
    case SQLITE_FULL:
        return ERR_STORAGE_FULL;
    case SQLITE_IOERR: /* SQLite sees ENOSPC on writes, but not on growing its shared memory */
    case SQLITE_CANTOPEN:
        return system_errno == ENOSPC || system_errno == EDQUOT ? ERR_STORAGE_FULL
                                                                : ERR_UNAVAILABLE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
        return ERR_UNAVAILABLE;
    default:
        return ERR_INTERNAL;
    }
}

bool sqlite_failed(struct sqlite_db *db, struct error *err)
{
    int extended = sqlite3_extended_errcode(db->handle);
    int system_errno = sqlite3_system_errno(db->handle);

    return error_set(err, kind_of(extended, system_errno), "%s (sqlite %d)",
                     sqlite3_errmsg(db->handle), extended);
}

/* ---- opening ---- */

static bool run_text(struct sqlite_db *db, const char *text, struct error *err)
{
    return sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK || sqlite_failed(db, err);
}

/* Changing a fresh file to WAL does not wait for another opener's lock, so this does. */
static bool enter_wal(struct sqlite_db *db, struct error *err)
{
    for (int waited_ms = 0;; waited_ms += BUSY_RETRY_MS) {
        if (run_text(db, "PRAGMA journal_mode = WAL;", err))
            return true;
        int code = sqlite3_errcode(db->handle) & 0xff;
        if (code != SQLITE_BUSY || waited_ms >= db->file->busy_ms)
            return false;
        sqlite3_sleep(BUSY_RETRY_MS);
    }
}

static bool set_up(struct sqlite_db *db, enum sqlite_mode mode, struct error *err)
{
    sqlite3_busy_timeout(db->handle, db->file->busy_ms);
    /* "x" is an identifier, never a text: a misspelt column must not compile. */
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    if (!run_text(db, settings, err))
        return false;
    if (mode == SQLITE_MODE_READ)
        return run_text(db, settings_read, err);
    return run_text(db, settings_write, err) && enter_wal(db, err);
}

bool sqlite_connect(const struct sqlite_file *file, enum sqlite_mode mode, struct sqlite_db **out,
                    struct error *err)
{
    scoped(sqlite_db_release) struct sqlite_db *db = calloc(1, sizeof *db);
    int access = mode == SQLITE_MODE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

    if (!db)
        abort();
    db->file = file;
    db->prepared = calloc(file->sql->statement_count, sizeof *db->prepared);
    if (!db->prepared)
        abort();
    if (sqlite3_open_v2(file->path, &db->handle, access | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        if (!db->handle)
            abort();
        return sqlite_failed(db, err);
    }
    if (!set_up(db, mode, err))
        return false;
    *out = take(db);
    return true;
}

void sqlite_db_free(struct sqlite_db *db)
{
    if (!db)
        return;
    for (size_t i = 0; db->prepared && i < db->file->sql->statement_count; i++)
        sqlite3_finalize(db->prepared[i]);
    for (size_t i = 0; i < CONTROL_COUNT; i++)
        sqlite3_finalize(db->controls[i]);
    int closed = sqlite3_close(db->handle);
    assert(closed == SQLITE_OK); /* all statements are ours and finalized */
    (void)closed;
    free(db->prepared);
    free(db);
}

/* ---- prepared statements ---- */

static bool prepare(struct sqlite_db *db, const char *text, sqlite3_stmt **out, struct error *err)
{
    int code = sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

    return code == SQLITE_OK || sqlite_failed(db, err);
}

bool sqlite_control(struct sqlite_db *db, enum sqlite_control control, struct error *err)
{
    sqlite3_stmt **statement = &db->controls[control];

    if (!*statement && !prepare(db, control_texts[control], statement, err))
        return error_context(err, "%s", control_texts[control]);
    bool done = sqlite3_step(*statement) == SQLITE_DONE || sqlite_failed(db, err);
    sqlite3_reset(*statement);
    return done || error_context(err, "%s", control_texts[control]);
}

bool sqlite_statement(struct sqlite_db *db, enum sql_id id, sqlite3_stmt **out, struct error *err)
{
    sqlite3_stmt **cached = &db->prepared[id];
    const char *text = db->file->sql->statements[id].text[SQL_ENGINE_SQLITE];

    if (*cached && sqlite3_stmt_busy(*cached))
        return prepare(db, text, out, err);
    if (!*cached && !prepare(db, text, cached, err))
        return false;
    *out = *cached;
    return true;
}

void sqlite_statement_done(struct sqlite_db *db, enum sql_id id, sqlite3_stmt *statement)
{
    if (statement != db->prepared[id]) {
        sqlite3_finalize(statement);
        return;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement); /* or a large value would stay until the next use */
}
