/*
 * The one thread that writes to SQLite. It takes the works that have gathered, runs them in one
 * transaction, each behind a savepoint of its own, commits once, and wakes those who wait: a flush
 * is shared by all who came while the last one ran.
 *
 * When a statement makes the engine drop the whole transaction (disk full, I/O error), the work
 * that ran it fails and the others run again, each in a transaction of its own. When COMMIT fails,
 * all of the group fail, and nothing was changed.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "db/sqlite.h"

#define GROUP_MAX 256 /* works in one transaction: bounds how long the first waits for the last */
#define SHRINK_EVERY_S 1

struct group {
    struct sqlite_write *writes[GROUP_MAX];
    size_t count;
};

/* ---- the connection ---- */

/* Writes to a file that was removed or replaced would be lost: SQLite itself does not look. */
static bool file_is_there(const struct sqlite_file *file, struct error *err)
{
    struct stat found;

    if (stat(file->path, &found) != 0)
        return error_set(err, ERR_UNAVAILABLE, "%s: %s", file->path, strerror(errno));
    if (found.st_dev != file->device || found.st_ino != file->inode)
        return error_set(err, ERR_UNAVAILABLE, "%s: the file was replaced while in use",
                         file->path);
    return true;
}

static bool begin(struct sqlite_writer *writer, struct error *err)
{
    if (!file_is_there(writer->file, err))
        return false;
    if (!writer->connection) {
        if (!sqlite_connect(writer->file, SQLITE_MODE_WRITE, &writer->connection, err))
            return false;
        writer->connection->base.database = writer->database;
        writer->connection->base.writable = true;
    }
    if (sqlite_control(writer->connection, CONTROL_BEGIN_WRITE, err))
        return true;
    /* Another's lock goes away by itself; anything else may be the connection's own. */
    if ((sqlite3_errcode(writer->connection->handle) & 0xff) != SQLITE_BUSY)
        sqlite_db_free(take(writer->connection));
    return false;
}

static bool transaction_is_open(const struct sqlite_writer *writer)
{
    return sqlite3_get_autocommit(writer->connection->handle) == 0;
}

static void rollback(struct sqlite_writer *writer)
{
    struct error ignored; /* the cause is known already; what matters is that nothing is open */

    if (transaction_is_open(writer) &&
        !sqlite_control(writer->connection, CONTROL_ROLLBACK, &ignored))
        sqlite_db_free(take(writer->connection));
}

/* ---- one work ---- */

/* A foreign key that is checked at commit must not fail the works that share it. */
static bool foreign_keys_hold(struct sqlite_writer *writer, struct error *err)
{
    int broken = 0;
    int unused = 0;

    sqlite3_db_status(writer->connection->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &broken, &unused,
                      0);
    if (broken)
        return error_set(err, ERR_CONFLICT, "a deferred foreign key does not hold");
    return true;
}

static void run_work(struct sqlite_writer *writer, struct sqlite_write *write)
{
    struct db *tx = &writer->connection->base;

    write->ok = write->work(tx, write->context, write->err);
    assert(tx->open_rows == 0);
    if (write->ok && !transaction_is_open(writer))
        write->ok = error_set(write->err, ERR_UNAVAILABLE,
                              "the engine dropped the transaction and the work did not notice");
    if (write->ok)
        write->ok = foreign_keys_hold(writer, write->err);
}

/* Undoes what WRITE did, or makes it part of the transaction. False if the transaction is lost. */
static bool close_savepoint(struct sqlite_writer *writer, struct sqlite_write *write)
{
    struct error err;

    if (!transaction_is_open(writer))
        return false;
    if (!write->ok && !sqlite_control(writer->connection, CONTROL_ROLLBACK_TO, &err))
        return false;
    if (sqlite_control(writer->connection, CONTROL_RELEASE, &err))
        return true;
    if (write->ok)
        *write->err = err;
    write->ok = false;
    return false;
}

static bool run_behind_savepoint(struct sqlite_writer *writer, struct sqlite_write *write)
{
    write->ok = sqlite_control(writer->connection, CONTROL_SAVEPOINT, write->err);
    if (!write->ok)
        return false;
    run_work(writer, write);
    return close_savepoint(writer, write);
}

/* ---- a group of works ---- */

static void fail_all(struct group *group, const struct error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        if (!group->writes[i]->ok)
            continue; /* it has its own reason */
        *group->writes[i]->err = *err;
        group->writes[i]->ok = false;
    }
}

static void commit(struct sqlite_writer *writer, struct group *group)
{
    struct error err;

    if (sqlite_control(writer->connection, CONTROL_COMMIT, &err)) {
        if (writer->database->committed)
            writer->database->committed(writer->database->committed_context);
        return;
    }
    rollback(writer);
    fail_all(group, &err);
}

static void run_alone(struct sqlite_writer *writer, struct sqlite_write *write)
{
    struct group alone = {.writes = {write}, .count = 1};

    write->ok = begin(writer, write->err);
    if (!write->ok)
        return;
    run_work(writer, write);
    if (write->ok)
        commit(writer, &alone);
    else
        rollback(writer);
}

static void run_others_alone(struct sqlite_writer *writer, struct group *group, size_t guilty)
{
    rollback(writer);
    for (size_t i = 0; i < group->count; i++)
        if (i != guilty)
            run_alone(writer, group->writes[i]);
}

static void run_together(struct sqlite_writer *writer, struct group *group)
{
    struct error err;

    for (size_t i = 0; i < group->count; i++)
        group->writes[i]->ok = true; /* nothing has failed yet */
    if (!begin(writer, &err)) {
        fail_all(group, &err);
        return;
    }
    for (size_t i = 0; i < group->count; i++)
        if (!run_behind_savepoint(writer, group->writes[i])) {
            run_others_alone(writer, group, i);
            return;
        }
    commit(writer, group);
}

static void run_group(struct sqlite_writer *writer, struct group *group)
{
    if (group->count == 1)
        run_alone(writer, group->writes[0]);
    else
        run_together(writer, group);
    for (size_t i = 0; i < group->count; i++)
        sem_post(&group->writes[i]->done); /* its memory is gone from here on */
}

/* ---- the thread ---- */

/* Under the lock. */
static void wait_for_call(struct sqlite_writer *writer)
{
    struct timespec until;

    if (!writer->shrink) {
        pthread_cond_wait(&writer->called, &writer->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SHRINK_EVERY_S;
    if (pthread_cond_timedwait(&writer->called, &writer->lock, &until) != ETIMEDOUT)
        return;
    pthread_mutex_unlock(&writer->lock);
    bool more = sqlite_readers_shrink(writer->readers);
    pthread_mutex_lock(&writer->lock);
    writer->shrink = more;
}

/* Takes what has gathered. False when there is nothing and there will be nothing. */
static bool next_group(struct sqlite_writer *writer, struct group *group)
{
    group->count = 0;
    pthread_mutex_lock(&writer->lock);
    while (!writer->first && !writer->stop)
        wait_for_call(writer);
    while (writer->first && group->count < GROUP_MAX) {
        group->writes[group->count++] = writer->first;
        writer->first = writer->first->next;
    }
    if (!writer->first)
        writer->last = &writer->first;
    pthread_mutex_unlock(&writer->lock);
    return group->count > 0;
}

static void *writer_main(void *context)
{
    struct sqlite_writer *writer = context;
    struct group group;

    while (next_group(writer, &group))
        run_group(writer, &group);
    return NULL;
}

/* Signals are the main thread's business. */
static int start_without_signals(struct sqlite_writer *writer)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&writer->thread, NULL, writer_main, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

bool sqlite_writer_start(struct sqlite_writer *writer, struct database *database,
                         const struct sqlite_file *file, struct sqlite_readers *readers,
                         struct sqlite_db *connection, struct error *err)
{
    pthread_condattr_t attributes;

    *writer = (struct sqlite_writer){.file = file, .readers = readers, .database = database};
    writer->last = &writer->first;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->called, &attributes);
    pthread_condattr_destroy(&attributes);
    if (connection) {
        connection->base = (struct db){.database = database, .writable = true};
        writer->connection = connection;
    }
    int code = start_without_signals(writer);
    if (code != 0) {
        sqlite_db_free(take(writer->connection));
        return error_set(err, ERR_UNAVAILABLE, "writer thread: %s", strerror(code));
    }
    return true;
}

void sqlite_writer_stop(struct sqlite_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->called);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
}

void sqlite_writer_done(struct sqlite_writer *writer)
{
    sqlite_db_free(take(writer->connection));
    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->called);
}

/* ---- those who wait ---- */

static void enqueue(struct sqlite_writer *writer, struct sqlite_write *write)
{
    bool is_first;

    pthread_mutex_lock(&writer->lock);
    is_first = !writer->first; /* for another the thread is called already, or awake */
    *writer->last = write;
    writer->last = &write->next;
    pthread_mutex_unlock(&writer->lock);
    if (is_first) /* outside the lock: who wakes up wants it at once */
        pthread_cond_signal(&writer->called);
}

bool sqlite_writer_run(struct sqlite_writer *writer, db_work *work, void *context,
                       struct error *err)
{
    struct sqlite_write write = {.work = work, .context = context, .err = err};

    /* A work that called this would wait for itself. */
    assert(!pthread_equal(pthread_self(), writer->thread));
    sem_init(&write.done, 0, 0);
    enqueue(writer, &write);
    while (sem_wait(&write.done) != 0)
        assert(errno == EINTR);
    sem_destroy(&write.done);
    return write.ok;
}

void sqlite_writer_shrink_readers(void *context)
{
    struct sqlite_writer *writer = context;

    pthread_mutex_lock(&writer->lock);
    writer->shrink = true;
    pthread_cond_signal(&writer->called);
    pthread_mutex_unlock(&writer->lock);
}
