#include "service/hasher.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

/* One is filled, one is digested, one waits between them. */
#define BLOCKS 3

/*
 * Under the pool's lock: `waiting` threads wait for work and `queued` hashers stand in the queue,
 * each exactly once, with `scheduled` set from the moment it enters until a thread has left it with
 * nothing pending. The digest of a scheduled hasher belongs to the pool's thread, else to its
 * owner.
 */
struct hash_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct hasher *first, **last;
    unsigned waiting, queued;
    unsigned started, most;
    bool ending;
    pthread_t *threads;
};

struct hasher {
    struct hash_pool *pool;
    struct hasher *next; /* in the pool's queue */
    struct digest *digest;
    pthread_cond_t progress;
    bool scheduled;
    unsigned pushed, done; /* blocks, counted from the start; pushed - done are pending */
    size_t lengths[BLOCKS];
    unsigned char *blocks[BLOCKS]; /* NULL until first used */
};

struct hash_pool *hash_pool_new(unsigned threads)
{
    struct hash_pool *pool = calloc(1, sizeof *pool);

    assert(pool);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->last = &pool->first;
    pool->most = threads;
    pool->threads = calloc(threads ? threads : 1, sizeof *pool->threads);
    assert(pool->threads);
    return pool;
}

void hash_pool_free(struct hash_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    assert(!pool->first);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}

static struct hasher *dequeue(struct hash_pool *pool)
{
    struct hasher *hasher = pool->first;

    pool->first = hasher->next;
    if (!pool->first)
        pool->last = &pool->first;
    pool->queued--;
    return hasher;
}

/* Digests what HASHER has pending. Called and left with the pool's lock held. */
static void drain(struct hash_pool *pool, struct hasher *hasher)
{
    while (hasher->done != hasher->pushed) {
        unsigned slot = hasher->done % BLOCKS;
        size_t length = hasher->lengths[slot];

        pthread_mutex_unlock(&pool->lock);
        digest_update(hasher->digest, hasher->blocks[slot], length);
        pthread_mutex_lock(&pool->lock);
        hasher->done++;
        if (hasher->done == hasher->pushed)
            hasher->scheduled = false;
        pthread_cond_signal(&hasher->progress);
    }
}

static void *pool_thread(void *context)
{
    struct hash_pool *pool = context;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        pool->waiting++;
        while (!pool->first && !pool->ending)
            pthread_cond_wait(&pool->work, &pool->lock);
        pool->waiting--;
        if (!pool->first)
            break;
        drain(pool, dequeue(pool));
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Whether a thread is, or can be made, free for one more hasher. Called with the lock held. */
static bool thread_is_free(struct hash_pool *pool)
{
    if (pool->waiting > pool->queued)
        return true;
    if (pool->started == pool->most)
        return false;
    if (pthread_create(&pool->threads[pool->started], NULL, pool_thread, pool) != 0)
        return false;
    pool->started++;
    return true;
}

static void enqueue(struct hash_pool *pool, struct hasher *hasher)
{
    hasher->scheduled = true;
    hasher->next = NULL;
    *pool->last = hasher;
    pool->last = &hasher->next;
    pool->queued++;
    pthread_cond_signal(&pool->work);
}

struct hasher *hasher_resume(struct hash_pool *pool, struct digest *digest)
{
    struct hasher *hasher = calloc(1, sizeof *hasher);

    assert(hasher && digest);
    hasher->pool = pool;
    hasher->digest = digest;
    pthread_cond_init(&hasher->progress, NULL);
    return hasher;
}

struct hasher *hasher_new(struct hash_pool *pool)
{
    return hasher_resume(pool, digest_new(DIGEST_BEST));
}

static void wait_until_pending(struct hasher *hasher, unsigned most)
{
    while (hasher->pushed - hasher->done > most)
        pthread_cond_wait(&hasher->progress, &hasher->pool->lock);
}

static void wait_until_done(struct hasher *hasher)
{
    pthread_mutex_lock(&hasher->pool->lock);
    wait_until_pending(hasher, 0);
    pthread_mutex_unlock(&hasher->pool->lock);
}

void hasher_free(struct hasher *hasher)
{
    if (!hasher)
        return;
    wait_until_done(hasher);
    pthread_cond_destroy(&hasher->progress);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(hasher->blocks[i]);
    digest_free(hasher->digest);
    free(hasher);
}

void *hasher_block(struct hasher *hasher)
{
    unsigned slot;

    pthread_mutex_lock(&hasher->pool->lock);
    wait_until_pending(hasher, BLOCKS - 1);
    /* Nothing pending: the first block again, so that uploads that never wait use only one. */
    if (hasher->pushed == hasher->done)
        hasher->pushed = hasher->done = 0;
    slot = hasher->pushed % BLOCKS;
    pthread_mutex_unlock(&hasher->pool->lock);

    if (!hasher->blocks[slot]) {
        hasher->blocks[slot] = malloc(HASHER_BLOCK_BYTES);
        assert(hasher->blocks[slot]);
    }
    return hasher->blocks[slot];
}

void hasher_push(struct hasher *hasher, size_t length)
{
    struct hash_pool *pool = hasher->pool;
    unsigned slot;
    bool handed_over;

    assert(length <= HASHER_BLOCK_BYTES);
    pthread_mutex_lock(&pool->lock);
    slot = hasher->pushed % BLOCKS;
    handed_over = hasher->scheduled || (length == HASHER_BLOCK_BYTES && thread_is_free(pool));
    if (handed_over) {
        hasher->lengths[slot] = length;
        hasher->pushed++;
        if (!hasher->scheduled)
            enqueue(pool, hasher);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!handed_over)
        digest_update(hasher->digest, hasher->blocks[slot], length);
}

void hasher_digests(struct hasher *hasher, struct digests *out)
{
    wait_until_done(hasher);
    digest_peek(hasher->digest, out);
}

struct digest *hasher_digest(struct hasher *hasher)
{
    wait_until_done(hasher);
    return digest_copy(hasher->digest);
}
