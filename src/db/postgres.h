/*
 * The PostgreSQL driver's parts, for each other only.
 *
 * postgres.c            the driver: opening, closing, connections for reading
 * postgres_connection.c one connection: commands, prepared statements
 * postgres_answer.c     what the server answers on it: errors, waiting with a time limit
 * postgres_pipeline.c   statements sent without waiting for each
 * postgres_texts.c      statements as the server reads them, and their names
 * postgres_values.c     values to and from what libpq sends; pure
 * postgres_rows.c       statements: values in, rows out
 * postgres_pool.c       the pool of connections for reading
 * postgres_writer.c     how works become transactions
 * postgres_listener.c   hearing of what other processes commit
 *
 * Nothing is left in a session that the next transaction relies on, so that a pooler which gives
 * each transaction another server connection (PgBouncer, pool_mode = transaction) may stand in
 * between. Prepared statements are the exception, and behind a pooler they go without names (struct
 * postgres_server, UNNAMED). It is looked for when the database is opened; one that does not show
 * is noticed once a name has moved. Names follow from the texts, so none is ever taken for another.
 */
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include <libpq-fe.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "db/driver.h"

#define POSTGRES_NAME_SIZE 20

/* What is the same for all connections of a database; not changed once it is open, but for UNNAMED.
 */
struct postgres_server {
    char *url;
    int busy_ms;      /* how long to wait for a lock, or for a connection to be given back */
    int statement_ms; /* how long a statement may take */
    const struct sql_set *sql;
    char (*names)[POSTGRES_NAME_SIZE]; /* of prepared statements, by postgres_slot */
    atomic_bool unnamed;
    atomic_int writer_pid; /* of the writer's session, whose notifications are our own */
};

/* ---- texts ---- */

/* A statement's number, and its second one where it must find something. */
size_t postgres_slot(const struct sql_set *sql, enum sql_id id, bool must);
#define POSTGRES_FORMS 2

/* The text of a statement. One that MUST find something is divided by what it finds: the server
 * itself fails it, and with it what was sent behind it (POSTGRES_NOTHING). The caller's to free. */
char *postgres_text(const struct sql_set *sql, enum sql_id id, bool must);
/* SQLSTATE division_by_zero */
#define POSTGRES_NOTHING "22012"

/* By postgres_slot; the caller's to free. */
char (*postgres_names(const struct sql_set *sql))[POSTGRES_NAME_SIZE];

/* ---- one connection ---- */

/* What the last failure means for whoever would go on. */
enum postgres_fault {
    POSTGRES_REFUSED,   /* the statement: the connection is as good as before */
    POSTGRES_AGAIN,     /* the transaction: it may be run again as it is */
    POSTGRES_LOST,      /* the connection: it may be run again on another */
    POSTGRES_SLOW,      /* the statement took too long; the connection was given up */
    POSTGRES_NOT_BEGUN, /* the transaction was refused as a whole: nothing of it was run */
};

/* What the pipeline has sent. */
enum postgres_sent_kind {
    POSTGRES_SENT_BEGIN, /* a command that begins the transaction */
    POSTGRES_SENT_COMMAND,
    POSTGRES_SENT_PREPARE,
    POSTGRES_SENT_STATEMENT,
};

struct postgres_sent {
    enum postgres_sent_kind kind;
    enum sql_id id;                     /* of PREPARE and STATEMENT, as is the next */
    const struct db_refusal *otherwise; /* of one that must find something; else NULL */
};

#define POSTGRES_SENT_MOST 64

struct postgres_db {
    struct db base;
    PGconn *handle; /* NULL: lost */
    struct postgres_server *server;
    bool *prepared; /* by postgres_slot */
    enum postgres_fault fault;
    bool in_transaction; /* then nothing is tried again behind its back */
    bool pipelined;      /* commands and statements go through the pipeline */
    struct postgres_sent sent[POSTGRES_SENT_MOST]; /* and not answered yet */
    size_t sent_count;
    size_t sent_bytes;
    bool is_unheard; /* what was sent has ended its transaction; nobody has read the answers */

    /* The pool's: */
    struct postgres_db *next;
    int64_t idle_since_us;
};

/* Fails with ERR_UNAVAILABLE, or ERR_INVALID where the server cannot serve us: too old, not UTF-8.
 */
bool postgres_connect(struct postgres_server *server, struct postgres_db **out, struct error *err);
/* Drops the connection to the server and makes another one. */
bool postgres_reconnect(struct postgres_db *db, struct error *err);
void postgres_db_free(struct postgres_db *db);
DEFINE_RELEASE(postgres_db, struct postgres_db)
/* Whoever answers for another process than it said it was is a pooler: statements go unnamed. */
bool postgres_look_for_pooler(struct postgres_db *db, struct error *err);
/* Whether an idle connection can be lent: without asking the server, unless it was idle for long.
 */
bool postgres_is_sound(struct postgres_db *db);

enum postgres_limit { POSTGRES_LIMITED, POSTGRES_UNLIMITED };

/* Runs statements without parameters or rows; makes a lost connection anew if none is in use. */
bool postgres_command(struct postgres_db *db, const char *text, enum postgres_limit limit,
                      struct error *err);

/* What libpq takes a statement's parameters as. */
#define POSTGRES_PARAMETERS_MOST 48
#define POSTGRES_TEXT_SIZE 40
struct postgres_parameters {
    int count;
    const char *values[POSTGRES_PARAMETERS_MOST]; /* in TEXTS, or the caller's */
    int lengths[POSTGRES_PARAMETERS_MOST];
    int formats[POSTGRES_PARAMETERS_MOST];
    char texts[POSTGRES_PARAMETERS_MOST][POSTGRES_TEXT_SIZE];
};

/* Runs a statement. Outside of a transaction it is run again if the connection was lost. *OUT is
 * the caller's to PQclear. */
bool postgres_statement(struct postgres_db *db, enum sql_id id,
                        const struct postgres_parameters *parameters, PGresult **out,
                        struct error *err);

/* How long an answer may take. */
int postgres_limit_ms(const struct postgres_db *db);

/* ---- the pipeline, of a connection in a transaction ---- */

bool postgres_pipeline_start(struct postgres_db *db, struct error *err);
/* Waits for what was sent, and fails with it. */
bool postgres_pipeline_stop(struct postgres_db *db, struct error *err);

/* For reading: begins a transaction with its first statement, and leaves it without waiting for the
 * end. A connection that cannot be left is given up. */
bool postgres_snapshot_begin(struct postgres_db *db, struct error *err);
void postgres_snapshot_leave(struct postgres_db *db);
/* Reads what the end of a snapshot was answered with. False if the connection is of no use. */
bool postgres_snapshot_ended(struct postgres_db *db);

/* Send one command, or statement, and do not wait. Where there is no more room they wait for what
 * was sent before, and fail with it. */
bool postgres_later_command(struct postgres_db *db, enum postgres_sent_kind kind, const char *text,
                            struct error *err);
/* OTHERWISE is of a statement that must find something; else NULL. */
bool postgres_later_statement(struct postgres_db *db, enum sql_id id,
                              const struct postgres_parameters *parameters,
                              const struct db_refusal *otherwise, struct error *err);
/* Waits for all that was sent; fails with the first that failed. *LAST, the answer to the last, is
 * the caller's to PQclear; LAST may be NULL. */
bool postgres_settle(struct postgres_db *db, PGresult **last, struct error *err);

/* ---- values ---- */

/* What does not fit the text of a parameter stays the argument's. */
void postgres_encode(const struct db_value *args, size_t count, struct postgres_parameters *out);

/* BYTES of a column of the type OID, as the server sends it in binary, read as TYPE. Text of what
 * is no text (a number, a UUID) is put into MEM. */
struct db_value postgres_decode(Oid oid, const char *bytes, size_t length, enum db_type type,
                                struct arena *mem);

/* ---- statements ---- */

bool postgres_query(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                    struct db_rows **out, struct error *err);
bool postgres_execute(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                      uint64_t *changed, struct error *err);
bool postgres_must(struct db *tx, enum sql_id id, const struct db_value *args, size_t count,
                   const struct db_refusal *otherwise, struct error *err);
bool postgres_script(struct db *tx, const char *text, struct error *err);
enum db_step postgres_next(struct db_rows *rows, struct error *err);
struct db_value postgres_column(const struct db_rows *rows, int column, enum db_type type);
void postgres_free_rows(struct db_rows *rows);

/* ---- the pool ---- */

struct postgres_pool {
    struct postgres_server *server;
    unsigned keep; /* connections left open when nothing happens */
    unsigned most; /* connections open at once */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t returned;
    struct postgres_db *idle; /* last used first */
    unsigned idle_count;
    unsigned open_count; /* in IDLE and lent; at most MOST */
};

void postgres_pool_init(struct postgres_pool *pool, struct postgres_server *server, unsigned keep);
/* All connections have been given back. */
void postgres_pool_done(struct postgres_pool *pool);
/* Waits for a connection, at most busy_ms, if all are lent. Fails with ERR_UNAVAILABLE. */
bool postgres_pool_borrow(struct postgres_pool *pool, struct postgres_db **out, struct error *err);
void postgres_pool_return(struct postgres_pool *pool, struct postgres_db *db);

/* ---- the writer ---- */

/* A work that waits; on the stack of the thread that waits for it. */
struct postgres_write {
    db_work *work;
    void *context;
    struct error *err;
    bool ok;
    bool settled; /* has failed for a reason of its own: not run again */
    bool leads;   /* when it is called: its thread runs the next works; whoever calls sets it */
    sem_t called;
    struct postgres_write *next;
};

struct postgres_writer {
    struct postgres_server *server;
    struct database *database;

    /* The leading thread's: */
    struct postgres_db *connection; /* NULL until first needed */

    pthread_mutex_t lock; /* guards what follows */
    bool led;             /* a thread leads; then others only queue */
    pthread_t leader;
    struct postgres_write *first;
    struct postgres_write **last; /* where the next one is hung */
};

void postgres_writer_init(struct postgres_writer *writer, struct postgres_server *server,
                          struct database *database);
/* No work is waiting. */
void postgres_writer_done(struct postgres_writer *writer);
/* As database_write. */
bool postgres_writer_run(struct postgres_writer *writer, db_work *work, void *context,
                         struct error *err);

/* ---- the listener ---- */

struct postgres_listener;

/* Has NOTICED called, in a thread of its own, when another process has sent a notification, and
 * when one may have been missed. SERVER has no pooler before it. */
bool postgres_listener_start(struct postgres_server *server, void (*noticed)(void *context),
                             void *context, struct postgres_listener **out, struct error *err);
/* NOTICED is not called any more when this returns. */
void postgres_listener_free(struct postgres_listener *listener);

#endif
