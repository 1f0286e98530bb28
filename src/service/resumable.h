/*
 * Uploads of several requests: begun once, written to at any place and in any order, finished when
 * all has come. Indexed chunks, tus and the IETF draft are three faces of it: one set of ranges,
 * one digest, whichever of them a session was begun with. Knows nothing of HTTP.
 *
 * What is reported as there is on stable storage, and is never written again: a retry that brings
 * the same bytes changes nothing, one that brings others is refused. Bytes are written once, at
 * their place in the stage; the digest runs along with those that arrive in order and reads back
 * the rest.
 */
#ifndef SERVICE_RESUMABLE_H
#define SERVICE_RESUMABLE_H

#include "base/stream.h"
#include "catalog/part.h"
#include "crypto/checksum.h"
#include "service/ingest.h"

#define RESUMABLE_PARTIALS_MAX 1000 /* of one final */

struct resumable_request {
    struct uuid workspace_id;
    struct uuid user_id;
    enum session_kind kind;
    const char *filename;      /* as the client gave it; checked */
    const char *declared_type; /* media type without parameters; NULL if none */
    uint64_t size;             /* bytes, or SESSION_SIZE_UNKNOWN */
    uint64_t first_bytes;      /* of unknown size: reserved at once, since so many are to come */
    uint64_t chunk_size;       /* of indexed chunks; 0: not given */
    enum on_duplicate on_duplicate;
    struct digest_claims claims;  /* of the whole */
    const char *metadata;         /* JSON object that is kept with the upload; NULL: none */
    const char *protocol_headers; /* JSON object that the protocol repeats; NULL: none */
    const char *idempotency_key;  /* NULL: none */
    enum session_concatenation concatenation;
    const struct uuid *partials; /* of a final, in order; RESUMABLE_PARTIALS_MAX at most */
    size_t partial_count;
};

/* A session as it stands. Text and lists live in the arena. */
struct resumable_state {
    struct session session;
    struct part_set parts; /* what is there; empty once the session has ended */
    uint64_t offset;       /* bytes from the start without a gap; of a completed one, all */
};

/*
 * Reserves quota, makes the session and its stage. A request with the idempotency key of a session
 * that is still known gives that one; so does one of the same user for a final with the partials of
 * one that waits for them or has taken them.
 *
 * Fails with ERR_FILENAME, ERR_NOT_AUDIO (by declared type), ERR_EMPTY, ERR_FILE_TOO_LARGE,
 * ERR_QUOTA_*, ERR_IDEMPOTENCY_REUSED, ERR_STORAGE_FULL, ERR_UNAVAILABLE; for a final with
 * ERR_NOT_FOUND or ERR_CONFLICT if a partial is none, or is named twice.
 */
bool resumable_begin(struct app *app, const struct resumable_request *request, struct arena *mem,
                     struct resumable_state *out, struct error *err);

/* The offset of a session of which PARTS are there. */
uint64_t resumable_offset(const struct session *session, const struct part_set *parts);
/* Reads a session, open or ended. ERR_NOT_FOUND if the workspace has none of that id, or its time
 * is over: all functions below find none then. */
bool resumable_read(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    struct resumable_state *out, struct error *err);
/* The same after an append that hangs here has been cut short, so that the offset is final until
 * the next append; but one that hangs at another node may still record what came. */
bool resumable_look(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    struct resumable_state *out, struct error *err);
/* Whether something refuses the session: for good, or because its quota has no room for more as
 * yet. Then ERR says what. */
bool resumable_refusal(const struct session *session, struct error *err);
/* The failure of a session that failed for good, as it was told at first. Returns false. */
bool resumable_failure(const struct session *session, struct error *err);

/* What is told of a final that is sent content, or a length: that is of its partials. Returns
 * false.
 */
bool resumable_refuse_content(struct error *err);
/* The length becomes known. Fails with ERR_CONFLICT if it was, or if more has come, ERR_FORBIDDEN
 * of a final, ERR_EMPTY, ERR_FILE_TOO_LARGE, ERR_QUOTA_STORAGE, ERR_NOT_FOUND. */
bool resumable_set_size(struct app *app, struct uuid workspace_id, struct uuid id, uint64_t size,
                        struct error *err);

/* The whole is to have these digests too: resumable_finish holds them against it, as those of the
 * beginning. Of a complete session they are compared at once. Nothing if CLAIMS are none.
 *
 * Fails with ERR_INVALID if they contradict earlier ones, or the session is a partial; ERR_CHECKSUM
 * if it is complete and has others; ERR_NOT_FOUND; for a session that failed as resumable_failure.
 */
bool resumable_claim(struct app *app, struct uuid workspace_id, struct uuid id,
                     const struct digest_claims *claims, struct arena *mem, struct error *err);

#define RESUMABLE_CHECKS 3

/* One request's bytes. */
struct resumable_write {
    uint64_t offset;
    uint64_t length;     /* bytes that must come; RESUMABLE_REST: as many as do */
    bool is_append;      /* OFFSET must be where the session stands: ERR_OFFSET if not */
    bool all_or_nothing; /* nothing counts unless all has come; set with any check */
    struct source *body;
    struct checksum *checks[RESUMABLE_CHECKS]; /* of these bytes; NULL: none. The caller's */
    /* After the body: one more check, that came behind it. NULL: none. */
    bool (*late_check)(void *context, struct checksum **out, struct error *err);
    void (*interrupt)(void *context); /* makes BODY fail soon; called by another thread */
    /* Between blocks, by the writing thread: what stands before OFFSET has become durable. NULL:
     * nobody wants to know. */
    void (*progress)(void *context, uint64_t offset);
    void *context; /* of all three */
};
#define RESUMABLE_REST UINT64_MAX

/*
 * Takes BODY; of a complete session it is only compared with what is there. *OUT is the session
 * afterwards: what it reports is durable. An append that breaks off keeps what has come. Who is cut
 * while sending again what is there succeeds.
 *
 * Fails with what BODY failed with, ERR_OFFSET, ERR_BYTES_DIFFER (other bytes are there),
 * ERR_SUPERSEDED (a newer request took over), ERR_CONFLICT, ERR_INVALID (longer than it may be),
 * ERR_INCOMPLETE (shorter), ERR_CHECKSUM, ERR_NOT_AUDIO as soon as the first bytes show it, but of
 * a body that counts as a whole not before it has come and its checks hold (the session has then
 * failed), ERR_FILE_TOO_LARGE, ERR_QUOTA_STORAGE, ERR_NOT_FOUND, ERR_STORAGE_FULL, ERR_UNAVAILABLE;
 * for a session that failed before, as resumable_failure.
 */
bool resumable_write(struct app *app, struct uuid workspace_id, struct uuid id,
                     const struct resumable_write *write, struct arena *mem,
                     struct resumable_state *out, struct error *err);

/* Whether all of it has come. */
bool resumable_is_whole(const struct resumable_state *state);

/*
 * Makes the upload of a session that is whole: ingest_finish, once, whoever asks and however often.
 * Who still writes to it can bring nothing new and is cut. OUTCOME is the upload. A partial is
 * never finished by itself.
 *
 * Fails as ingest_finish; with ERR_CONFLICT while bytes are missing; with ERR_NOT_FOUND. Causes
 * that lie in the content end the session as failed; after all others it can be tried again.
 */
bool resumable_finish(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                      struct ingest_outcome *outcome, struct error *err);

/*
 * Joins the partials of the final ID into one content once all of them are whole, and finishes it.
 * *JOINED is false, and nothing is done, while any of them is not, or if the final has ended; else
 * OUTCOME is the upload. The partials are complete afterwards, and their reservation is the
 * final's.
 *
 * Fails as resumable_finish; with ERR_NOT_FOUND, which ends the final as failed, if a partial is
 * gone.
 */
bool resumable_join(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    bool *joined, struct ingest_outcome *outcome, struct error *err);
/* The same for each final that waits for the partial ID: of those that fail, the first is told. */
bool resumable_join_with(struct app *app, struct uuid workspace_id, struct uuid id,
                         struct arena *mem, struct error *err);

/* The size that the open final STATE will have: the sum of its partials', SESSION_SIZE_UNKNOWN
 * while one of them is not known, or is gone. */
bool resumable_final_size(struct app *app, const struct resumable_state *state, struct arena *mem,
                          uint64_t *out, struct error *err);

/*
 * Does what is left to do for a session of which all bytes have come and that is open all the same,
 * since finishing it failed or the server died before: finishes it, and of a final joins what has
 * come. Nothing for any other. STATE is as it was read, and is read again afterwards.
 *
 * Fails as resumable_finish and resumable_join.
 */
bool resumable_conclude(struct app *app, struct resumable_state *state, struct arena *mem,
                        struct error *err);
/*
 * The same for all sessions that nobody works on, but those of the IETF draft: in it what has all
 * come is not complete before the client says so. What fails is tried again by a later call, every
 * minute's at first and then every quarter of an hour's; then all is tried, and it fails with the
 * first cause.
 */
bool resumable_conclude_left(struct app *app, struct error *err);

/* Ends an open session as failed for CAUSE, which every later request to it is told. Whoever works
 * on it is cut. Nothing if it is not open any more. */
bool resumable_reject(struct app *app, struct uuid workspace_id, struct uuid id,
                      const struct error *cause, struct error *err);

/* Ends a session, open or ended, without a trace but for the upload that it may have made. Whoever
 * works on it is cut with ERR_NOT_FOUND, which is what there is to find from then on. */
bool resumable_abort(struct app *app, struct uuid workspace_id, struct uuid id, struct error *err);
/* The same, if it has expired by now and no request is working on it: *ENDED. One of which all
 * bytes have come is concluded instead; while that fails for causes that may pass, it stays for as
 * long again as it was to live. */
bool resumable_expire(struct app *app, struct uuid workspace_id, struct uuid id, bool *ended,
                      struct error *err);

#endif
