/* The digests that a client says its content has, out of the headers that can say so. */
#ifndef API_CLAIMS_H
#define API_CLAIMS_H

#include "crypto/checksum.h"
#include "http/request.h"
#include "service/ingest.h"

/* Where header fields are looked up: a request's head, its trailers, a part of a form. */
typedef const char *claims_field(const void *from, const char *name);

/* Reads Content-MD5, Repr-Digest and Content-Digest. Fails with ERR_INVALID if one is malformed or
 * contradicts another. */
bool claims_read(const void *from, claims_field *field, struct digest_claims *out,
                 struct error *err);

/* The field NAME of a request's head; FROM is the request. */
const char *claims_header(const void *from, const char *name);
/* Where the content is one part of several: only what tells of the whole, which is Repr-Digest...
 */
const char *claims_header_of_whole(const void *from, const char *name);
/* ...and only what tells of the part. */
const char *claims_header_of_part(const void *from, const char *name);

/* The same, after the body was read, of its trailers. *FOUND: there was one. */
bool claims_of_trailers(const struct request *req, bool *found, struct digest_claims *out,
                        struct error *err);
/* What the trailers of a part tell of the whole. */
bool claims_of_trailers_of_whole(const struct request *req, struct digest_claims *out,
                                 struct error *err);

/* Checksums of what CLAIMS tell of a part, for struct resumable_write; NULL where they do not. The
 * caller's. */
void claims_checks(const struct digest_claims *claims, struct checksum **md5,
                   struct checksum **sha256);
/* A digest of a part that came in the trailers, for struct resumable_write. *OUT is the caller's;
 * NULL if there is none. Fails as claims_read. */
bool claims_late_check(const struct request *req, struct checksum **out, struct error *err);
/* The same, but a digest of the whole is none of the part's. */
bool claims_late_check_of_part(const struct request *req, struct checksum **out, struct error *err);
/* Whether the part of no bytes has the digests that CLAIMS tell. ERR_CHECKSUM. */
bool claims_hold_for_nothing(const struct digest_claims *claims, struct error *err);

#endif
