#include "crypto/digest.h"

#include <assert.h>
#include <endian.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto/digest_kernel.h"

/* Either the two contexts of OpenSSL, or the kernel's state and the bytes of an unfinished block.
 */
struct digest {
    EVP_MD_CTX *md5, *sha256; /* NULL in one pass */
    struct digest_state state;
    uint64_t length; /* bytes so far */
    uint8_t block[DIGEST_BLOCK_BYTES];
};

static EVP_MD_CTX *evp_new(const EVP_MD *kind)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    assert(context && EVP_DigestInit_ex(context, kind, NULL) == 1);
    return context;
}

struct digest *digest_new(enum digest_making making)
{
    bool one_pass = making != DIGEST_REFERENCE && digest_kernel_available();
    struct digest *digest;

    if (making == DIGEST_ONE_PASS && !one_pass)
        return NULL;
    digest = calloc(1, sizeof *digest);
    assert(digest);
    if (one_pass) {
        digest_state_init(&digest->state);
    } else {
        digest->md5 = evp_new(EVP_md5());
        digest->sha256 = evp_new(EVP_sha256());
    }
    return digest;
}

void digest_free(struct digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->md5);
    EVP_MD_CTX_free(digest->sha256);
    free(digest);
}

/* Fills up an unfinished block, runs the kernel over all whole ones, keeps the rest. */
static void update_one_pass(struct digest *digest, const uint8_t *bytes, size_t length)
{
    size_t have = digest->length % DIGEST_BLOCK_BYTES;
    size_t whole;

    digest->length += length;
    if (have > 0) {
        size_t n = DIGEST_BLOCK_BYTES - have < length ? DIGEST_BLOCK_BYTES - have : length;

        memcpy(digest->block + have, bytes, n);
        bytes += n;
        length -= n;
        if (have + n < DIGEST_BLOCK_BYTES)
            return;
        digest_kernel_run(&digest->state, digest->block, 1);
    }
    whole = length / DIGEST_BLOCK_BYTES;
    if (whole > 0)
        digest_kernel_run(&digest->state, bytes, whole);
    memcpy(digest->block, bytes + whole * DIGEST_BLOCK_BYTES, length % DIGEST_BLOCK_BYTES);
}

void digest_update(struct digest *digest, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    if (!digest->md5) {
        update_one_pass(digest, bytes, length);
        return;
    }
    digest->length += length;
    assert(EVP_DigestUpdate(digest->md5, bytes, length) == 1 &&
           EVP_DigestUpdate(digest->sha256, bytes, length) == 1);
}

static void peek_evp(const EVP_MD_CTX *running, uint8_t *out)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    assert(copy && EVP_MD_CTX_copy_ex(copy, running) == 1 &&
           EVP_DigestFinal_ex(copy, out, NULL) == 1);
    EVP_MD_CTX_free(copy);
}

void digest_peek(const struct digest *digest, struct digests *out)
{
    if (!digest->md5) {
        digest_kernel_finish(&digest->state, digest->block, digest->length, out);
        return;
    }
    peek_evp(digest->md5, out->md5);
    peek_evp(digest->sha256, out->sha256);
}

static EVP_MD_CTX *evp_copy(const EVP_MD_CTX *running)
{
    EVP_MD_CTX *copy;

    if (!running)
        return NULL;
    copy = EVP_MD_CTX_new();
    assert(copy && EVP_MD_CTX_copy_ex(copy, running) == 1);
    return copy;
}

struct digest *digest_copy(const struct digest *digest)
{
    struct digest *copy = malloc(sizeof *copy);

    assert(copy);
    *copy = *digest;
    copy->md5 = evp_copy(digest->md5);
    copy->sha256 = evp_copy(digest->sha256);
    return copy;
}

/* ---- saving ---- */

/* A version, then length, MD5's and SHA-256's words (all little-endian), and the unfinished block.
 */
#define SAVED_VERSION 1

struct __attribute__((packed)) saved {
    uint8_t version;
    uint64_t length;
    uint32_t md5[4];
    uint32_t sha256[8];
    uint8_t block[DIGEST_BLOCK_BYTES];
};
_Static_assert(sizeof(struct saved) == DIGEST_SAVED_BYTES, "the layout is kept in catalogs");

bool digest_save(const struct digest *digest, uint8_t out[static DIGEST_SAVED_BYTES])
{
    struct saved saved = {.version = SAVED_VERSION, .length = htole64(digest->length)};

    if (digest->md5)
        return false;
    for (size_t i = 0; i < COUNT_OF(saved.md5); i++)
        saved.md5[i] = htole32(digest->state.md5[i]);
    for (size_t i = 0; i < COUNT_OF(saved.sha256); i++)
        saved.sha256[i] = htole32(digest->state.sha256[i]);
    memcpy(saved.block, digest->block, digest->length % DIGEST_BLOCK_BYTES);
    memcpy(out, &saved, sizeof saved);
    return true;
}

struct digest *digest_load(const uint8_t *bytes, size_t length)
{
    struct saved saved;
    struct digest *digest;

    if (!bytes || length != sizeof saved || bytes[0] != SAVED_VERSION)
        return NULL;
    digest = digest_new(DIGEST_ONE_PASS);
    if (!digest)
        return NULL;
    memcpy(&saved, bytes, sizeof saved);
    digest->length = le64toh(saved.length);
    for (size_t i = 0; i < COUNT_OF(saved.md5); i++)
        digest->state.md5[i] = le32toh(saved.md5[i]);
    for (size_t i = 0; i < COUNT_OF(saved.sha256); i++)
        digest->state.sha256[i] = le32toh(saved.sha256[i]);
    memcpy(digest->block, saved.block, sizeof saved.block);
    return digest;
}

uint64_t digest_length(const struct digest *digest)
{
    return digest->length;
}

const char *digest_making_name(const struct digest *digest)
{
    return digest->md5 ? "openssl" : "one-pass (sha_ni)";
}

void sha256_of(const void *bytes, size_t length, uint8_t out[static SHA256_BYTES])
{
    assert(EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL) == 1);
}
