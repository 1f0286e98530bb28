/* What the configuration says of an S3 store, checked. */
#ifndef STORE_S3_SETTINGS_H
#define STORE_S3_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

enum s3_checksum {
    S3_CHECKSUM_NONE,   /* the body is not signed */
    S3_CHECKSUM_SIGNED, /* its SHA-256 is part of the signature, which every provider checks */
    S3_CHECKSUM_MD5     /* and Content-MD5 goes along */
};

struct s3_settings {
    const char *origin; /* "https://s3.eu-west-1.amazonaws.com": scheme, host and port */
    const char *host;   /* for the Host header: with the bucket in front, in host style */
    const char *region;
    const char *bucket;
    bool path_style;
    const char *prefix; /* "" or with a final '/' */
    const char *access_key, *secret_key;
    const char *session_token; /* NULL: none */
    const char *ca_file;       /* NULL: the system's certificates */
    enum s3_checksum checksum;
    bool conditional_writes;    /* the provider honours If-None-Match on PUT */
    const char *storage_class;  /* NULL: the bucket's */
    const char *encryption;     /* NULL, "AES256" or "aws:kms" */
    const char *encryption_key; /* of aws:kms; NULL: the bucket's */
    uint64_t part_bytes;        /* of a multipart upload; longer objects are sent in parts */
    unsigned parts_at_once;
    uint64_t timeout_ms; /* without any progress */
    unsigned attempts;   /* of one request */
    const char *staging; /* the folder of stages */
};

#define S3_PART_LEAST (UINT64_C(5) << 20) /* bytes, of all but the last: S3's own limit */
#define S3_PARTS_MAX 10000
#define S3_OBJECT_LARGEST (UINT64_C(5) << 40) /* bytes */

/* Reads CONFIG and, for credentials that it does not name, the environment (AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN). Texts are in MEM. Fails with ERR_INVALID, naming the
 * key. */
bool s3_settings_read(const struct store_config *config, struct arena *mem, struct s3_settings *out,
                      struct error *err);

#endif
