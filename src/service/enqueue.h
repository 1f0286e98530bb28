/*
 * What people do with the queue: ask for a job, cancel, retry, pause and resume. Each is one
 * transaction.
 */
#ifndef SERVICE_ENQUEUE_H
#define SERVICE_ENQUEUE_H

#include "catalog/idempotency.h"
#include "catalog/job.h"
#include "catalog/upload.h"
#include "service/app.h"

/* After which a job that was asked for may run. */
enum enqueue_after {
    AFTER_NOTHING,
    AFTER_UPLOAD, /* is completed; at once if it is */
    AFTER_KIND    /* all jobs of that kind that the upload has are completed */
};

#define ENQUEUED_MAX 10000 /* jobs of one call */

struct enqueue_request {
    struct uuid workspace_id, upload_id, user_id;
    const char *kind;
    bool per_chunk; /* one for each chunk; one for the whole of an upload that has none. Not of a
                       built-in kind */
    enum enqueue_after after;
    const char *after_kind;
    const char *options; /* a JSON object; NULL: the kind's */
    bool has_priority;
    int32_t priority;    /* without it the kind's */
    int32_t max_retries; /* -1: as many as the kind's, or, where it says nothing, the upload's */
    int64_t run_after_us;
    struct idempotency once; /* its resource is the first job's id; without a key: made each time */
};

/*
 * Queues jobs of a kind for an upload. They are beside its processing: its status does not depend
 * on them. *OUT are the jobs made, COUNT of them; or those, as they are now, that the same request
 * has made before.
 *
 * Fails with ERR_NOT_FOUND without such an upload, ERR_CONFLICT if it is in the trash, ERR_INVALID
 * if the options do not suit the kind, nobody runs it, or it would be more than ENQUEUED_MAX,
 * as the kind's fits() does, and as idempotency_claim.
 */
bool enqueue(struct app *app, const struct enqueue_request *request, struct arena *mem,
             struct job **out, size_t *count, struct error *err);

/* Cancels a job that has not ended, and those that wait for it. One that is cancelled stays so.
 * Whoever has leased it learns with their next heartbeat, and can change nothing from now on. Fails
 * with ERR_NOT_FOUND, ERR_CONFLICT if it was completed or has failed. */
bool enqueue_cancel(struct app *app, struct uuid workspace_id, struct uuid id, struct uuid user_id,
                    struct arena *mem, struct job *out, struct error *err);
/* A failed job begins anew, with all its retries. Fails with ERR_NOT_FOUND, ERR_CONFLICT if it has
 * not failed. */
bool enqueue_retry(struct app *app, struct uuid workspace_id, struct uuid id, struct uuid user_id,
                   struct arena *mem, struct job *out, struct error *err);
/* All failed jobs of an upload's processing begin anew. Fails with ERR_NOT_FOUND, ERR_CONFLICT if
 * none has failed. *OUT is the upload afterwards. */
bool enqueue_retry_upload(struct app *app, struct uuid workspace_id, struct uuid upload_id,
                          struct uuid user_id, struct arena *mem, struct upload *out,
                          struct error *err);

/* Whether a kind is paused in a workspace, or, if that is nil, everywhere. */
bool enqueue_pause(struct app *app, const char *kind, struct uuid workspace_id, struct uuid user_id,
                   bool paused, struct error *err);

#endif
