#include "store/s3_profile.h"

#include <stddef.h>
#include <string.h>

#include "base/scoped.h"

/* Ceph's classes are pools, which can all be read, whatever their names. Where a provider's pages
 * do not promise conditional writes, HEAD comes before PUT instead. */
static const struct s3_profile profiles[] = {
    {"aws", "https://s3.%s.amazonaws.com", "us-east-1", false, S3_CHECKSUM_SIGNED, true, true,
     false},
    {"ceph", NULL, "us-east-1", true, S3_CHECKSUM_SIGNED, true, false, false},
    {"minio", NULL, "us-east-1", true, S3_CHECKSUM_SIGNED, true, false, false},
    {"r2", NULL, "auto", true, S3_CHECKSUM_SIGNED, true, false, true},
    {"b2", "https://s3.%s.backblazeb2.com", NULL, true, S3_CHECKSUM_SIGNED, false, false, false},
    {"wasabi", "https://s3.%s.wasabisys.com", "us-east-1", true, S3_CHECKSUM_SIGNED, false, false,
     false},
};

static const struct s3_profile other = {"",   NULL,  "us-east-1", true, S3_CHECKSUM_SIGNED,
                                        true, false, false};

const struct s3_profile *s3_profile_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(profiles); i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

const struct s3_profile *s3_profile_usual(bool has_endpoint)
{
    return has_endpoint ? &other : &profiles[0];
}
