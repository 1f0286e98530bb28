/*
 * MD5 and SHA-256 over the same blocks in one pass (RFC 1321, FIPS 180-4). Private to digest.c.
 *
 * MD5 is one chain of dependent steps that leaves most of a core idle; the SHA instructions fill
 * the gaps. Interleaved, both cost about what MD5 costs alone.
 */
#ifndef CRYPTO_DIGEST_KERNEL_H
#define CRYPTO_DIGEST_KERNEL_H

#include "crypto/digest.h"

#define DIGEST_BLOCK_BYTES 64

struct digest_state {
    uint32_t md5[4];
    uint32_t sha256[8];
};

/* Whether this processor has the instructions; nothing else here may be called if not. */
bool digest_kernel_available(void);
void digest_state_init(struct digest_state *state);
void digest_kernel_run(struct digest_state *state, const uint8_t *blocks, size_t count);
/* The digests of LENGTH bytes, of which the last LENGTH % 64 stand in TAIL. */
void digest_kernel_finish(const struct digest_state *state, const uint8_t *tail, uint64_t length,
                          struct digests *out);

#endif
