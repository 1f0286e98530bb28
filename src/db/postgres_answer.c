/* What the server answers on one connection: errors, and waiting with a time limit. */
#include "db/postgres_answer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"

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

void postgres_give_up(struct postgres_db *db)
{
    PQfinish(take(db->handle));
}

/* libpq ends its messages with a line's end, and may say several lines. */
bool postgres_lost(struct postgres_db *db, struct error *err)
{
    const char *why = db->handle ? PQerrorMessage(db->handle) : "the connection was lost";

    error_set(err, ERR_UNAVAILABLE, "postgresql: %.*s", (int)strcspn(why, "\n"), why);
    db->fault = POSTGRES_LOST;
    postgres_give_up(db);
    return false;
}

bool postgres_too_slow(struct postgres_db *db, struct error *err)
{
    PGcancel *cancel = PQgetCancel(db->handle);
    char ignored[256];

    PQcancel(cancel, ignored, sizeof ignored);
    PQfreeCancel(cancel);
    db->fault = POSTGRES_SLOW;
    postgres_give_up(db);
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
bool postgres_refused(struct postgres_db *db, const PGresult *result, struct error *err)
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
        postgres_give_up(db);
    return false;
}

/* ---- waiting ---- */

/* Until the socket can be read, or written as well where MORE is to be sent. */
static enum postgres_waited wait_for_socket(PGconn *handle, bool more, int64_t until_us)
{
    struct pollfd poll_for = {.fd = PQsocket(handle),
                              .events = (short)(POLLIN | (more ? POLLOUT : 0))};

    for (;;) {
        int64_t left_us = until_us - clock_monotonic_us();
        int wait_ms = until_us < 0 ? -1 : left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
        int found = poll(&poll_for, 1, wait_ms); /* even where no time is left: we may have slept */
        if (found > 0)
            return POSTGRES_READY;
        if (found == 0)
            return POSTGRES_SILENT;
        if (errno != EINTR)
            return POSTGRES_BROKEN;
    }
}

enum postgres_waited postgres_send_all(PGconn *handle, int64_t until_us)
{
    int left;

    while ((left = PQflush(handle)) > 0) {
        enum postgres_waited waited = wait_for_socket(handle, true, until_us);
        if (waited != POSTGRES_READY)
            return waited;
        if (!PQconsumeInput(handle)) /* it may wait for us to read before it reads on */
            return POSTGRES_BROKEN;
    }
    return left < 0 ? POSTGRES_BROKEN : POSTGRES_READY;
}

/* The next result, NULL behind the last. */
enum postgres_waited postgres_next_result(PGconn *handle, int64_t until_us, PGresult **out)
{
    while (PQisBusy(handle)) {
        enum postgres_waited waited = wait_for_socket(handle, false, until_us);
        if (waited != POSTGRES_READY)
            return waited;
        if (!PQconsumeInput(handle))
            return POSTGRES_BROKEN;
    }
    *out = PQgetResult(handle);
    return POSTGRES_READY;
}

bool postgres_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}
