/*
 * Signatures of Amazon's Signature Version 4 for S3. Pure: values in, values out; no clock, no I/O.
 *
 * The request target (path and query as they go over the wire) is made here, by the function that
 * signs it, so that what is sent is what was signed. Names follow "Authenticating Requests (AWS
 * Signature Version 4)" of the Amazon S3 API reference.
 */
#ifndef STORE_S3_SIGN_H
#define STORE_S3_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* A header or a parameter of the query. */
struct s3_field {
    const char *name;
    const char *value;
};

struct s3_signer {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* of temporary credentials; NULL: none */
    const char *region;
    int64_t now_us;
};

#define S3_UNSIGNED "UNSIGNED-PAYLOAD"
#define S3_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define S3_HEADERS_MAX 32 /* that one request may have, with those that the signer adds */

/* A request as it was meant: nothing is encoded yet. */
struct s3_request {
    const char *method;
    const char *host; /* with the port, as the Host header says it */
    const char *path; /* begins with '/'; no segment of it is changed: not "..", not "//" */
    const struct s3_field *query; /* in any order */
    size_t query_count;
    const struct s3_field *headers; /* to sign beside those below; names in lower case, any order */
    size_t header_count;
    const char *payload; /* hex SHA-256 of the body, or S3_UNSIGNED */
};

/* As it is sent. */
struct s3_signed {
    const char *target; /* "/bucket/a%20b?list-type=2": path and query */
    /* Those to send beside the request's own: x-amz-date, x-amz-content-sha256, authorization and,
     * with temporary credentials, x-amz-security-token. */
    struct s3_field headers[4];
    size_t header_count;
};

/* Signs by header. All of OUT is in MEM. At most S3_HEADERS_MAX - 4 headers (asserted). */
void s3_sign(const struct s3_signer *signer, const struct s3_request *request, struct arena *mem,
             struct s3_signed *out);

/* The target of a link that anyone may use for EXPIRES_S seconds (at most 604800) from NOW_US on:
 * the request's own query, and the signature. Its payload is not signed; REQUEST's is not looked
 * at. */
const char *s3_presign(const struct s3_signer *signer, const struct s3_request *request,
                       uint64_t expires_s, struct arena *mem);

#endif
