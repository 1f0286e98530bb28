/*
 * How works become transactions on PostgreSQL. As on SQLite one of them runs at a time, in the
 * whole cluster: each transaction takes one lock first (WRITERS_LOCK), so that what a work has read
 * still holds when it writes, quota and events are in order, and no work needs locks of its own.
 * What that costs is shared: the works that gather while a transaction runs go together in the
 * next, each behind a savepoint of its own, with one commit.
 *
 * What a work does not wait for is sent with what it waits for next (postgres_pipeline.c), the
 * transaction's beginning and its end too: how many works a cluster does is a matter of how long
 * each holds the lock, and that of how often it waits for an answer.
 *
 * There is no thread for it. Whoever comes first leads: it runs its own work and those that have
 * gathered with it, then hands on to the first of those that came meanwhile.
 *
 * A transaction that was lost with its connection, or that the server wants run again, is run
 * again, all works from their start; but never once COMMIT was sent, which goes together with what
 * the last work did not wait for: then nobody knows, and the caller is told that the database was
 * not there.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/postgres.h"

#define GROUP_MAX 64 /* works in one transaction: bounds how long the first waits for the last */
#define TRIES 3      /* of a transaction */
#define WRITERS_LOCK                                                                             \
    "4702111234474983745" /* 0x41757469_6f547201, "AutioTr" 1: ours alone, and the same for ever \
                           */
#define IDLE_LIMIT_MS                                                           \
    30000 /* a node that stands still in the middle must not hold up the others \
           */

struct group {
    struct postgres_write *writes[GROUP_MAX];
    size_t count;
};

/* ---- the transaction ---- */

static bool say_later(struct postgres_writer *writer, const char *text, struct error *err)
{
    return postgres_later_command(writer->connection, POSTGRES_SENT_COMMAND, text, err);
}

static bool settle(struct postgres_writer *writer, struct error *err)
{
    return postgres_settle(writer->connection, NULL, err);
}

/* The connection is idle and outside of a transaction, or given up. */
static void end(struct postgres_writer *writer, bool ended)
{
    struct postgres_db *db = writer->connection;
    struct error ignored; /* the cause is known already */

    if (!ended || (db->pipelined && !postgres_pipeline_stop(db, &ignored))) {
        postgres_db_free(take(writer->connection));
        return;
    }
    db->in_transaction = false;
    db->idle_since_us = clock_monotonic_us();
}

static void rollback(struct postgres_writer *writer)
{
    struct error ignored; /* the cause is known already */

    if (writer->connection->handle)
        settle(writer, &ignored); /* what fails there must not take this with it */
    end(writer, writer->connection->handle &&
                    postgres_command(writer->connection, "ROLLBACK", POSTGRES_LIMITED, &ignored));
}

static bool connect_anew(struct postgres_writer *writer, struct error *err)
{
    postgres_db_free(take(writer->connection));
    if (!postgres_connect(writer->server, &writer->connection, err))
        return false;
    writer->connection->base = (struct db){.database = writer->database, .writable = true};
    atomic_store(&writer->server->writer_pid, PQbackendPID(writer->connection->handle));
    return true;
}

/* What begins a transaction goes with its first statement, and fails with it. A connection that was
 * lost while nothing happened must show now: with a short transaction its COMMIT goes as well. */
static bool begin(struct postgres_writer *writer, struct error *err)
{
    const struct postgres_server *server = writer->server;
    char limits[512];

    snprintf(limits, sizeof limits,
             "SELECT set_config('lock_timeout', '%d', true),"
             " set_config('statement_timeout', '%d', true),"
             " set_config('idle_in_transaction_session_timeout', '%d', true),"
             " set_config('tcp_keepalives_idle', '20', true)," /* s: a node that lost power */
             " set_config('tcp_keepalives_interval', '5', true),"
             " set_config('tcp_keepalives_count', '3', true)",
             server->busy_ms, server->statement_ms, IDLE_LIMIT_MS);
    if (!(writer->connection && postgres_is_sound(writer->connection)) &&
        !connect_anew(writer, err))
        return false;
    writer->connection->in_transaction = true;

    /* READ COMMITTED: each statement sees what was committed before the lock was ours. */
    const char *const texts[] = {"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", limits,
                                 "SELECT pg_advisory_xact_lock(" WRITERS_LOCK ")"};
    bool sent = postgres_pipeline_start(writer->connection, err);
    for (size_t i = 0; sent && i < COUNT_OF(texts); i++)
        sent = postgres_later_command(writer->connection, POSTGRES_SENT_BEGIN, texts[i], err);
    if (!sent)
        end(writer, false);
    return sent;
}

/* Whether the transaction can only be run again, or not at all. */
static bool transaction_is_lost(const struct postgres_writer *writer)
{
    const struct postgres_db *db = writer->connection;

    return !db->handle || (PQtransactionStatus(db->handle) == PQTRANS_INERROR &&
                           (db->fault == POSTGRES_AGAIN || db->fault == POSTGRES_NOT_BEGUN));
}

/* ---- one work ---- */

static bool run_work(struct postgres_writer *writer, struct postgres_write *write)
{
    struct db *tx = &writer->connection->base;

    write->ok = write->work(tx, write->context, write->err);
    assert(tx->open_rows == 0);
    return !transaction_is_lost(writer);
}

/* Undoes what WRITE did, or makes it part of the transaction. A foreign key that is checked at
 * commit must not fail the works that share it. False if the transaction is lost. */
static bool close_savepoint(struct postgres_writer *writer, struct postgres_write *write)
{
    struct error err;

    if (write->ok)
        write->ok = say_later(writer, "SET CONSTRAINTS ALL IMMEDIATE", write->err) &&
                    say_later(writer, "SET CONSTRAINTS ALL DEFERRED", write->err) &&
                    say_later(writer, "RELEASE SAVEPOINT work", write->err) &&
                    settle(writer, write->err);
    else if (!settle(writer, &err) && transaction_is_lost(writer))
        *write->err = err; /* what fails the others too; else it may fail as it likes */
    if (write->ok || transaction_is_lost(writer))
        return write->ok;
    if (say_later(writer, "ROLLBACK TO SAVEPOINT work", &err) &&
        say_later(writer, "RELEASE SAVEPOINT work", &err) && settle(writer, &err))
        return true;
    *write->err = err;
    return false;
}

static bool run_behind_savepoint(struct postgres_writer *writer, struct postgres_write *write)
{
    write->ok = say_later(writer, "SAVEPOINT work", write->err);
    return write->ok && run_work(writer, write) && close_savepoint(writer, write);
}

/* ---- a group of works ---- */

/* Those that have not failed by themselves. */
static void fail_all(struct group *group, const struct error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        if (!group->writes[i]->ok)
            continue;
        *group->writes[i]->err = *err;
        group->writes[i]->ok = false;
    }
}

enum outcome { OVER, RUN_AGAIN };

/* The transaction was lost while GUILTY ran. What took too long would do so again. */
static enum outcome after_loss(struct postgres_writer *writer, struct group *group,
                               struct postgres_write *guilty, bool last_try)
{
    enum postgres_fault fault = writer->connection->fault;

    rollback(writer);
    guilty->settled = fault == POSTGRES_SLOW;
    if (guilty->settled || (!last_try && fault != POSTGRES_NOT_BEGUN))
        return RUN_AGAIN;
    fail_all(group, guilty->err);
    return OVER;
}

static enum outcome commit(struct postgres_writer *writer, struct group *group, bool last_try)
{
    struct error err;

    if (say_later(writer, "COMMIT", &err) && settle(writer, &err)) {
        end(writer, true);
        if (writer->database->committed)
            writer->database->committed(writer->database->committed_context);
        return OVER;
    }
    bool again = writer->connection->fault == POSTGRES_AGAIN && !last_try;
    err.is_unsure = !writer->connection->handle;
    rollback(writer);
    error_context(&err, "commit");
    if (!again)
        fail_all(group, &err);
    return again ? RUN_AGAIN : OVER;
}

static enum outcome run_alone(struct postgres_writer *writer, struct group *group, bool last_try)
{
    struct postgres_write *write = group->writes[0];

    if (!run_work(writer, write))
        return after_loss(writer, group, write, last_try);
    if (write->ok)
        return commit(writer, group, last_try);
    rollback(writer);
    return OVER;
}

static enum outcome run_together(struct postgres_writer *writer, struct group *group, bool last_try)
{
    for (size_t i = 0; i < group->count; i++)
        if (!run_behind_savepoint(writer, group->writes[i]))
            return after_loss(writer, group, group->writes[i], last_try);
    return commit(writer, group, last_try);
}

static enum outcome try_group(struct postgres_writer *writer, struct group *group, bool last_try)
{
    struct error err;

    for (size_t i = 0; i < group->count; i++)
        group->writes[i]->ok = true; /* nothing has failed yet */
    if (!begin(writer, &err)) {
        fail_all(group, &err);
        return OVER;
    }
    return group->count == 1 ? run_alone(writer, group, last_try)
                             : run_together(writer, group, last_try);
}

/* True if there was one: at most one is settled at a time. */
static bool drop_settled(struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (group->writes[i]->settled) {
            group->writes[i] = group->writes[--group->count];
            return true;
        }
    return false;
}

/* GROUP is a copy: works that are settled leave it. */
static void run_group(struct postgres_writer *writer, struct group group)
{
    int tries = 1;

    while (group.count > 0 && try_group(writer, &group, tries == TRIES) == RUN_AGAIN)
        if (!drop_settled(&group))
            tries++;
}

/* ---- those who wait ---- */

void postgres_writer_init(struct postgres_writer *writer, struct postgres_server *server,
                          struct database *database)
{
    *writer = (struct postgres_writer){.server = server, .database = database};
    writer->last = &writer->first;
    pthread_mutex_init(&writer->lock, NULL);
}

void postgres_writer_done(struct postgres_writer *writer)
{
    assert(!writer->led);
    postgres_db_free(writer->connection);
    pthread_mutex_destroy(&writer->lock);
}

/* True if its thread leads now; else another does, and will call it. */
static bool enqueue(struct postgres_writer *writer, struct postgres_write *write)
{
    pthread_mutex_lock(&writer->lock);
    /* A work that called this would wait for itself. */
    assert(!writer->led || !pthread_equal(writer->leader, pthread_self()));
    *writer->last = write;
    writer->last = &write->next;
    bool leads = !writer->led;
    writer->led = true;
    pthread_mutex_unlock(&writer->lock);
    return leads;
}

/* Takes what has gathered; the leader's own is the first. */
static void take_group(struct postgres_writer *writer, struct group *group)
{
    group->count = 0;
    pthread_mutex_lock(&writer->lock);
    writer->leader = pthread_self();
    while (writer->first && group->count < GROUP_MAX) {
        group->writes[group->count++] = writer->first;
        writer->first = writer->first->next;
    }
    if (!writer->first)
        writer->last = &writer->first;
    pthread_mutex_unlock(&writer->lock);
}

static void hand_on(struct postgres_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct postgres_write *next = writer->first;
    writer->led = next != NULL;
    if (next) {
        writer->leader = (pthread_t){0};
        next->leads = true;
        sem_post(&next->called);
    }
    pthread_mutex_unlock(&writer->lock);
}

static void lead(struct postgres_writer *writer)
{
    struct group group;

    take_group(writer, &group);
    run_group(writer, group);
    for (size_t i = 1; i < group.count; i++)
        sem_post(&group.writes[i]->called); /* its memory is gone from here on */
    hand_on(writer);
}

bool postgres_writer_run(struct postgres_writer *writer, db_work *work, void *context,
                         struct error *err)
{
    struct postgres_write write = {.work = work, .context = context, .err = err};

    sem_init(&write.called, 0, 0);
    bool is_first = enqueue(writer, &write);
    while (!is_first && sem_wait(&write.called) != 0)
        assert(errno == EINTR);
    if (is_first || write.leads)
        lead(writer);
    sem_destroy(&write.called);
    return write.ok;
}
