/* Lifecycle configurations of a bucket as text ("LifecycleConfiguration" of the Amazon S3 API
 * reference). Pure: values in, values out. */
#ifndef STORE_S3_LIFECYCLE_XML_H
#define STORE_S3_LIFECYCLE_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

struct s3_lifecycle {
    struct store_lifecycle own; /* of the rule with our id; its prefix is the bucket's. COUNT is 0
                                   if there is none */
    bool is_changed;            /* our rule says more than we can say, or is turned off */
    const char *others;         /* the other rules, as they stood there; "" if there are none */
};

/* Reads a configuration, in which our rule has the id ID. Texts are in MEM. Fails with
 * ERR_UNAVAILABLE if it cannot be read. */
bool s3_lifecycle_parse(const char *bytes, size_t length, const char *id, struct arena *mem,
                        struct s3_lifecycle *out, struct error *err);
/* Writes LIFECYCLE; OUT, which was initialised, stays empty if there is not a rule in it. */
void s3_lifecycle_format(const struct s3_lifecycle *lifecycle, const char *id, struct buf *out);

#endif
