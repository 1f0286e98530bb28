#include "crypto/checksum.h"

#include <assert.h>
#include <openssl/evp.h>
#include <zlib.h>

#define CRC32_BYTES 4

struct checksum {
    EVP_MD_CTX *context; /* NULL: crc32 */
    uLong crc32;
    uint8_t expected[CHECKSUM_MAX_BYTES];
    size_t length;
};

static const EVP_MD *kind_named(struct str name)
{
    if (str_equal_nocase(name, "md5"))
        return EVP_md5();
    if (str_equal_nocase(name, "sha1"))
        return EVP_sha1();
    if (str_equal_nocase(name, "sha256"))
        return EVP_sha256();
    return NULL;
}

struct checksum *checksum_new(struct str name, const void *expected, size_t length)
{
    bool is_crc32 = str_equal_nocase(name, "crc32");
    const EVP_MD *kind = kind_named(name);
    struct checksum *checksum;

    if (is_crc32 ? length != CRC32_BYTES : !kind || length != (size_t)EVP_MD_get_size(kind))
        return NULL;
    checksum = calloc(1, sizeof *checksum);
    assert(checksum);
    memcpy(checksum->expected, expected, length);
    checksum->length = length;
    if (is_crc32) {
        checksum->crc32 = crc32(0, NULL, 0);
        return checksum;
    }
    checksum->context = EVP_MD_CTX_new();
    assert(checksum->context && EVP_DigestInit_ex(checksum->context, kind, NULL) == 1);
    return checksum;
}

void checksum_free(struct checksum *checksum)
{
    if (!checksum)
        return;
    EVP_MD_CTX_free(checksum->context);
    free(checksum);
}

void checksum_update(struct checksum *checksum, const void *bytes, size_t length)
{
    if (checksum->context)
        assert(EVP_DigestUpdate(checksum->context, bytes, length) == 1);
    else
        checksum->crc32 = crc32_z(checksum->crc32, bytes, length);
}

bool checksum_holds(struct checksum *checksum)
{
    uint8_t found[EVP_MAX_MD_SIZE];

    if (checksum->context) {
        assert(EVP_DigestFinal_ex(checksum->context, found, NULL) == 1);
    } else {
        for (size_t i = 0; i < CRC32_BYTES; i++)
            found[i] = (uint8_t)(checksum->crc32 >> (8 * (CRC32_BYTES - 1 - i)));
    }
    return memcmp(found, checksum->expected, checksum->length) == 0;
}
