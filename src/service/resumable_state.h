/* What the parts of service/resumable*.c share. Private to them. */
#ifndef SERVICE_RESUMABLE_STATE_H
#define SERVICE_RESUMABLE_STATE_H

#include "service/live.h"
#include "service/resumable.h"

/* How far the digest may lag behind the bytes that have come without a gap, and how much of them is
 * digested in one step. */
#define CATCH_UP_BYTES ((uint64_t)4 << 20)

/* The session and its parts, both of one moment. */
bool resumable_load(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    struct resumable_state *out, struct error *err);
/* Nothing if the session is open; else fails with its failure, or ERR_CONFLICT: it is complete. */
bool resumable_must_be_open(const struct session *session, struct error *err);
/* Opens its stage; one that was lost before anything was recorded, or is another node's, is made
 * here. What others have received is to be fetched (service/shared_stage.h). */
bool resumable_open_stage(struct app *app, const struct resumable_state *state, struct stage **out,
                          struct error *err);
/* Whether ERR, met while finishing or looking into SESSION's content, lies in the content: nothing
 * would change if it were tried again. */
bool resumable_is_final(const struct error *err);
/* Ends the session as failed with CAUSE, in an exclusive turn. Never fails: what cannot be ended
 * now ends by its expiry. */
void resumable_end_failed(struct app *app, const struct session *session,
                          const struct error *cause);
/* The first half of it: the row, and with it an object that was published and not committed. The
 * stage is to be abandoned when nobody writes to it any more. */
bool resumable_mark_failed(struct app *app, const struct session *session,
                           const struct error *cause);

/* Keeps REFUSAL for whoever asks for the session later, if it is one of the quota. */
void resumable_note_quota(struct app *app, struct uuid id, const struct error *refusal);
/* Ends the session without a trace, in an exclusive turn. */
bool resumable_end_now(struct app *app, const struct session *session, struct error *err);

/* The partial ID is in use: so are the open finals that name it, and their other partials. */
bool resumable_put_off_finals(struct db *tx, struct uuid workspace_id, struct uuid id,
                              int64_t expires_at_us, struct error *err);
/* The partial ID has failed for CAUSE: so have the open finals that name it. */
bool resumable_fail_finals(struct db *tx, struct uuid workspace_id, struct uuid id,
                           const struct error *cause, int64_t now_us, int64_t expires_at_us,
                           struct error *err);

/* Calls VISIT with what is there from FROM to before END, block by block. ERR_UNAVAILABLE if the
 * stage ends before. */
bool resumable_read_back(struct stage *stage, uint64_t from, uint64_t end,
                         void (*visit)(void *context, const void *bytes, size_t length),
                         void *context, struct error *err);
/* Reads of what is there from FROM to before END into DIGEST. */
bool resumable_digest_range(struct stage *stage, uint64_t from, uint64_t end, struct digest *digest,
                            struct error *err);

/* Takes bytes that came before, of a session whose object is published: compares them with it, as
 * far as it can be read, and them with WRITE's checks. Fails as resumable_write. */
bool resumable_compare(struct app *app, const struct session *session,
                       const struct resumable_write *write, const struct live_turn *turn,
                       struct arena *mem, struct error *err);

#endif
