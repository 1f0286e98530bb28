#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "service/hasher.h"

#define STREAMS 12
#define BLOCKS_EACH 40

/* What stream NUMBER sends as its block INDEX: most are full, some are short. */
static size_t fill(unsigned char *block, unsigned number, unsigned index)
{
    size_t length = index % 7 == 3 ? 1000 + number : HASHER_BLOCK_BYTES;

    memset(block, (int)(number * 31 + index), length);
    return length;
}

static void digests_are(struct hasher *hasher, unsigned number)
{
    scoped(digest_release) struct digest *reference = digest_new(DIGEST_REFERENCE);
    unsigned char *block = malloc(HASHER_BLOCK_BYTES);
    struct digests expected, got;

    for (unsigned i = 0; i < BLOCKS_EACH; i++)
        digest_update(reference, block, fill(block, number, i));
    digest_peek(reference, &expected);
    hasher_digests(hasher, &got);
    assert_memory_equal(&got, &expected, sizeof got);
    free(block);
}

struct stream {
    struct hash_pool *pool;
    unsigned number;
};

static void *run_stream(void *context)
{
    struct stream *stream = context;
    scoped(hasher_release) struct hasher *hasher = hasher_new(stream->pool);

    for (unsigned i = 0; i < BLOCKS_EACH; i++)
        hasher_push(hasher, fill(hasher_block(hasher), stream->number, i));
    digests_are(hasher, stream->number);
    return NULL;
}

static void run_streams(unsigned threads)
{
    scoped(hash_pool_release) struct hash_pool *pool = hash_pool_new(threads);
    struct stream streams[STREAMS];
    pthread_t ids[STREAMS];

    for (unsigned i = 0; i < STREAMS; i++) {
        streams[i] = (struct stream){pool, i};
        assert_int_equal(pthread_create(&ids[i], NULL, run_stream, &streams[i]), 0);
    }
    for (unsigned i = 0; i < STREAMS; i++)
        pthread_join(ids[i], NULL);
}

static void digests_are_right_without_threads(void **state)
{
    (void)state;
    run_streams(0);
}

static void digests_are_right_with_fewer_threads_than_streams(void **state)
{
    (void)state;
    run_streams(2);
}

static void digests_are_right_with_threads_for_all(void **state)
{
    (void)state;
    run_streams(STREAMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_right_without_threads),
        cmocka_unit_test(digests_are_right_with_fewer_threads_than_streams),
        cmocka_unit_test(digests_are_right_with_threads_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
