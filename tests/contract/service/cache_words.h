/* Short words for tests of the processing cache. */
#ifndef TESTS_CONTRACT_SERVICE_CACHE_WORDS_H
#define TESTS_CONTRACT_SERVICE_CACHE_WORDS_H

#include "fixture.h"

#include "service/cache.h"

/* An upload of LENGTH bytes that depend on SEED. */
struct stored_content {
    struct uuid id;
    char sha256[CACHE_HASH_SIZE];
    uint64_t size;
};
struct stored_content stored(struct service_fixture *f, size_t length, unsigned seed);

/* The key of a transcription of CONTENT with OPTIONS; "{}" for none. */
struct cache_key key_of(struct service_fixture *f, const struct stored_content *content,
                        const char *options);
/* Puts TEXT, which took 1,000 ms. */
bool put(struct service_fixture *f, const struct cache_key *key, const char *text,
         struct error *err);
void check_put(struct service_fixture *f, const struct cache_key *key, const char *text);
/* What is found, NULL if nothing is; in the fixture's arena. */
const char *got(struct service_fixture *f, const struct cache_key *key);
/* The workspace's figures of transcriptions; zeros if there are none. */
struct cache_figures figures(struct service_fixture *f);

#endif
