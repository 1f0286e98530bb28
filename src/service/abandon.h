/*
 * Ending a session that did not become an upload: its stage, whatever it published, its row and
 * with it its reservation; and the stage of one that has ended. What cannot be ended now (a disk
 * that does not answer, a locked database) is kept in mind and ended by the next sweep.
 */
#ifndef SERVICE_ABANDON_H
#define SERVICE_ABANDON_H

#include "catalog/session.h"
#include "service/app.h"

struct abandoned *abandoned_new(void);
void abandoned_free(struct abandoned *list);

/* Ends SESSION now: bytes first, then the row, so that whatever a crash leaves is explained by the
 * row; where the database may be elsewhere the row first, and what was published is explained as
 * garbage. An object at the session's path stays if an upload has it. */
bool abandon_session(struct app *app, const struct session *session, struct error *err);
/* The same, or later if it cannot be done now. Never fails. */
void abandon_session_or_later(struct app *app, const struct session *session);
/* Within a write: ends the row of SESSION, and puts the object at its path, whether it is there or
 * not, on the garbage list for REASON. *THERE is false, and nothing is done, if it had ended. */
bool abandon_condemn(struct db *tx, struct app *app, const struct session *session,
                     const char *reason, bool *there, struct error *err);
/* Ends it later, at the next sweep: the session may come about yet. */
void abandon_later(struct app *app, const struct session *session);
/* The same for a session that never had a stage: its row goes, whether or not the store answers. */
void abandon_row_or_later(struct app *app, const struct session *session);
/* Discards the stage of a session that has ended, or later if it cannot be done now. Never fails.
 */
void abandon_stage_or_later(struct app *app, const struct session *session);
/* Tries again what could not be ended, all of it; fails with the first cause if some still cannot.
 * *COUNT is how many were, either way. */
bool abandon_again(struct app *app, uint64_t *count, struct error *err);

#endif
