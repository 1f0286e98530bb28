/* Checksums of ranges, by name: what clients send along with a part to have it checked. */
#ifndef CRYPTO_CHECKSUM_H
#define CRYPTO_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scoped.h"
#include "base/str.h"

#define CHECKSUM_MAX_BYTES 64
#define CHECKSUM_NAMES "md5,sha1,sha256,crc32"

struct checksum;

/* A running checksum of the kind NAME ("md5", "sha1", "sha256"; "crc32": CRC-32 of ISO 3309, as
 * zlib's, most significant byte first), to be compared with EXPECTED. NULL if there is no such kind
 * or EXPECTED is not of its length. */
struct checksum *checksum_new(struct str name, const void *expected, size_t length);
void checksum_free(struct checksum *checksum);
DEFINE_RELEASE(checksum, struct checksum)

void checksum_update(struct checksum *checksum, const void *bytes, size_t length);
/* Whether what came is what was expected. To be asked once. */
bool checksum_holds(struct checksum *checksum);

#endif
