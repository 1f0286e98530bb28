/* Changing name and metadata of an upload, in one transaction with its history. */
#ifndef API_UPLOAD_CHANGE_H
#define API_UPLOAD_CHANGE_H

#include <jansson.h>

#include "catalog/upload.h"
#include "service/app.h"

#define METADATA_MAX_BYTES ((size_t)256 * 1024)

struct upload_change {
    struct uuid workspace_id;
    struct uuid user_id;
    struct uuid id;
    const char *original_filename; /* checked; NULL: stays */
    const json_t *metadata;        /* a merge patch (RFC 7396); NULL: stays */
    /* Asked in the transaction about the record as it is; false refuses. */
    bool (*allowed)(void *context, const struct upload *upload, struct error *err);
    void *context;
};

/* Fails with ERR_INVALID if the patch touches members that are the server's own. Pure. */
bool upload_change_check(const struct upload_change *change, struct error *err);

/* Makes the change. OUT is the record afterwards, in MEM. Fails with ERR_NOT_FOUND, ERR_INVALID if
 * the metadata would exceed METADATA_MAX_BYTES, and as ALLOWED. */
bool upload_change_apply(struct app *app, const struct upload_change *change, struct arena *mem,
                         struct upload *out, struct error *err);

/* TARGET with PATCH merged into it (RFC 7396 section 2); both stay the caller's. The caller
 * releases the result. Pure. */
json_t *upload_change_merge(const json_t *target, const json_t *patch);

#endif
