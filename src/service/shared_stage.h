/*
 * Stages that other nodes go on with. Where nodes share a store whose objects are no files of
 * theirs, what a session has received is in the stage of the node that received it and, before it
 * is acknowledged, as pieces (catalog/piece.h) in the store. A node that needs bytes which another
 * has received fetches them into a stage of its own.
 *
 * Bytes that count never change, so nothing has to be told from node to node: two that receive the
 * same bytes at once find out when they record them, and the second is refused.
 */
#ifndef SERVICE_SHARED_STAGE_H
#define SERVICE_SHARED_STAGE_H

#include "service/resumable.h"
#include "store/store.h"

/* What this node's stages hold of the bytes that count. */
struct shared_stages;

struct shared_stages *shared_stages_new(void);
void shared_stages_free(struct shared_stages *stages);

/* Whether those of new sessions in the store STORE_NAME are. */
bool shared_stage_is_wanted(const struct app *app, const char *store_name);
/* Whether SESSION's stage is one. */
bool shared_stage_is_used(const struct app *app, const struct session *session);
/* Whether only another node has what came of SESSION: it goes on there, or not at all. */
bool shared_stage_is_elsewhere(const struct app *app, const struct session *session);

/*
 * Stores what STAGE has of PART, to be counted (piece_count) by the transaction that records it.
 * *PIECE is nil, and nothing is done, where the stage is not shared.
 */
bool shared_stage_store(struct app *app, const struct session *session, struct stage *stage,
                        struct part part, struct uuid *piece, struct error *err);
/* PART was recorded, of what the stage here has. */
void shared_stage_note(struct app *app, const struct session *session, struct part part);
/*
 * Brings into STAGE what counts of PART and is not there. PARTS are all that count.
 *
 * Fails with ERR_UNAVAILABLE if they are missing, or the store does not answer.
 */
bool shared_stage_fetch(struct app *app, const struct session *session,
                        const struct part_set *parts, struct stage *stage, struct part part,
                        struct error *err);
/* Whether all of PART is in the stage here; true where it is not shared. */
bool shared_stage_has(struct app *app, const struct session *session, struct part part);

/* Tells STAGE, which has all of the session, what of it the store has: for stage_publish, until
 * which MEM must live. */
bool shared_stage_tell(struct app *app, const struct session *session, struct stage *stage,
                       struct arena *mem, struct error *err);

/* ---- making the upload: one node at a time ---- */

struct finish_turn {
    struct app *app;
    struct uuid id;
    bool is_held;
};

/* Waits while another node that is alive makes the upload of the session. Where the session has
 * ended, or its stage is not shared, it does nothing. Fails with ERR_UNAVAILABLE after a while. */
bool finish_turn_enter(struct app *app, const struct session *session, struct finish_turn *turn,
                       struct error *err);
void finish_turn_release(struct finish_turn *turn);

#endif
