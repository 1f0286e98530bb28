/* What the parts of resumable_write share. Private to them. */
#ifndef SERVICE_RESUMABLE_WRITING_H
#define SERVICE_RESUMABLE_WRITING_H

#include "service/hasher.h"
#include "service/resumable_state.h"

/* One request's bytes on their way. What stands before RECORDED, from the write's offset on, is
 * recorded; what stands before AT has been written. */
struct writing {
    struct app *app;
    const struct resumable_write *write;
    struct live_turn *turn;
    struct arena *mem;
    struct resumable_state state; /* as it was when the turn began */
    struct stage *stage;
    struct hasher *hasher; /* NULL: the digest does not run along */
    void *block;           /* without a hasher */
    void *there;           /* what stands in the stage, to compare with; NULL until needed */
    uint64_t recorded;
    uint64_t at;
    uint64_t reserved_bytes;
    uint64_t read_after_cut; /* bytes */
    bool is_refused;         /* what was to be recorded could not be, and would not be again */
};

/* ---- the digest ---- */

/* It runs along if this is where it stands. */
void resumable_digest_begin(struct writing *writing);
/* What was recorded is the digest's; what was not is forgotten. */
void resumable_digest_end(struct writing *writing);
/*
 * Goes on with the digest over what others have brought. Whoever finds it far behind waits for
 * those who are at it and helps, before it answers: so senders do not outrun the digest, and there
 * is never much left to do when the last part has come.
 */
bool resumable_digest_catch_up(struct writing *writing, const struct resumable_state *now,
                               struct error *err);

#endif
