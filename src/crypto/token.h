/*
 * Bearer tokens: made, hashed, compared. A token is "at_" and 32 random bytes in base64url; only
 * its SHA-256 is kept. Being random over 256 bits it needs no slow hash.
 */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/str.h"
#include "crypto/digest.h"

#define TOKEN_TEXT_SIZE 47   /* "at_", 43 characters, NUL */
#define TOKEN_PREFIX_SIZE 10 /* "at_" and 6 characters, NUL: enough to recognise, not to use */

struct token_secret {
    char text[TOKEN_TEXT_SIZE];     /* shown once, never stored */
    char prefix[TOKEN_PREFIX_SIZE]; /* stored, shown in lists */
    uint8_t hash[SHA256_BYTES];     /* stored */
};

void token_make(const struct random_source *random, struct token_secret *out);
/* The hash under which TEXT would be stored; false if TEXT has not the form of a token. */
bool token_hash(struct str text, uint8_t out[static SHA256_BYTES]);

#endif
