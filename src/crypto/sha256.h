/* SHA-256 alone, of bytes that come in pieces: where nobody asks for the MD5 beside it (digest.h),
 * which takes twice as long where the processor has instructions for SHA. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "crypto/digest.h"

struct sha256;

struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *running);
DEFINE_RELEASE(sha256, struct sha256)

void sha256_update(struct sha256 *running, const void *bytes, size_t length);
/* Of all that came. To be asked once, at the end. */
void sha256_finish(struct sha256 *running, uint8_t out[static SHA256_BYTES]);

#endif
