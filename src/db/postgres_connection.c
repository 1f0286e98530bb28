/* One connection to PostgreSQL: commands, prepared statements, time limits, errors. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/postgres.h"

#define OLDEST_VERSION 150000
#define ASK_AFTER_US \
    (30 * US_PER_S) /* idle for longer: a firewall may have forgotten the connection */
#define ASK_LIMIT_MS 5000
#define SILENCE_MS 5000 /* behind the limit that a transaction has told the server */

/* ---- errors ---- */

static bool begins(const char *state, const char *class)
{
    return strncmp(state, class, strlen(class)) == 0;
}

/* Appendix A of PostgreSQL's manual: five characters, the first two the class. */
static enum error_kind kind_of(const char *state)
{
    if (strcmp(state, "23505") == 0) /* unique_violation */
        return ERR_EXISTS;
    if (strcmp(state, "23503") == 0 || strcmp(state, "P0001") == 0) /* foreign key; RAISE */
        return ERR_CONFLICT;
    if (begins(state, "22") || begins(state, "23")) /* data, other constraints */
        return ERR_INVALID;
    if (strcmp(state, "53100") == 0) /* disk_full */
        return ERR_STORAGE_FULL;
    /* Connection, resources, shutdown and cancelling, locks, read-only after a fail-over, idle for
     * too long, the transaction must be run again. */
    if (begins(state, "08") || begins(state, "53") || begins(state, "57") || begins(state, "55") ||
        begins(state, "25") || begins(state, "40"))
        return ERR_UNAVAILABLE;
    return ERR_INTERNAL;
}

/* invalid_sql_statement_name, duplicate_prepared_statement: a pooler stands in between. */
static bool is_moved_name(const char *state)
{
    return strcmp(state, "26000") == 0 || strcmp(state, "42P05") == 0;
}

static void give_up_connection(struct postgres_db *db)
{
    PQfinish(take(db->handle));
}

/* libpq ends its messages with a line's end, and may say several lines. */
static bool lost(struct postgres_db *db, struct error *err)
{
    const char *why = db->handle ? PQerrorMessage(db->handle) : "the connection was lost";

    error_set(err, ERR_UNAVAILABLE, "postgresql: %.*s", (int)strcspn(why, "\n"), why);
    db->fault = POSTGRES_LOST;
    give_up_connection(db);
    return false;
}

static bool too_slow(struct postgres_db *db, struct error *err)
{
    PGcancel *cancel = PQgetCancel(db->handle);
    char ignored[256];

    PQcancel(cancel, ignored, sizeof ignored);
    PQfreeCancel(cancel);
    db->fault = POSTGRES_SLOW;
    give_up_connection(db);
    return error_set(err, ERR_UNAVAILABLE, "postgresql: no answer within the time limit");
}

static const char *field_of(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);

    return text ? text : "";
}

static enum postgres_fault fault_of(const struct postgres_db *db, const char *state,
                                    const char *severity)
{
    if (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)
        return POSTGRES_LOST;
    if (strcmp(state, "25P02") == 0) /* in_failed_sql_transaction: what failed first counts */
        return db->fault;
    if (begins(state, "40") || is_moved_name(state)) /* serialization, deadlock */
        return POSTGRES_AGAIN;
    return POSTGRES_REFUSED;
}

/* The server's refusal. Neither its detail, which quotes values, nor the statement is repeated. */
static bool refused(struct postgres_db *db, const PGresult *result, struct error *err)
{
    const char *state = field_of(result, PG_DIAG_SQLSTATE);
    const char *severity = field_of(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *constraint = field_of(result, PG_DIAG_CONSTRAINT_NAME);

    error_set(err, kind_of(state), "%s%s%s (postgresql %s)",
              field_of(result, PG_DIAG_MESSAGE_PRIMARY), constraint[0] ? ": " : "", constraint,
              state);
    db->fault = fault_of(db, state, severity);
    if (is_moved_name(state))
        atomic_store(&db->server->unnamed, true);
    if (db->fault == POSTGRES_LOST)
        give_up_connection(db);
    return false;
}

/* ---- waiting ---- */

enum waited { READY, SILENT, BROKEN };

/* Until the socket can be read, or written as well where MORE is to be sent. */
static enum waited wait_for_socket(PGconn *handle, bool more, int64_t until_us)
{
    struct pollfd poll_for = {.fd = PQsocket(handle),
                              .events = (short)(POLLIN | (more ? POLLOUT : 0))};

    for (;;) {
        int64_t left_us = until_us - clock_monotonic_us();
        int wait_ms = until_us < 0 ? -1 : left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
        int found = poll(&poll_for, 1, wait_ms); /* even where no time is left: we may have slept */
        if (found > 0)
            return READY;
        if (found == 0)
            return SILENT;
        if (errno != EINTR)
            return BROKEN;
    }
}

static enum waited send_all(PGconn *handle, int64_t until_us)
{
    int left;

    while ((left = PQflush(handle)) > 0) {
        enum waited waited = wait_for_socket(handle, true, until_us);
        if (waited != READY)
            return waited;
        if (!PQconsumeInput(handle)) /* it may wait for us to read before it reads on */
            return BROKEN;
    }
    return left < 0 ? BROKEN : READY;
}

/* The next result, NULL behind the last. */
static enum waited next_result(PGconn *handle, int64_t until_us, PGresult **out)
{
    while (PQisBusy(handle)) {
        enum waited waited = wait_for_socket(handle, false, until_us);
        if (waited != READY)
            return waited;
        if (!PQconsumeInput(handle))
            return BROKEN;
    }
    *out = PQgetResult(handle);
    return READY;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* The answer to what was sent: the first that is a refusal, else the last. */
static enum waited read_answer(PGconn *handle, int64_t until_us, PGresult **answer)
{
    enum waited waited = send_all(handle, until_us);
    PGresult *result = NULL;

    while (waited == READY) {
        waited = next_result(handle, until_us, &result);
        if (waited != READY || !result)
            break;
        if (*answer && !is_good(*answer)) {
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
        return lost(db, err);
    enum waited waited = read_answer(db->handle, until_us, &answer);
    if (waited == READY && answer && is_good(answer)) {
        *out = answer;
        return true;
    }
    if (waited == SILENT)
        too_slow(db, err);
    else if (waited == READY && answer && PQresultErrorField(answer, PG_DIAG_SQLSTATE))
        refused(db, answer, err);
    else
        lost(db, err);
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
    give_up_connection(db);
    memset(db->prepared, 0, db->server->sql->statement_count * sizeof *db->prepared);
    db->handle = connect_to(db->server->url);
    if (!db->handle)
        abort();
    if (PQstatus(db->handle) != CONNECTION_OK || PQsetnonblocking(db->handle, 1) != 0)
        return lost(db, err);
    PQsetNoticeReceiver(db->handle, ignore_notice, NULL); /* or they go to standard error */
    return check_server(db, err);
}

bool postgres_connect(struct postgres_server *server, struct postgres_db **out, struct error *err)
{
    scoped(postgres_db_release) struct postgres_db *db = calloc(1, sizeof *db);

    if (!db)
        abort();
    db->server = server;
    db->prepared = calloc(server->sql->statement_count, sizeof *db->prepared);
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
        return lost(db, err);
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
static int limit_of(const struct postgres_db *db)
{
    return db->server->statement_ms + (db->base.writable ? SILENCE_MS : 0);
}

bool postgres_command(struct postgres_db *db, const char *text, enum postgres_limit limit,
                      struct error *err)
{
    int limit_ms = limit == POSTGRES_LIMITED ? limit_of(db) : -1;

    if (run_command(db, text, limit_ms, err))
        return true;
    return try_again(db, err) && run_command(db, text, limit_ms, err);
}

bool postgres_look_for_pooler(struct postgres_db *db, struct error *err)
{
    PGresult *result;

    if (!await(db, PQsendQuery(db->handle, "SELECT pg_backend_pid()"), limit_of(db), &result, err))
        return false;
    if (atoi(PQgetvalue(result, 0, 0)) != PQbackendPID(db->handle))
        atomic_store(&db->server->unnamed, true);
    PQclear(result);
    return true;
}

bool postgres_is_sound(struct postgres_db *db)
{
    struct pollfd poll_for = {.fd = PQsocket(db->handle), .events = POLLIN};
    struct error ignored;

    /* Whatever an idle server says is a farewell. */
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
    int limit_ms = limit_of(db);
    int sent;

    if (!db->handle)
        return lost(db, err);
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
    return run_once(db, id, parameters, out, err) ||
           (try_again(db, err) && run_once(db, id, parameters, out, err));
}
