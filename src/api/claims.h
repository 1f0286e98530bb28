/* The digests that a client says its content has, out of the headers that can say so. */
#ifndef API_CLAIMS_H
#define API_CLAIMS_H

#include "http/request.h"
#include "service/ingest.h"

/* Where header fields are looked up: a request's head, its trailers, a part of a form. */
typedef const char *claims_field(const void *from, const char *name);

/* Reads Content-MD5, Repr-Digest and Content-Digest. Fails with ERR_INVALID if one is malformed or
 * contradicts another. */
bool claims_read(const void *from, claims_field *field, struct digest_claims *out,
                 struct error *err);

/* The same, after the body was read, of its trailers. *FOUND: there was one. */
bool claims_of_trailers(const struct request *req, bool *found, struct digest_claims *out,
                        struct error *err);

#endif
