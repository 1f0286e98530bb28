#include "service/live.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#define BUCKETS 256
#define KEPT_DIGESTS 64
/* Longer than any request that was cut takes to sync what it has. */
#define WAIT_S 60
/* Each that waits holds a thread of the server. */
#define WAITING_MAX 16

struct live_session {
    struct live *live;
    struct uuid id;
    struct live_turn *first; /* in the order in which they came */
    struct digest *digest;   /* NULL: not known yet */
    bool is_lent;
    pthread_cond_t changed;    /* a turn has left, or was cut; the digest was given back */
    struct live_session *next; /* in its bucket */
};

/* The digest of a session without turns: it may be farther than what the catalog keeps of it. */
struct kept_digest {
    struct uuid id;
    struct digest *digest; /* NULL: the place is free */
};

/* LOCK guards all of it. A session stands in the table as long as it has turns; of those that had
 * the last ones the digests are kept. */
struct live {
    pthread_mutex_t lock;
    struct kept_digest kept[KEPT_DIGESTS];
    unsigned next_kept; /* is overwritten next */
    unsigned count;     /* sessions in the table */
    struct live_session *buckets[BUCKETS];
};

struct live *live_new(void)
{
    struct live *live = calloc(1, sizeof *live);

    assert(live);
    pthread_mutex_init(&live->lock, NULL);
    return live;
}

static void session_free(struct live_session *session)
{
    pthread_cond_destroy(&session->changed);
    digest_free(session->digest);
    free(session);
}

void live_free(struct live *live)
{
    if (!live)
        return;
    assert(live->count == 0);
    for (unsigned i = 0; i < KEPT_DIGESTS; i++)
        digest_free(live->kept[i].digest);
    pthread_mutex_destroy(&live->lock);
    free(live);
}

/* ---- digests between turns; under the lock ---- */

static void keep_digest(struct live *live, struct live_session *session)
{
    struct kept_digest *place = &live->kept[live->next_kept];

    if (!session->digest)
        return;
    digest_free(place->digest);
    *place = (struct kept_digest){session->id, take(session->digest)};
    live->next_kept = (live->next_kept + 1) % KEPT_DIGESTS;
}

static struct digest *kept_digest_take(struct live *live, struct uuid id)
{
    for (unsigned i = 0; i < KEPT_DIGESTS; i++)
        if (live->kept[i].digest && uuid_equal(live->kept[i].id, id))
            return take(live->kept[i].digest);
    return NULL;
}

/* ---- the table; under the lock ---- */

static struct live_session **slot_of(struct live *live, struct uuid id)
{
    struct live_session **at = &live->buckets[id.bytes[15] % BUCKETS];

    while (*at && !uuid_equal((*at)->id, id))
        at = &(*at)->next;
    return at;
}

static struct live_session *find_or_make(struct live *live, struct uuid id)
{
    struct live_session **slot = slot_of(live, id);
    pthread_condattr_t monotonic;

    if (*slot)
        return *slot;
    *slot = calloc(1, sizeof **slot);
    assert(*slot);
    (*slot)->live = live;
    (*slot)->id = id;
    (*slot)->digest = kept_digest_take(live, id);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&(*slot)->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    live->count++;
    return *slot;
}

static void drop(struct live_session *session)
{
    struct live_session **slot = slot_of(session->live, session->id);

    *slot = session->next;
    session->live->count--;
    keep_digest(session->live, session);
    session_free(session);
}

/* ---- turns ---- */

static bool overlap(const struct live_turn *a, const struct live_turn *b)
{
    if (a->is_exclusive || b->is_exclusive)
        return true;
    return a->range.start < b->range.end && b->range.start < a->range.end;
}

static void append(struct live_session *session, struct live_turn *turn)
{
    struct live_turn **at = &session->first;

    while (*at)
        at = &(*at)->next;
    *at = turn;
    turn->session = session;
}

/* Whether an earlier turn overlaps; with CUT each such is cut. */
static bool is_blocked(const struct live_turn *turn, bool cut)
{
    bool blocked = false;

    for (struct live_turn *at = turn->session->first; at != turn; at = at->next) {
        if (!overlap(at, turn))
            continue;
        blocked = true;
        if (!cut || !at->interrupt)
            continue;
        if (turn->removes)
            atomic_store(&at->is_removed, true); /* before it sees that it is cut */
        if (!atomic_exchange(&at->is_cut, true))
            at->interrupt(at->context);
    }
    return blocked;
}

/* Whether so many are before TURN already, one of them for as long as it likes, that it shall not
 * wait as well. */
static bool is_crowded(const struct live_turn *turn)
{
    bool is_long = false;
    unsigned before = 0;

    for (struct live_turn *at = turn->session->first; at != turn; at = at->next) {
        is_long |= overlap(at, turn) && !at->interrupt;
        before++;
    }
    return is_long && before > WAITING_MAX;
}

static bool wait_for_others(struct live_turn *turn, struct error *err)
{
    struct live_session *session = turn->session;
    struct timespec until;

    if (is_crowded(turn))
        return error_tell(err, ERR_UNAVAILABLE, "too many requests wait for this upload");

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    if (!is_blocked(turn, turn->cuts))
        return true;
    pthread_cond_broadcast(&session->changed); /* those who wait may have been cut */
    while (is_blocked(turn, false)) {
        if (atomic_load(&turn->is_cut))
            return live_cut(turn, err);
        if (pthread_cond_timedwait(&session->changed, &session->live->lock, &until) == ETIMEDOUT)
            return error_tell(err, ERR_UNAVAILABLE,
                              "an earlier request for this upload still runs");
    }
    return true;
}

static void leave(struct live_turn *turn)
{
    struct live_session *session = turn->session;
    struct live_turn **at = &session->first;

    while (*at != turn)
        at = &(*at)->next;
    *at = turn->next;
    turn->session = NULL;
    turn->next = NULL;
    if (session->first)
        pthread_cond_broadcast(&session->changed);
    else
        drop(session);
}

bool live_enter(struct live *live, struct uuid id, struct live_turn *turn, struct error *err)
{
    bool entered;

    pthread_mutex_lock(&live->lock);
    append(find_or_make(live, id), turn);
    entered = wait_for_others(turn, err);
    if (!entered)
        leave(turn);
    pthread_mutex_unlock(&live->lock);
    return entered;
}

bool live_cut(const struct live_turn *turn, struct error *err)
{
    if (atomic_load(&turn->is_removed))
        return error_tell(err, ERR_NOT_FOUND, "the upload has been cancelled");
    return error_set(err, ERR_SUPERSEDED, "a newer request for this upload took over");
}

void live_leave(struct live_turn *turn)
{
    struct live *live = turn->session ? turn->session->live : NULL;

    if (!live)
        return;
    pthread_mutex_lock(&live->lock);
    leave(turn);
    pthread_mutex_unlock(&live->lock);
}

bool live_is_busy(struct live *live, struct uuid id)
{
    bool busy;

    pthread_mutex_lock(&live->lock);
    busy = *slot_of(live, id) != NULL;
    pthread_mutex_unlock(&live->lock);
    return busy;
}

unsigned live_count(struct live *live)
{
    unsigned count;

    pthread_mutex_lock(&live->lock);
    count = live->count;
    pthread_mutex_unlock(&live->lock);
    return count;
}

/* ---- the digest ---- */

/* What the row holds, or one of nothing. */
static struct digest *digest_of_row(const struct session *row)
{
    struct digest *digest = digest_load(row->digest_state, row->digest_state_bytes);

    if (digest && digest_length(digest) == row->hashed_bytes)
        return digest;
    digest_free(digest);
    return digest_new(DIGEST_BEST);
}

/* Under the lock. */
static struct digest *lend(struct live_session *session, const struct session *row)
{
    if (session->digest && digest_length(session->digest) < row->hashed_bytes)
        digest_free(take(session->digest)); /* another process has gone on with it */
    if (!session->digest)
        session->digest = digest_of_row(row);
    session->is_lent = true;
    return digest_copy(session->digest);
}

struct digest *live_digest_borrow(struct live_turn *turn, const struct session *row)
{
    struct live_session *session = turn->session;
    struct digest *copy;

    pthread_mutex_lock(&session->live->lock);
    copy = session->is_lent ? NULL : lend(session, row);
    pthread_mutex_unlock(&session->live->lock);
    return copy;
}

struct digest *live_digest_await(struct live_turn *turn, const struct session *row)
{
    struct live_session *session = turn->session;
    struct digest *copy;

    pthread_mutex_lock(&session->live->lock);
    while (session->is_lent)
        pthread_cond_wait(&session->changed, &session->live->lock);
    copy = lend(session, row);
    pthread_mutex_unlock(&session->live->lock);
    return copy;
}

void live_digest_return(struct live_turn *turn, struct digest *digest)
{
    struct live_session *session = turn->session;

    pthread_mutex_lock(&session->live->lock);
    session->is_lent = false;
    pthread_cond_broadcast(&session->changed);
    if (digest) {
        digest_free(session->digest);
        session->digest = digest;
    }
    pthread_mutex_unlock(&session->live->lock);
}

bool live_digest_save(struct live_turn *turn, uint8_t out[static DIGEST_SAVED_BYTES],
                      uint64_t *length)
{
    struct live_session *session = turn->session;
    bool saved = false;

    pthread_mutex_lock(&session->live->lock);
    if (session->digest) {
        *length = digest_length(session->digest);
        saved = digest_save(session->digest, out);
    }
    pthread_mutex_unlock(&session->live->lock);
    return saved;
}

uint64_t live_digest_length(struct live_turn *turn)
{
    struct live_session *session = turn->session;
    uint64_t length;

    pthread_mutex_lock(&session->live->lock);
    length = session->digest ? digest_length(session->digest) : 0;
    pthread_mutex_unlock(&session->live->lock);
    return length;
}
