/*
 * tus 1.0, the resumable upload protocol (https://tus.io/protocols/resumable-upload), core and all
 * extensions of 1.0, at /v1/tus. What is private to the files tus*.c, but for tus_before.
 */
#ifndef API_TUS_H
#define API_TUS_H

#include "api/endpoint.h"
#include "service/resumable.h"

#define TUS_VERSION "1.0.0"

/* Of every request to a path of tus, before its route is looked for: the headers that all answers
 * carry, X-HTTP-Method-Override, and what OPTIONS tells. Nothing for other paths. */
void tus_before(struct request *req, struct response *res);

/* ---- tus.c: what requests have in common ---- */

/* Fails with ERR_TUS_VERSION unless the client speaks ours. A GET need not say, since tus has none.
 */
bool tus_check_version(const struct request *req, struct response *res, struct error *err);
/* A header that is a count of bytes. *GIVEN is false if it is not there. ERR_INVALID. */
bool tus_count(const struct request *req, const char *name, bool *given, uint64_t *out,
               struct error *err);

/* ---- tus_metadata.c ---- */

struct tus_metadata {
    const char *filename; /* NULL: none */
    const char *filetype; /* NULL: none */
    const char *rest; /* JSON object of all other keys; values that are no text as their Base64 */
};

/* Reads an Upload-Metadata. Fails with ERR_INVALID if it is malformed, ERR_FILENAME if the name is
 * no text. */
bool tus_metadata_read(const char *header, struct arena *mem, struct tus_metadata *out,
                       struct error *err);
/* An Upload-Metadata for a session that no client of tus described. */
const char *tus_metadata_write(const struct session *session, struct arena *mem);

/* ---- tus_append.c ---- */

/* Fails with ERR_MEDIA_TYPE unless the request has the type of bytes that are appended. */
bool tus_check_type(const struct request *req, struct error *err);
/* Appends the body at OFFSET, checked as Upload-Checksum says, in the head or behind it, after an
 * Upload-Length that comes with it. STATE is the upload's, before and after. Fails as
 * resumable_set_size and resumable_write, but with ERR_PART_CHECKSUM where the checksum does not
 * hold. */
bool tus_append(struct request *req, struct resumable_state *state, uint64_t offset,
                struct error *err);
/* What follows once bytes have come: a whole upload is finished, and a whole partial's final joined
 * if it waited for that. RES gets the headers of what the upload has become. Fails as
 * resumable_finish. */
bool tus_complete(struct request *req, const struct resumable_state *state, struct response *res,
                  struct error *err);

/* ---- tus_answer.c: the headers of answers ---- */

/* Upload-Expires, while the upload is unfinished. */
void tus_put_expiry(struct response *res, const struct session *session);
/* Upload-Id and Content-Location of what it has become. */
void tus_put_upload(struct response *res, struct uuid upload_id);
/* All that HEAD tells of a session. FINAL_SIZE: of an unfinished final. */
void tus_put_state(struct request *req, struct response *res, const struct resumable_state *state,
                   uint64_t final_size);
/* What tus_put_state repeats: JSON for struct resumable_request. NULL: nothing. */
const char *tus_repeated_headers(const struct request *req, struct error *err);

#endif
