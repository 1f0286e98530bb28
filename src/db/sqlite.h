/*
 * The SQLite driver's parts, for each other only.
 *
 * sqlite.c            the driver: opening, closing, which file
 * sqlite_connection.c one connection: its settings, prepared statements, errors
 * sqlite_rows.c       statements: values in, rows out
 * sqlite_readers.c    the pool of connections for reading
 * sqlite_writer.c     the one thread that writes
 */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "db/driver.h"

/* What is the same for all connections of a database; not changed once it is open. */
struct sqlite_file {
    char *path;
    dev_t device; /* of the file that was opened, to notice when another lies there */
    ino_t inode;
    int busy_ms;
    const struct sql_set *sql;
};

/* ---- one connection ---- */

/* What connections say to the engine besides named statements. */
enum sqlite_control {
    CONTROL_BEGIN_READ,
    CONTROL_BEGIN_WRITE,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVEPOINT,
    CONTROL_RELEASE,
    CONTROL_ROLLBACK_TO,
    CONTROL_COUNT
};

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    const struct sqlite_file *file;
    sqlite3_stmt **prepared; /* by enum sql_id; NULL until first used */
    sqlite3_stmt *controls[CONTROL_COUNT];

    /* The pool's: */
    struct sqlite_db *next;
    int64_t idle_since_us;
    bool in_snapshot;
};

enum sqlite_mode { SQLITE_MODE_READ, SQLITE_MODE_WRITE };

/* Opens the file, which must be there. Fails with ERR_UNAVAILABLE, ERR_STORAGE_FULL or, if it is
 * not a database, ERR_INVALID. */
bool sqlite_connect(const struct sqlite_file *file, enum sqlite_mode mode, struct sqlite_db **out,
                    struct error *err);
void sqlite_db_free(struct sqlite_db *db);
DEFINE_RELEASE(sqlite_db, struct sqlite_db)

bool sqlite_control(struct sqlite_db *db, enum sqlite_control control, struct error *err);
/* A statement ready for its values: the connection's own, or, if that one still has rows open, one
 * that sqlite_statement_done throws away. */
bool sqlite_statement(struct sqlite_db *db, enum sql_id id, sqlite3_stmt **out, struct error *err);
void sqlite_statement_done(struct sqlite_db *db, enum sql_id id, sqlite3_stmt *statement);
/* Fills ERR from the connection's last failure. */
bool sqlite_failed(struct sqlite_db *db, struct error *err);

/* ---- statements ---- */

bool sqlite_query(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                  struct db_rows **out, struct error *err);
bool sqlite_execute(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                    uint64_t *changed, struct error *err);
bool sqlite_must(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                 const struct db_refusal *otherwise, struct error *err);
bool sqlite_script(struct db *tx, const char *text, struct error *err);
enum db_step sqlite_next(struct db_rows *rows, struct error *err);
struct db_value sqlite_column(const struct db_rows *rows, int column, enum db_type type);
void sqlite_free_rows(struct db_rows *rows);

/* ---- readers ---- */

struct sqlite_readers {
    const struct sqlite_file *file;
    unsigned keep;   /* connections left open when nothing happens */
    unsigned most;   /* connections open at once */
    int64_t idle_us; /* how long one beyond KEEP stays open unused */
    /* Called, without the lock, when there begins to be something for sqlite_readers_shrink. */
    void (*surplus)(void *context);
    void *surplus_context;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t returned;
    struct sqlite_db *idle; /* last used first */
    unsigned idle_count;    /* connections in IDLE */
    unsigned open_count;    /* in IDLE and lent; at most MOST */
    bool watched;           /* SURPLUS was called, the last sqlite_readers_shrink left some */
};

void sqlite_readers_init(struct sqlite_readers *readers, const struct sqlite_file *file,
                         unsigned keep);
/* All connections have been given back. */
void sqlite_readers_done(struct sqlite_readers *readers);
/* Waits for a connection, at most the file's busy_ms, if all are lent. */
bool sqlite_readers_borrow(struct sqlite_readers *readers, struct sqlite_db **out,
                           struct error *err);
void sqlite_readers_return(struct sqlite_readers *readers, struct sqlite_db *db);
/* Closes connections beyond KEEP that nobody has used for a while. True if some are left that may
 * be closed later: call again in a second. */
bool sqlite_readers_shrink(struct sqlite_readers *readers);

/* ---- the writer ---- */

/* A work that waits; on the stack of the thread that waits for it. */
struct sqlite_write {
    db_work *work;
    void *context;
    struct error *err;
    bool ok;
    sem_t done;
    struct sqlite_write *next;
};

struct sqlite_writer {
    const struct sqlite_file *file;
    struct sqlite_readers *readers; /* shrunk when there is nothing to write */
    struct database *database;
    pthread_t thread;
    struct sqlite_db *connection; /* the thread's own; NULL until it could be opened */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t called;
    struct sqlite_write *first;
    struct sqlite_write **last; /* where the next one is hung */
    bool shrink;                /* readers have a surplus */
    bool stop;
};

/* Starts the thread. CONNECTION may be NULL: it is opened when first needed. The writer owns it. */
bool sqlite_writer_start(struct sqlite_writer *writer, struct database *database,
                         const struct sqlite_file *file, struct sqlite_readers *readers,
                         struct sqlite_db *connection, struct error *err);
/* Does what is still waiting, then ends the thread. */
void sqlite_writer_stop(struct sqlite_writer *writer);
/* Closes the connection of a stopped writer. */
void sqlite_writer_done(struct sqlite_writer *writer);
/* As database_write. */
bool sqlite_writer_run(struct sqlite_writer *writer, db_work *work, void *context,
                       struct error *err);
/* Makes the thread look after the readers. */
void sqlite_writer_shrink_readers(void *writer);

#endif
