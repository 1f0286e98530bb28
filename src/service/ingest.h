/*
 * The life of an upload, from the first byte to the record: begin, receive, finish (DESIGN section
 * 2). Knows nothing of HTTP; every way in goes through here.
 *
 * Nothing is written before a session row with its reservation of quota exists. Until ingest_finish
 * has returned true, nothing is promised; afterwards content and record survive power loss.
 */
#ifndef SERVICE_INGEST_H
#define SERVICE_INGEST_H

#include "base/stream.h"
#include "catalog/session.h"
#include "catalog/upload.h"
#include "crypto/digest.h"
#include "service/app.h"

#define INGEST_SIZE_UNKNOWN UINT64_MAX
#define INGEST_NAME_MAX 500 /* bytes of a file name */
#define IDEMPOTENCY_KEY_MAX 200

/* Digests that the client says its content has. */
struct digest_claims {
    bool has_md5;
    bool has_sha256;
    struct digests digests;
};

struct ingest_request {
    struct uuid workspace_id;
    struct uuid user_id;
    const char *filename;      /* as the client gave it; checked by ingest_begin */
    const char *declared_type; /* media type without parameters; NULL if none */
    uint64_t size;             /* bytes, or INGEST_SIZE_UNKNOWN */
    enum on_duplicate on_duplicate;
    struct digest_claims claims;
    const char *idempotency_key; /* NULL if none */
    struct uuid token_id;        /* to be good when the session begins; nil: it was looked at */
};

enum ingest_result {
    INGEST_CREATED, /* a new record */
    INGEST_EXISTING /* on_duplicate=return found the content */
};

struct ingest_outcome {
    enum ingest_result result;
    struct upload upload; /* text in the arena */
};

struct ingest;

/*
 * Checks name and declared type, reserves quota, makes the session and its stage.
 *
 * Fails with ERR_FILENAME, ERR_NOT_AUDIO (by declared type), ERR_EMPTY, ERR_FILE_TOO_LARGE,
 * ERR_QUOTA_*, ERR_IDEMPOTENCY_BUSY, ERR_IDEMPOTENCY_REUSED, ERR_UNAUTHORIZED, ERR_STORAGE_FULL,
 * ERR_UNAVAILABLE.
 * If the idempotency key has already made an upload, *REPLAY is true, OUTCOME holds it, and no
 * session is begun.
 */
bool ingest_begin(struct app *app, const struct ingest_request *request, struct arena *mem,
                  struct ingest **out, bool *replay, struct ingest_outcome *outcome,
                  struct error *err);

/*
 * Takes all of BODY. Draws more quota as it goes where the size is unknown.
 *
 * Fails with what BODY failed with, ERR_NOT_AUDIO as soon as the first bytes show it,
 * ERR_FILE_TOO_LARGE, ERR_QUOTA_STORAGE, ERR_INCOMPLETE, ERR_STORAGE_FULL, ERR_UNAVAILABLE.
 */
bool ingest_receive(struct ingest *ingest, struct source *body, struct error *err);

/* Digests that came after the body (trailers, form fields): checked by ingest_finish too. */
void ingest_claim(struct ingest *ingest, const struct digest_claims *claims);

/*
 * Proves the content, looks into it, stores it once, and commits the record.
 *
 * Fails with ERR_EMPTY, ERR_CHECKSUM, ERR_NOT_AUDIO, ERR_FORMAT, ERR_MEDIA_UNREADABLE,
 * ERR_TOO_MANY_CHUNKS, ERR_DUPLICATE (on_duplicate=reject; it names the upload that is there),
 * ERR_STORAGE_FULL, ERR_UNAVAILABLE.
 */
bool ingest_finish(struct ingest *ingest, struct arena *mem, struct ingest_outcome *outcome,
                   struct error *err);

/* Ends it. Whatever was not finished leaves nothing behind: stage, session and reservation go. */
void ingest_free(struct ingest *ingest);
DEFINE_RELEASE(ingest, struct ingest)

/* More than any disk holds, and far from where sums of sizes overflow. */
#define INGEST_SIZE_LARGEST ((uint64_t)1 << 52)
/* The most bytes that the server takes as one file: as the configuration says, the store can hold,
 * or INGEST_SIZE_LARGEST. A workspace may take less. */
uint64_t ingest_largest_file(const struct app *app);

#endif
