/* Digests in headers: RFC 9530 (Repr-Digest, Content-Digest and what is wanted), and Content-MD5 of
 * RFC 1864. Pure functions. */
#ifndef HTTP_DIGEST_HEADER_H
#define HTTP_DIGEST_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct digest_fields {
    bool has_md5;
    bool has_sha256;
    uint8_t md5[16];
    uint8_t sha256[32];
};

/* Adds what a Repr-Digest or Content-Digest (a dictionary of structured fields, RFC 8941) says to
 * OUT. Unknown algorithms are skipped; of one algorithm twice the last counts, as RFC 8941 says.
 * Fails with ERR_INVALID if it is malformed, a digest has the wrong length, or contradicts one that
 * is in OUT. */
bool digest_fields_parse(struct str header, struct digest_fields *out, struct error *err);
/* Adds what Content-MD5 says. Fails as above. */
bool content_md5_parse(struct str header, struct digest_fields *out, struct error *err);

#define DIGEST_HEADER_SIZE 100
/* "sha-256=:…:"; of both, with the comma: "sha-256=:…:, md5=:…:". At least one must be there. */
void digest_fields_format(const struct digest_fields *fields, char out[static DIGEST_HEADER_SIZE]);

/* What a Want-Repr-Digest or Want-Content-Digest asks for (RFC 9530 section 4): preferences from 1
 * to 10, 0 for "not wanted". False if it is malformed, which is to be ignored. */
bool want_digest_parse(struct str header, int *sha256, int *md5);

#endif
