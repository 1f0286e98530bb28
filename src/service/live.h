/*
 * Sessions that requests are working on, in this process: who may write where, and the digest that
 * runs along with what has arrived. Of sessions that nobody works on the last digests are kept.
 *
 * Each request takes a *turn*. Turns that overlap follow one another in the order in which they
 * came; a newcomer may cut the earlier ones short, so that a client that has lost its connection
 * need not wait for the old request to notice. Knows nothing of HTTP: cutting is a function that
 * the request gave along.
 */
#ifndef SERVICE_LIVE_H
#define SERVICE_LIVE_H

#include <stdatomic.h>

#include "base/error.h"
#include "base/scoped.h"
#include "base/uuid.h"
#include "catalog/part.h"
#include "catalog/session.h"
#include "crypto/digest.h"

#define LIVE_END UINT64_MAX /* of a part that is open at its end */

struct live;
struct live_session;

/* What a request wants to do, and while it does so. Zeroed, filled, entered, left; by one thread.
 */
struct live_turn {
    struct part range; /* overlaps the turns whose ranges share bytes with it */
    bool is_exclusive; /* overlaps every turn of the session, whatever their ranges */
    bool cuts;         /* earlier turns that overlap are cut short, else waited for */
    bool removes;      /* the session: whoever it cuts is told so */
    void (*interrupt)(void *context); /* makes the request end soon; by another thread, once at
                                         most, while the turn lasts. NULL: it cannot be cut */
    void *context;

    atomic_bool is_cut;     /* to be looked at between blocks */
    atomic_bool is_removed; /* what cut it removes the session */
    struct live_session *session;
    struct live_turn *next;
};

struct live *live_new(void);
void live_free(struct live *live);

/* Waits until no earlier turn of the session overlaps. Fails as live_cut if a newer one cut it
 * meanwhile, ERR_UNAVAILABLE if the earlier ones do not end, or many wait already for one that
 * cannot be cut. TURN must stay until it is left. */
bool live_enter(struct live *live, struct uuid id, struct live_turn *turn, struct error *err);
/* Harmless for a turn that was not entered. */
void live_leave(struct live_turn *turn);
static inline void live_turn_release(struct live_turn *turn)
{
    live_leave(turn);
}

/* Fails with why a turn that is cut must end: ERR_NOT_FOUND if the session is removed, else
 * ERR_SUPERSEDED. */
bool live_cut(const struct live_turn *turn, struct error *err);

/* Whether a request is working on the session, or waits to. */
bool live_is_busy(struct live *live, struct uuid id);
/* How many sessions are being worked on. */
unsigned live_count(struct live *live);

/* ---- the digest of what has arrived, from the start without a gap ---- */

/* Lends the running digest, to go on with from *OUT's length; nobody else gets it until it is given
 * back. SESSION is the row, read after the turn was entered: where nothing is known yet the digest
 * begins with what it holds. NULL if another turn has it. */
struct digest *live_digest_borrow(struct live_turn *turn, const struct session *session);
/* The same, but waits while another turn has it. Never NULL. */
struct digest *live_digest_await(struct live_turn *turn, const struct session *session);
/* Writes down the digest as it was last given back. *LENGTH is what it covers; false if it is not
 * known, or cannot be written down. */
bool live_digest_save(struct live_turn *turn, uint8_t out[static DIGEST_SAVED_BYTES],
                      uint64_t *length);
/* How many bytes it covered when it was last given back; 0 if it is not known. */
uint64_t live_digest_length(struct live_turn *turn);
/* Gives it back, with DIGEST in its place (which is the session's from now on): it covers only
 * bytes that are recorded. NULL: as it was when it was lent. */
void live_digest_return(struct live_turn *turn, struct digest *digest);

#endif
