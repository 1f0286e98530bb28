/*
 * Statements that are sent without waiting for each: a transaction's thread waits only where it
 * needs an answer, and then gets all at once. What the way to the server takes is paid once for
 * many statements, and the lock that all writers of the cluster take is held for shorter.
 *
 * When one fails the server passes over what was sent behind it, up to the next wait.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "db/postgres_answer.h"

/* Less than libpq sends by itself. What has not been sent begins nothing: a process that stands
 * still between two statements must not hold the lock, and where it does the server's limits for
 * idle transactions hold once it was waited for. */
#define BYTES_MOST 6000

bool postgres_pipeline_start(struct postgres_db *db, struct error *err)
{
    assert(!db->pipelined);
    db->sent_count = db->sent_bytes = 0;
    db->pipelined = PQenterPipelineMode(db->handle) == 1;
    return db->pipelined || postgres_lost(db, err);
}

bool postgres_pipeline_stop(struct postgres_db *db, struct error *err)
{
    if (!postgres_settle(db, NULL, err))
        return false;
    db->pipelined = PQexitPipelineMode(db->handle) != 1;
    return !db->pipelined || postgres_lost(db, err);
}

/* ---- sending ---- */

/* SENT: what libpq said to it. */
static bool note(struct postgres_db *db, int sent, struct postgres_sent what, struct error *err)
{
    if (!sent)
        return postgres_lost(db, err);
    db->sent[db->sent_count++] = what;
    return true;
}

/* Room for COUNT more, which take some BYTES. */
static bool make_room(struct postgres_db *db, size_t count, size_t bytes, struct error *err)
{
    if (!db->handle)
        return postgres_lost(db, err);
    if ((db->sent_count + count > COUNT_OF(db->sent) || db->sent_bytes + bytes > BYTES_MOST) &&
        !postgres_settle(db, NULL, err))
        return false;
    db->sent_bytes += bytes;
    return true;
}

static size_t bytes_of(const struct postgres_parameters *with)
{
    size_t bytes = 0;

    for (int i = 0; i < with->count; i++)
        bytes += 16 + (with->formats[i]  ? (size_t)with->lengths[i]
                       : with->values[i] ? strlen(with->values[i])
                                         : 0);
    return bytes;
}

bool postgres_later_command(struct postgres_db *db, enum postgres_sent_kind kind, const char *text,
                            struct error *err)
{
    return make_room(db, 1, strlen(text), err) &&
           note(db, PQsendQueryParams(db->handle, text, 0, NULL, NULL, NULL, NULL, 1),
                (struct postgres_sent){.kind = kind}, err);
}

static size_t slot_of(const struct postgres_db *db, const struct postgres_sent *what)
{
    return postgres_slot(db->server->sql, what->id, what->otherwise != NULL);
}

/* TEXT is NULL if it is prepared. */
static bool send_prepare(struct postgres_db *db, struct postgres_sent what, const char *text,
                         struct error *err)
{
    size_t slot = slot_of(db, &what);

    what.kind = POSTGRES_SENT_PREPARE;
    if (text)
        db->prepared[slot] =
            note(db, PQsendPrepare(db->handle, db->server->names[slot], text, 0, NULL), what, err);
    return db->prepared[slot];
}

bool postgres_later_statement(struct postgres_db *db, enum sql_id id,
                              const struct postgres_parameters *with,
                              const struct db_refusal *otherwise, struct error *err)
{
    const struct postgres_server *server = db->server;
    struct postgres_sent what = {POSTGRES_SENT_STATEMENT, id, otherwise};
    size_t slot = slot_of(db, &what);
    bool named = !atomic_load(&server->unnamed);
    scoped(memory_free) char *text =
        named && db->prepared[slot] ? NULL : postgres_text(server->sql, id, otherwise != NULL);
    int sent;

    if (!make_room(db, 2, bytes_of(with) + (text ? strlen(text) : 0), err))
        return false;
    if (!named)
        sent = PQsendQueryParams(db->handle, text, with->count, NULL, with->values, with->lengths,
                                 with->formats, 1);
    else if (send_prepare(db, what, text, err))
        sent = PQsendQueryPrepared(db->handle, server->names[slot], with->count, with->values,
                                   with->lengths, with->formats, 1);
    else
        return false;
    return note(db, sent, what, err);
}

/* ---- waiting ---- */

struct answers {
    PGresult *last;    /* of what was sent last, if it is good */
    PGresult *refusal; /* the first */
    size_t refused;    /* which */
};

static void answers_release(struct answers *answers)
{
    PQclear(answers->last);
    PQclear(answers->refusal);
}

static void keep(struct answers *answers, PGresult *result, size_t at, size_t count)
{
    bool good = postgres_is_good(result);

    if (good && at + 1 == count) {
        PQclear(answers->last);
        answers->last = result;
    } else if (!good && !answers->refusal) {
        answers->refusal = result;
        answers->refused = at;
    } else {
        PQclear(result);
    }
}

/* Each answer may take as long as if it were the only one. */
static int64_t until(const struct postgres_db *db)
{
    return clock_monotonic_us() + postgres_limit_ms(db) * INT64_C(1000);
}

/* Reads what answers all that was sent, and the end of it. */
static enum postgres_waited read_answers(struct postgres_db *db, struct answers *out)
{
    enum postgres_waited waited = postgres_send_all(db->handle, until(db));
    PGresult *result = NULL;

    for (size_t at = 0; at < db->sent_count; at++)
        while (waited == POSTGRES_READY &&
               (waited = postgres_next_result(db->handle, until(db), &result)) == POSTGRES_READY &&
               result)
            keep(out, result, at, db->sent_count);
    if (waited == POSTGRES_READY)
        waited = postgres_next_result(db->handle, until(db), &result);
    if (waited == POSTGRES_READY && PQresultStatus(result) != PGRES_PIPELINE_SYNC && !out->refusal)
        waited = POSTGRES_BROKEN;
    if (waited == POSTGRES_READY)
        PQclear(result);
    return waited;
}

/* What was not done: it was passed over, from the one that failed on. */
static void forget(struct postgres_db *db, size_t from)
{
    for (size_t at = from; at < db->sent_count; at++)
        if (db->sent[at].kind == POSTGRES_SENT_PREPARE)
            db->prepared[slot_of(db, &db->sent[at])] = false;
}

static bool refusal(struct postgres_db *db, const struct answers *answers, struct error *err)
{
    const struct postgres_sent *sent = &db->sent[answers->refused];
    bool is_last = answers->refused + 1 == db->sent_count;

    const char *state = PQresultErrorField(answers->refusal, PG_DIAG_SQLSTATE);

    if (!state)
        return postgres_lost(db, err);
    forget(db, answers->refused);
    postgres_refused(db, answers->refusal, err);
    if (sent->otherwise && strcmp(state, POSTGRES_NOTHING) == 0)
        error_tell(err, sent->otherwise->kind, "%s", sent->otherwise->why);
    if (sent->kind == POSTGRES_SENT_BEGIN && db->fault == POSTGRES_REFUSED)
        db->fault = POSTGRES_NOT_BEGUN;
    else if (sent->kind != POSTGRES_SENT_COMMAND && sent->kind != POSTGRES_SENT_BEGIN && !is_last)
        error_context(err, "statement %s", db->server->sql->statements[sent->id].name);
    return false;
}

bool postgres_settle(struct postgres_db *db, PGresult **last, struct error *err)
{
    scoped(answers_release) struct answers answers = {0};
    bool ok = false;

    if (!db->handle)
        return postgres_lost(db, err);
    if (db->sent_count == 0)
        return true;
    enum postgres_waited waited =
        PQpipelineSync(db->handle) == 1 ? read_answers(db, &answers) : POSTGRES_BROKEN;
    if (waited == POSTGRES_SILENT)
        postgres_too_slow(db, err);
    else if (waited == POSTGRES_BROKEN)
        postgres_lost(db, err);
    else if (answers.refusal)
        refusal(db, &answers, err);
    else
        ok = answers.last || postgres_lost(db, err);
    db->sent_count = db->sent_bytes = 0;
    if (ok && last)
        *last = take(answers.last);
    return ok;
}

/* ---- transactions that only read ---- */

bool postgres_snapshot_begin(struct postgres_db *db, struct error *err)
{
    return postgres_pipeline_start(db, err) &&
           postgres_later_command(db, POSTGRES_SENT_BEGIN,
                                  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

void postgres_snapshot_leave(struct postgres_db *db)
{
    struct error ignored;

    if (!postgres_later_command(db, POSTGRES_SENT_COMMAND, "ROLLBACK", &ignored))
        return; /* the connection was lost */
    db->is_unheard = PQpipelineSync(db->handle) == 1 && PQflush(db->handle) == 0;
    if (!db->is_unheard)
        postgres_give_up(db);
}

bool postgres_snapshot_ended(struct postgres_db *db)
{
    scoped(answers_release) struct answers answers = {0};

    if (!db->is_unheard)
        return true;
    if (read_answers(db, &answers) != POSTGRES_READY || answers.refusal)
        return false;
    db->sent_count = db->sent_bytes = 0;
    db->is_unheard = false;
    db->pipelined = PQexitPipelineMode(db->handle) != 1;
    return !db->pipelined;
}
