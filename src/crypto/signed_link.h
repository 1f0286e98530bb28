/*
 * Signed links: HMAC-SHA-256 over what the link permits. Values in, values out; no clock.
 *
 * The signature covers the method's kind (reading), the path as it stands in the URL, and the
 * expiry.
 */
#ifndef CRYPTO_SIGNED_LINK_H
#define CRYPTO_SIGNED_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SIGNED_LINK_KEY_BYTES 32
#define SIGNED_LINK_TEXT_SIZE 44 /* base64url of 32 bytes, NUL */

void signed_link_sign(const uint8_t key[static SIGNED_LINK_KEY_BYTES], struct str path,
                      int64_t expires_s, char out[static SIGNED_LINK_TEXT_SIZE]);
/* In constant time. Does not look at whether EXPIRES_S has passed. */
bool signed_link_verify(const uint8_t key[static SIGNED_LINK_KEY_BYTES], struct str path,
                        int64_t expires_s, struct str signature);

/* HMAC-SHA-256 (RFC 2104), for links and webhooks. */
void hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                 uint8_t out[static 32]);

#endif
