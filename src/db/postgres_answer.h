/* What the server answers on one connection. For postgres_connection.c and postgres_pipeline.c. */
#ifndef DB_POSTGRES_ANSWER_H
#define DB_POSTGRES_ANSWER_H

#include "db/postgres.h"

/* ---- failures: ERR and the connection's fault are filled; false ---- */

/* The server is gone, as libpq says. */
bool postgres_lost(struct postgres_db *db, struct error *err);
/* No answer in time: what runs there is cancelled, and the connection given up. */
bool postgres_too_slow(struct postgres_db *db, struct error *err);
/* RESULT is the server's refusal. */
bool postgres_refused(struct postgres_db *db, const PGresult *result, struct error *err);

void postgres_give_up(struct postgres_db *db);

/* ---- waiting, until UNTIL_US of the monotonic clock; below 0: for ever ---- */

enum postgres_waited { POSTGRES_READY, POSTGRES_SILENT, POSTGRES_BROKEN };

/* Until all that was queued has been sent. */
enum postgres_waited postgres_send_all(PGconn *handle, int64_t until_us);
/* *OUT is the caller's: the next result, or NULL behind those of one statement. */
enum postgres_waited postgres_next_result(PGconn *handle, int64_t until_us, PGresult **out);

bool postgres_is_good(const PGresult *result);

#endif
