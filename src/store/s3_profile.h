/* What is known of the providers that speak S3. Pure: a table. */
#ifndef STORE_S3_PROFILE_H
#define STORE_S3_PROFILE_H

#include <stdbool.h>

enum s3_checksum {
    S3_CHECKSUM_NONE,   /* the body is not signed */
    S3_CHECKSUM_SIGNED, /* its SHA-256 is part of the signature, which every provider checks */
    S3_CHECKSUM_MD5     /* and Content-MD5 goes along */
};

/* What a store's section need not say. */
struct s3_profile {
    const char *name;
    const char *endpoint; /* "%s" in it is the region; NULL: the section must have one */
    const char *region;   /* NULL: the section must have one */
    bool path_style;
    enum s3_checksum checksum;
    bool conditional_writes; /* If-None-Match is honoured on PUT */
    bool has_archives;       /* what is of class GLACIER or DEEP_ARCHIVE cannot be read at once */
    bool equal_parts;        /* all parts of an object but the last must be of one length */
};

/* The profile NAME ("aws", "ceph" …); NULL if there is none. */
const struct s3_profile *s3_profile_named(const char *name);
/* That of a section that names none: Amazon's without an endpoint, else what suits most. */
const struct s3_profile *s3_profile_usual(bool has_endpoint);
/* The names of all, as they are listed to people. */
#define S3_PROFILE_NAMES "aws, ceph, minio, r2, b2 or wasabi"

#endif
