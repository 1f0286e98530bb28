/* What the configuration says of an S3 store, checked. */
#ifndef STORE_S3_SETTINGS_H
#define STORE_S3_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/s3_credentials.h"
#include "store/s3_profile.h"
#include "store/store.h"

struct s3_settings {
    const char *origin;   /* "https://s3.eu-west-1.amazonaws.com": scheme, host and port */
    const char *host;     /* for the Host header: with the bucket in front, in host style */
    const char *provider; /* the endpoint's host without the bucket, nor a port that goes without
                             saying */
    const char *region;
    const char *bucket;
    bool path_style;
    const char *prefix; /* "" or with a final '/' */
    struct s3_credential_settings credentials;
    const char *ca_file; /* NULL: the system's certificates */
    enum s3_checksum checksum;
    bool conditional_writes;    /* the provider honours If-None-Match on PUT */
    bool has_archives;          /* GLACIER and DEEP_ARCHIVE must be restored before they are read */
    bool equal_parts;           /* all parts of an object but the last must be of one length */
    const char *storage_class;  /* NULL: the bucket's */
    const char *encryption;     /* NULL, "AES256" or "aws:kms" */
    const char *encryption_key; /* of aws:kms; NULL: the bucket's */
    uint64_t part_bytes;        /* of a multipart upload; longer objects are sent in parts */
    unsigned parts_at_once;
    bool sends_early;    /* parts of a long object go while the rest of it arrives */
    uint64_t timeout_ms; /* without any progress */
    unsigned attempts;   /* of one request */
    uint64_t late_ms;    /* after which a request that was given up is not carried out any more */
    uint64_t copy_bytes; /* longer objects are copied in parts */
    bool redirects;      /* downloads are sent to the provider by links */
    uint64_t link_ttl_s; /* for which those hold */
    /* As ORIGIN and HOST, for links: the address at which clients reach the provider. */
    const char *link_origin, *link_host;
    const char *staging; /* the folder of stages */
};

#define S3_PART_LEAST (UINT64_C(5) << 20) /* bytes, of all but the last: S3's own limit */
#define S3_PARTS_MAX 10000
#define S3_COPY_LARGEST (UINT64_C(5) << 30) /* bytes that one request copies */
#define S3_LINK_LONGEST_S 604800
#define S3_OBJECT_LARGEST (UINT64_C(5) << 40) /* bytes */

/* Reads CONFIG and, for credentials that it does not name, the environment. Texts are in MEM.
 * Fails with ERR_INVALID, naming the key. */
bool s3_settings_read(const struct store_config *config, struct arena *mem, struct s3_settings *out,
                      struct error *err);

#endif
