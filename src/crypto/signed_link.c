#include "crypto/signed_link.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

void hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                 uint8_t out[static 32])
{
    unsigned char *made = HMAC(EVP_sha256(), key, (int)key_length, bytes, length, out, NULL);

    assert(made);
}

/* HMAC(key, "GET" LF expires LF SHA-256(path)): hashing the path first gives one block of known
 * size, whatever the path's length. */
void signed_link_sign(const uint8_t key[static SIGNED_LINK_KEY_BYTES], struct str path,
                      int64_t expires_s, char out[static SIGNED_LINK_TEXT_SIZE])
{
    uint8_t path_hash[32], signature[32];
    char text[64 + 32];
    int length;

    assert(EVP_Digest(path.ptr, path.len, path_hash, NULL, EVP_sha256(), NULL) == 1);
    length = snprintf(text, 64, "GET\n%lld\n", (long long)expires_s);
    memcpy(text + length, path_hash, sizeof path_hash);
    hmac_sha256(key, SIGNED_LINK_KEY_BYTES, text, (size_t)length + sizeof path_hash, signature);
    base64url_encode(signature, sizeof signature, out);
}

bool signed_link_verify(const uint8_t key[static SIGNED_LINK_KEY_BYTES], struct str path,
                        int64_t expires_s, struct str signature)
{
    char expected[SIGNED_LINK_TEXT_SIZE];

    signed_link_sign(key, path, expires_s, expected);
    return signature.len == SIGNED_LINK_TEXT_SIZE - 1 &&
           CRYPTO_memcmp(signature.ptr, expected, signature.len) == 0;
}
