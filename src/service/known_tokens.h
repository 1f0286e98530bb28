/*
 * What tokens say, remembered: whose a token is and what it allows never changes. Whether it is
 * still good does, and is asked of the database each time: by whoever takes what is remembered
 * (token_must_be_good). So a request that begins with a transaction needs no question before it.
 */
#ifndef SERVICE_KNOWN_TOKENS_H
#define SERVICE_KNOWN_TOKENS_H

#include "catalog/token.h"

struct known_tokens;

struct known_tokens *known_tokens_new(void);
void known_tokens_free(struct known_tokens *known);

/* TOKEN, of that hash, was good just now. Some of those that were kept before are forgotten. */
void known_tokens_keep(struct known_tokens *known, const uint8_t hash[static TOKEN_HASH_BYTES],
                       const struct token *token);
/* False if it is not remembered. *OUT has no texts. */
bool known_tokens_find(struct known_tokens *known, const uint8_t hash[static TOKEN_HASH_BYTES],
                       struct token *out);

#endif
