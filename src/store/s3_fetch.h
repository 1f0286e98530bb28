/* One small request to a service beside the provider: STS, or the metadata of a virtual machine.
 * Not signed, not retried: whoever needs the answer asks again. */
#ifndef STORE_S3_FETCH_H
#define STORE_S3_FETCH_H

#include "base/buf.h"
#include "base/error.h"

struct s3_fetch {
    const char *method; /* "GET", "PUT" or "POST" */
    const char *url;
    const char *header; /* "Name: value"; NULL: none */
    const char *body;   /* of a POST; NULL: none */
    const char *ca_file;
    long timeout_ms;
    bool is_near; /* on this machine's own network: no proxy is asked */
};

/* Puts the body of an answer with status 200 into OUT, which was initialised. Fails with
 * ERR_UNAVAILABLE. */
bool s3_fetch(const struct s3_fetch *what, struct buf *out, struct error *err);

#endif
