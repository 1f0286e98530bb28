/*
 * The digests of a stream, computed beside it while a core is free.
 *
 * MD5 bounds a lone upload (it is one chain of dependent steps), so a pool of threads shared by all
 * uploads takes blocks over while the uploading thread receives and writes the next. When no thread
 * of the pool is free, the uploading thread computes for itself: no block waits for another upload.
 */
#ifndef SERVICE_HASHER_H
#define SERVICE_HASHER_H

#include <stddef.h>

#include "base/scoped.h"
#include "crypto/digest.h"

#define HASHER_BLOCK_BYTES ((size_t)128 * 1024)

/* How much to read at OFFSET of a file so that what follows begins at a multiple of a block. The
 * page cache takes a write that does as one piece, others page by page. */
static inline size_t hasher_room_at(uint64_t offset)
{
    return HASHER_BLOCK_BYTES - (size_t)(offset % HASHER_BLOCK_BYTES);
}

struct hash_pool;
struct hasher;

/* At most THREADS threads, started when first needed. */
struct hash_pool *hash_pool_new(unsigned threads);
/* Every hasher must have been freed. */
void hash_pool_free(struct hash_pool *pool);
DEFINE_RELEASE(hash_pool, struct hash_pool)

/* A hasher belongs to one thread. */
struct hasher *hasher_new(struct hash_pool *pool);
/* One that goes on from DIGEST, which is the hasher's from now on. */
struct hasher *hasher_resume(struct hash_pool *pool, struct digest *digest);
void hasher_free(struct hasher *hasher);
DEFINE_RELEASE(hasher, struct hasher)

/* A block of HASHER_BLOCK_BYTES to fill, which stays the hasher's; waits until one is free. */
void *hasher_block(struct hasher *hasher);
/* The block last given holds LENGTH bytes that come next. It may still be read, not changed. */
void hasher_push(struct hasher *hasher, size_t length);
/* The digests of all that was pushed. */
void hasher_digests(struct hasher *hasher, struct digests *out);
/* A copy of the running digest of all that was pushed; the caller frees it. */
struct digest *hasher_digest(struct hasher *hasher);

#endif
