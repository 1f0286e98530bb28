#include "crypto/sha256.h"

#include <assert.h>
#include <openssl/evp.h>

struct sha256 {
    EVP_MD_CTX *context;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *running = calloc(1, sizeof *running);

    assert(running);
    running->context = EVP_MD_CTX_new();
    assert(running->context && EVP_DigestInit_ex(running->context, EVP_sha256(), NULL) == 1);
    return running;
}

void sha256_free(struct sha256 *running)
{
    if (!running)
        return;
    EVP_MD_CTX_free(running->context);
    free(running);
}

void sha256_update(struct sha256 *running, const void *bytes, size_t length)
{
    assert(EVP_DigestUpdate(running->context, bytes, length) == 1);
}

void sha256_finish(struct sha256 *running, uint8_t out[static SHA256_BYTES])
{
    assert(EVP_DigestFinal_ex(running->context, out, NULL) == 1);
}
