/* One connection to PostgreSQL: opening, commands, prepared statements. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/postgres_answer.h"

#define OLDEST_VERSION 150000
#define ASK_AFTER_US \
    (30 * US_PER_S) /* idle for longer: a firewall may have forgotten the connection */
#define ASK_LIMIT_MS 5000
#define SILENCE_MS 5000 /* behind the limit that a transaction has told the server */

/* ---- the answer to one command or statement ---- */

/* The answer to what was sent: the first that is a refusal, else the last. */
static enum postgres_waited read_answer(PGconn *handle, int64_t until_us, PGresult **answer)
{
    enum postgres_waited waited = postgres_send_all(handle, until_us);
    PGresult *result = NULL;

    while (waited == POSTGRES_READY) {
        waited = postgres_next_result(handle, until_us, &result);
        if (waited != POSTGRES_READY || !result)
            break;
        if (*answer && !postgres_is_good(*answer)) {
            PQclear(result);
            continue;
        }
        PQclear(*answer);
        *answer = result;
    }
    return waited;
}

/* SENT: what libpq said to the statement. *OUT is good. */
static bool await(struct postgres_db *db, int sent, int limit_ms, PGresult **out, struct error *err)
{
    int64_t until_us = limit_ms < 0 ? -1 : clock_monotonic_us() + limit_ms * INT64_C(1000);
    PGresult *answer = NULL;

    if (!sent)
        return postgres_lost(db, err);
    enum postgres_waited waited = read_answer(db->handle, until_us, &answer);
    if (waited == POSTGRES_READY && answer && postgres_is_good(answer)) {
        *out = answer;
        return true;
    }
    if (waited == POSTGRES_SILENT)
        postgres_too_slow(db, err);
    else if (waited == POSTGRES_READY && answer && PQresultErrorField(answer, PG_DIAG_SQLSTATE))
        postgres_refused(db, answer, err);
    else
        postgres_lost(db, err);
    PQclear(answer);
    return false;
}

/* ---- opening ---- */

/* What the URL does not say. The last one is not its to say. */
static PGconn *connect_to(const char *url)
{
    static const char *const names[] = {
        "application_name", "connect_timeout",      "keepalives_idle",
        "tcp_user_timeout", "target_session_attrs", "gssencmode",
        "dbname",           "client_encoding",      NULL};
    const char *const values[] = {"audiotricks", "5", "30",   "30000", "read-write",
                                  "disable",     url, "UTF8", NULL};

    return PQconnectdbParams(names, values, 1);
}

static bool check_server(struct postgres_db *db, struct error *err)
{
    const char *encoding = PQparameterStatus(db->handle, "server_encoding");

    if (PQserverVersion(db->handle) < OLDEST_VERSION)
        return error_set(err, ERR_INVALID, "postgresql: the server is older than version %d",
                         OLDEST_VERSION / 10000);
    if (encoding && strcmp(encoding, "UTF8") != 0)
        return error_set(err, ERR_INVALID, "postgresql: the database's encoding is %s, not UTF8",
                         encoding);
    return true;
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

bool postgres_reconnect(struct postgres_db *db, struct error *err)
{
    postgres_give_up(db);
    memset(db->prepared, 0,
           POSTGRES_FORMS * db->server->sql->statement_count * sizeof *db->prepared);
    db->pipelined = db->is_unheard = false;
    db->handle = connect_to(db->server->url);
    if (!db->handle)
        abort();
    if (PQstatus(db->handle) != CONNECTION_OK || PQsetnonblocking(db->handle, 1) != 0)
        return postgres_lost(db, err);
    PQsetNoticeReceiver(db->handle, ignore_notice, NULL); /* or they go to standard error */
    return check_server(db, err);
}

bool postgres_connect(struct postgres_server *server, struct postgres_db **out, struct error *err)
{
    scoped(postgres_db_release) struct postgres_db *db = calloc(1, sizeof *db);

    if (!db)
        abort();
    db->server = server;
    db->prepared = calloc(POSTGRES_FORMS * server->sql->statement_count, sizeof *db->prepared);
    if (!db->prepared)
        abort();
    if (!postgres_reconnect(db, err))
        return false;
    *out = take(db);
    return true;
}

void postgres_db_free(struct postgres_db *db)
{
    if (!db)
        return;
    PQfinish(db->handle);
    free(db->prepared);
    free(db);
}

/* ---- commands ---- */

static bool run_command(struct postgres_db *db, const char *text, int limit_ms, struct error *err)
{
    PGresult *result;

    if (!db->handle)
        return postgres_lost(db, err);
    if (!await(db, PQsendQuery(db->handle, text), limit_ms, &result, err))
        return false;
    PQclear(result);
    return true;
}

/* Whether a statement that failed can be run again behind its caller's back. */
static bool try_again(struct postgres_db *db, struct error *err)
{
    if (db->in_transaction)
        return false;
    return db->fault == POSTGRES_AGAIN ||
           (db->fault == POSTGRES_LOST && postgres_reconnect(db, err));
}

/* In a work's transaction the server stops what takes too long, and we only a server that is
 * silent. */
int postgres_limit_ms(const struct postgres_db *db)
{
    return db->server->statement_ms + (db->base.writable ? SILENCE_MS : 0);
}

bool postgres_command(struct postgres_db *db, const char *text, enum postgres_limit limit,
                      struct error *err)
{
    int limit_ms = limit == POSTGRES_LIMITED ? postgres_limit_ms(db) : -1;

    if (db->pipelined)
        return postgres_later_command(db, POSTGRES_SENT_COMMAND, text, err) &&
               postgres_settle(db, NULL, err);
    if (run_command(db, text, limit_ms, err))
        return true;
    return try_again(db, err) && run_command(db, text, limit_ms, err);
}

bool postgres_look_for_pooler(struct postgres_db *db, struct error *err)
{
    PGresult *result;

    if (!await(db, PQsendQuery(db->handle, "SELECT pg_backend_pid()"), postgres_limit_ms(db),
               &result, err))
        return false;
    if (atoi(PQgetvalue(result, 0, 0)) != PQbackendPID(db->handle))
        atomic_store(&db->server->unnamed, true);
    PQclear(result);
    return true;
}

bool postgres_is_sound(struct postgres_db *db)
{
    struct error ignored;

    if (!postgres_snapshot_ended(db))
        return false;
    struct pollfd poll_for = {.fd = PQsocket(db->handle), .events = POLLIN};
    /* Whatever an idle server says besides is a farewell. */
    if (poll(&poll_for, 1, 0) != 0)
        return false;
    return clock_monotonic_us() - db->idle_since_us < ASK_AFTER_US ||
           run_command(db, "", ASK_LIMIT_MS, &ignored);
}

/* ---- statements ---- */

static bool prepare(struct postgres_db *db, enum sql_id id, int limit_ms, struct error *err)
{
    const char *text = db->server->sql->statements[id].text[SQL_ENGINE_POSTGRES];
    PGresult *result;

    if (db->prepared[id])
        return true;
    /* No types: the server finds them from what each parameter stands beside. */
    int sent = PQsendPrepare(db->handle, db->server->names[id], text, 0, NULL);
    if (!await(db, sent, limit_ms, &result, err))
        return false;
    PQclear(result);
    db->prepared[id] = true;
    return true;
}

static bool run_once(struct postgres_db *db, enum sql_id id, const struct postgres_parameters *with,
                     PGresult **out, struct error *err)
{
    const struct postgres_server *server = db->server;
    const char *text = server->sql->statements[id].text[SQL_ENGINE_POSTGRES];
    int limit_ms = postgres_limit_ms(db);
    int sent;

    if (!db->handle)
        return postgres_lost(db, err);
    if (atomic_load(&server->unnamed))
        sent = PQsendQueryParams(db->handle, text, with->count, NULL, with->values, with->lengths,
                                 with->formats, 1);
    else if (prepare(db, id, limit_ms, err))
        sent = PQsendQueryPrepared(db->handle, server->names[id], with->count, with->values,
                                   with->lengths, with->formats, 1);
    else
        return false;
    return await(db, sent, limit_ms, out, err);
}

bool postgres_statement(struct postgres_db *db, enum sql_id id,
                        const struct postgres_parameters *parameters, PGresult **out,
                        struct error *err)
{
    if (db->pipelined)
        return postgres_later_statement(db, id, parameters, NULL, err) &&
               postgres_settle(db, out, err);
    return run_once(db, id, parameters, out, err) ||
           (try_again(db, err) && run_once(db, id, parameters, out, err));
}
