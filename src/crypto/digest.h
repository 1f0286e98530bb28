/*
 * MD5 and SHA-256 of the same bytes, in one pass.
 *
 * Two makings behind one interface: OpenSSL's EVP, the reference and the fallback; and a kernel
 * that interleaves MD5's rounds with the SHA instructions of x86-64, chosen by cpuid.
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scoped.h"

#define MD5_BYTES 16
#define SHA256_BYTES 32

struct digests {
    uint8_t md5[MD5_BYTES];
    uint8_t sha256[SHA256_BYTES];
};

enum digest_making { DIGEST_BEST, DIGEST_REFERENCE, DIGEST_ONE_PASS };

struct digest;

/* A running digest. DIGEST_BEST chooses for this machine; NULL if the making that was asked for is
 * not to be had on this processor. */
struct digest *digest_new(enum digest_making making);
void digest_free(struct digest *digest);
DEFINE_RELEASE(digest, struct digest)

void digest_update(struct digest *digest, const void *bytes, size_t length);
/* The digests of all that came so far; the running digest goes on unchanged. */
void digest_peek(const struct digest *digest, struct digests *out);
/* An independent copy, with the same state. */
struct digest *digest_copy(const struct digest *digest);

#define DIGEST_SAVED_BYTES 121

/* Writes the running digest's state to OUT, to go on from later, maybe in another process. False if
 * this making cannot be written down (OpenSSL's). */
bool digest_save(const struct digest *digest, uint8_t out[static DIGEST_SAVED_BYTES]);
/* A running digest from a saved state; NULL if SAVED is none, or this processor cannot go on with
 * it. */
struct digest *digest_load(const uint8_t *saved, size_t length);
/* Bytes that it is of. */
uint64_t digest_length(const struct digest *digest);

/* "one-pass (sha_ni)" or "openssl", for doctor and metrics. */
const char *digest_making_name(const struct digest *digest);

/* SHA-256 of LENGTH bytes at once. */
void sha256_of(const void *bytes, size_t length, uint8_t out[static SHA256_BYTES]);

#endif
