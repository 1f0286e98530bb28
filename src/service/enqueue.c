#include "service/enqueue.h"

#include <string.h>

#include "catalog/chunk.h"
#include "catalog/upload_progress.h"
#include "service/processing.h"
#include "service/queue.h"

#define PAGE 256
#define CODE_CANCELLED "cancelled"

/* ---- asking for jobs ---- */

struct asking {
    struct app *app;
    const struct enqueue_request *request;
    const struct queue_kind *kind; /* NULL: external and not configured */
    struct arena *mem;
    struct upload upload;
    bool needs_upload;
    struct uuid *needed; /* jobs that each waits for */
    size_t needed_count;
    int64_t now_us; /* of all that are made */
    struct job *jobs;
    size_t count;
};

static bool check_kind(const struct asking *asking, struct error *err)
{
    const struct enqueue_request *request = asking->request;

    if (!job_kind_is_valid(request->kind))
        return error_tell(err, ERR_INVALID, "kind: at most %d small letters, digits, - and _",
                          JOB_KIND_MAX);
    if (asking->kind && asking->kind->is_built_in && !asking->kind->is_run)
        return error_tell(err, ERR_INVALID, "kind: this server cannot run %s", request->kind);
    /* Such a job is of the file: one that named a chunk would do all of it again for each. */
    if (request->per_chunk && asking->kind && asking->kind->is_built_in)
        return error_tell(err, ERR_INVALID, "per: a job of the kind %s is always of the upload",
                          request->kind);
    if (request->options && asking->kind && asking->kind->check)
        return asking->kind->check(asking->app, request->options, err);
    return true;
}

static bool too_many(struct error *err)
{
    return error_tell(err, ERR_INVALID, "this would make, or wait for, more than %d jobs",
                      ENQUEUED_MAX);
}

/* The jobs that are to be waited for. */
static bool find_needed(struct db *tx, struct asking *asking, struct error *err)
{
    const struct enqueue_request *request = asking->request;
    struct uuid after = {{0}}, *page;
    size_t count;

    asking->needed_count = 0;
    asking->needs_upload =
        request->after == AFTER_UPLOAD && asking->upload.status != UPLOAD_COMPLETED;
    if (request->after != AFTER_KIND)
        return true;
    asking->needed = arena_array(asking->mem, ENQUEUED_MAX, sizeof *asking->needed);
    do {
        if (!job_unfinished(tx, request->upload_id, request->after_kind, after, PAGE, asking->mem,
                            &page, &count, err))
            return false;
        if (asking->needed_count + count > ENQUEUED_MAX)
            return too_many(err);
        for (size_t i = 0; i < count; i++)
            after = asking->needed[asking->needed_count++] = page[i];
    } while (count == PAGE);
    return true;
}

static int32_t priority_of(const struct asking *asking)
{
    if (asking->request->has_priority)
        return asking->request->priority;
    return asking->kind ? asking->kind->priority : 0;
}

static int32_t retries_of(const struct asking *asking)
{
    if (asking->request->max_retries >= 0)
        return asking->request->max_retries;
    return asking->kind && asking->kind->max_retries >= 0 ? asking->kind->max_retries
                                                          : asking->upload.max_retries;
}

static struct uuid new_id(const struct asking *asking)
{
    const struct idempotency *once = &asking->request->once;

    return once->key && asking->count == 0 ? once->resource_id : app_new_id(asking->app);
}

static size_t most(const struct enqueue_request *request)
{
    return request->per_chunk ? ENQUEUED_MAX : 1;
}

static bool insert(struct db *tx, struct asking *asking, struct uuid chunk_id, struct error *err)
{
    const struct enqueue_request *request = asking->request;
    struct job job = {
        .id = new_id(asking),
        .workspace_id = request->workspace_id,
        .upload_id = request->upload_id,
        .chunk_id = chunk_id,
        .kind = request->kind,
        .needs = (int32_t)asking->needed_count + asking->needs_upload,
        .needs_upload = asking->needs_upload,
        .priority = priority_of(asking),
        .max_retries = retries_of(asking),
        .options = request->options ? request->options
                   : asking->kind   ? asking->kind->options
                                    : NULL,
        .run_after_us = request->run_after_us,
        .created_at_us = asking->now_us,
    };

    if (asking->count == ENQUEUED_MAX)
        return too_many(err);
    if (!job_insert(tx, &job, err))
        return false;
    for (size_t i = 0; i < asking->needed_count; i++)
        if (!job_need(tx, job.id, asking->needed[i], err))
            return false;
    return job_by_id(tx, request->workspace_id, job.id, asking->mem, &asking->jobs[asking->count++],
                     err);
}

static bool insert_for_chunks(struct db *tx, struct asking *asking, struct error *err)
{
    struct chunk *chunks;
    size_t count;

    do {
        if (!chunk_list(tx, asking->request->upload_id, (uint32_t)asking->count, PAGE, asking->mem,
                        &chunks, &count, err))
            return false;
        /* Each waiting for each: bounded, so that one request cannot fill the disk with it. */
        if (asking->needed_count > 0 &&
            (asking->count + count) > ENQUEUED_MAX * 10 / asking->needed_count)
            return too_many(err);
        for (size_t i = 0; i < count; i++)
            if (!insert(tx, asking, chunks[i].id, err))
                return false;
    } while (count == PAGE);
    return asking->count > 0 || insert(tx, asking, (struct uuid){{0}}, err);
}

static bool make_jobs(struct db *tx, struct asking *asking, struct error *err)
{
    const struct enqueue_request *request = asking->request;

    asking->count = 0;
    if (!upload_by_id(tx, request->workspace_id, request->upload_id, asking->mem, &asking->upload,
                      err))
        return false;
    if (asking->upload.deleted_at_us != 0)
        return error_tell(err, ERR_CONFLICT, "the upload is in the trash");
    return (!asking->kind || !asking->kind->fits ||
            asking->kind->fits(asking->app, request->options ? request->options : "{}",
                               &asking->upload, err)) &&
           find_needed(tx, asking, err) &&
           (request->per_chunk ? insert_for_chunks(tx, asking, err)
                               : insert(tx, asking, (struct uuid){{0}}, err));
}

static bool ask_work(struct db *tx, void *context, struct error *err)
{
    struct asking *asking = context;
    const struct enqueue_request *request = asking->request;
    struct uuid first;
    bool is_known;

    if (!idempotency_claim(tx, &request->once, &is_known, &first, err))
        return false;
    return is_known ? job_made_with(tx, request->workspace_id, first, most(request), asking->mem,
                                    &asking->jobs, &asking->count, err)
                    : make_jobs(tx, asking, err);
}

bool enqueue(struct app *app, const struct enqueue_request *request, struct arena *mem,
             struct job **out, size_t *count, struct error *err)
{
    struct asking asking = {.app = app,
                            .request = request,
                            .kind = queue_kind(app->queue, request->kind),
                            .mem = mem,
                            .now_us = app_now_us(app)};

    if (!check_kind(&asking, err))
        return false;
    asking.jobs = arena_array(mem, most(request), sizeof *asking.jobs);
    if (!database_write(app->database, ask_work, &asking, err))
        return false;
    queue_signal(app->queue);
    *out = asking.jobs;
    *count = asking.count;
    return true;
}

/* ---- one job ---- */

struct change {
    struct app *app;
    struct uuid workspace_id, id, user_id;
    struct arena *mem;
    struct job job;       /* as it was, then as it is */
    struct upload upload; /* of a retried upload */
};

static bool cancel_work(struct db *tx, void *context, struct error *err)
{
    struct change *change = context;
    const struct app *app = change->app;
    bool changed;

    if (!job_by_id(tx, change->workspace_id, change->id, change->mem, &change->job, err) ||
        !job_cancel(tx, change->id, app_now_us(app), CODE_CANCELLED, "somebody cancelled it",
                    &changed, err))
        return false;
    if (!changed)
        return change->job.status == JOB_CANCELLED ||
               error_tell(err, ERR_CONFLICT, "the job is %s", job_status_name(change->job.status));
    return processing_cancelled(tx, app, &change->job, change->user_id, err) &&
           job_by_id(tx, change->workspace_id, change->id, change->mem, &change->job, err);
}

static bool run_change(db_work *work, struct change *change, struct job *out, struct error *err)
{
    if (!database_write(change->app->database, work, change, err))
        return false;
    queue_signal(change->app->queue);
    *out = change->job;
    return true;
}

bool enqueue_cancel(struct app *app, struct uuid workspace_id, struct uuid id, struct uuid user_id,
                    struct arena *mem, struct job *out, struct error *err)
{
    struct change change = {
        .app = app, .workspace_id = workspace_id, .id = id, .user_id = user_id, .mem = mem};

    if (!run_change(cancel_work, &change, out, err))
        return false;
    queue_cancelled(app->queue);
    return true;
}

static bool retry_one(struct db *tx, const struct change *change, const struct job *job,
                      struct error *err)
{
    bool changed;

    return job_retry(tx, job->id, app_now_us(change->app), &changed, err) &&
           (changed || error_tell(err, ERR_CONFLICT, "the job is %s, not failed",
                                  job_status_name(job->status))) &&
           processing_restarted(tx, job, err);
}

static bool retry_work(struct db *tx, void *context, struct error *err)
{
    struct change *change = context;

    return job_by_id(tx, change->workspace_id, change->id, change->mem, &change->job, err) &&
           retry_one(tx, change, &change->job, err) &&
           processing_retried(tx, change->app, &change->job, change->user_id, err) &&
           job_by_id(tx, change->workspace_id, change->id, change->mem, &change->job, err);
}

bool enqueue_retry(struct app *app, struct uuid workspace_id, struct uuid id, struct uuid user_id,
                   struct arena *mem, struct job *out, struct error *err)
{
    struct change change = {
        .app = app, .workspace_id = workspace_id, .id = id, .user_id = user_id, .mem = mem};

    return run_change(retry_work, &change, out, err);
}

/* ---- an upload ---- */

static bool retry_upload_work(struct db *tx, void *context, struct error *err)
{
    struct change *change = context;
    struct job *jobs = NULL;
    size_t count, retried = 0;

    if (!upload_by_id(tx, change->workspace_id, change->id, change->mem, &change->upload, err))
        return false;
    if (change->upload.deleted_at_us != 0)
        return error_tell(err, ERR_CONFLICT, "the upload is in the trash");
    do {
        if (!job_failed_of_upload(tx, change->id, PAGE, change->mem, &jobs, &count, err))
            return false;
        for (size_t i = 0; i < count; i++, retried++)
            if (!retry_one(tx, change, &jobs[i], err))
                return false;
        if (count > 0)
            change->job = jobs[0];
    } while (count == PAGE);
    if (retried == 0)
        return error_tell(err, ERR_CONFLICT, "the upload is %s: nothing of it has failed",
                          upload_status_name(change->upload.status));
    return processing_retried(tx, change->app, &change->job, change->user_id, err) &&
           upload_by_id(tx, change->workspace_id, change->id, change->mem, &change->upload, err);
}

bool enqueue_retry_upload(struct app *app, struct uuid workspace_id, struct uuid upload_id,
                          struct uuid user_id, struct arena *mem, struct upload *out,
                          struct error *err)
{
    struct change change = {
        .app = app, .workspace_id = workspace_id, .id = upload_id, .user_id = user_id, .mem = mem};

    if (!database_write(app->database, retry_upload_work, &change, err))
        return false;
    queue_signal(app->queue);
    *out = change.upload;
    return true;
}

/* ---- pauses ---- */

struct pausing {
    struct job_pause pause;
    struct uuid user_id;
    bool paused;
};

static bool pause_work(struct db *tx, void *context, struct error *err)
{
    const struct pausing *pausing = context;

    return pausing->paused ? job_pause(tx, &pausing->pause, pausing->user_id, err)
                           : job_resume(tx, pausing->pause.kind, pausing->pause.workspace_id, err);
}

bool enqueue_pause(struct app *app, const char *kind, struct uuid workspace_id, struct uuid user_id,
                   bool paused, struct error *err)
{
    struct pausing pausing = {
        .pause = {.kind = kind, .workspace_id = workspace_id, .paused_at_us = app_now_us(app)},
        .user_id = user_id,
        .paused = paused};

    if (!job_kind_is_valid(kind))
        return error_tell(err, ERR_NOT_FOUND, "there is no such kind");
    if (!database_write(app->database, pause_work, &pausing, err))
        return false;
    queue_signal(app->queue);
    return true;
}
