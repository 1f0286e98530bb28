#include "service/known_tokens.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One place for all hashes that begin with the same byte. */
#define PLACES 256

struct known_token {
    bool is_there;
    uint8_t hash[TOKEN_HASH_BYTES];
    struct token token;
};

struct known_tokens {
    pthread_mutex_t lock; /* guards what follows */
    struct known_token places[PLACES];
};

struct known_tokens *known_tokens_new(void)
{
    struct known_tokens *known = calloc(1, sizeof *known);

    if (!known)
        abort();
    pthread_mutex_init(&known->lock, NULL);
    return known;
}

void known_tokens_free(struct known_tokens *known)
{
    if (!known)
        return;
    pthread_mutex_destroy(&known->lock);
    free(known);
}

void known_tokens_keep(struct known_tokens *known, const uint8_t hash[static TOKEN_HASH_BYTES],
                       const struct token *token)
{
    struct known_token *place = &known->places[hash[0]];

    pthread_mutex_lock(&known->lock);
    place->is_there = true;
    memcpy(place->hash, hash, TOKEN_HASH_BYTES);
    place->token = *token;
    place->token.name = place->token.prefix = NULL;
    pthread_mutex_unlock(&known->lock);
}

bool known_tokens_find(struct known_tokens *known, const uint8_t hash[static TOKEN_HASH_BYTES],
                       struct token *out)
{
    const struct known_token *place = &known->places[hash[0]];

    pthread_mutex_lock(&known->lock);
    bool found = place->is_there && memcmp(place->hash, hash, TOKEN_HASH_BYTES) == 0;
    if (found)
        *out = place->token;
    pthread_mutex_unlock(&known->lock);
    return found;
}
