#include "service/processing.h"

#include <stdio.h>
#include <string.h>

#include "catalog/chunk.h"
#include "catalog/history.h"
#include "catalog/upload_progress.h"
#include "service/queue.h"

#define CHUNK_PAGE 256
#define DETAIL_SIZE 256

/* ---- history ---- */

/* DETAIL is a JSON object, or NULL. */
static bool note(struct db *tx, const struct app *app, const struct job *job, struct uuid user_id,
                 const char *action, const char *detail, struct error *err)
{
    struct history_entry entry = {.id = app_new_id(app),
                                  .workspace_id = job->workspace_id,
                                  .upload_id = job->upload_id,
                                  .user_id = user_id,
                                  .action = action,
                                  .detail = detail,
                                  .created_at_us = app_now_us(app)};

    return history_add(tx, &entry, err);
}

/* Which job it was about. The texts are names, which need no escaping. */
static bool note_job(struct db *tx, const struct app *app, const struct job *job,
                     struct uuid user_id, const char *action, const char *code, struct error *err)
{
    char id[UUID_TEXT_SIZE], detail[DETAIL_SIZE];

    uuid_format(job->id, id);
    snprintf(detail, sizeof detail, "{\"job_id\":\"%s\",\"kind\":\"%s\"%s%s%s}", id, job->kind,
             code ? ",\"error_code\":\"" : "", code ? code : "", code ? "\"" : "");
    return note(tx, app, job, user_id, action, detail, err);
}

static bool note_if(bool changed, struct db *tx, const struct app *app, const struct job *job,
                    const char *action, struct error *err)
{
    return !changed || note(tx, app, job, (struct uuid){{0}}, action, NULL, err);
}

/* ---- making jobs ---- */

/* Whom jobs are made for. */
struct owner {
    struct uuid workspace_id, upload_id;
    int32_t max_retries;
};

/* Jobs that another waits for. */
struct needed {
    const struct uuid *ids;
    size_t count;
};

static bool make_waiting(struct db *tx, const struct app *app, const struct owner *owner,
                         struct uuid chunk_id, const struct queue_kind *kind,
                         const struct needed *needed, struct uuid *id, struct error *err)
{
    struct job job = {.id = app_new_id(app),
                      .workspace_id = owner->workspace_id,
                      .upload_id = owner->upload_id,
                      .chunk_id = chunk_id,
                      .kind = kind->name,
                      .belongs = true,
                      .needs = (int32_t)needed->count,
                      .priority = kind->priority,
                      .max_retries =
                          kind->max_retries >= 0 ? kind->max_retries : owner->max_retries,
                      .options = kind->options,
                      .created_at_us = app_now_us(app)};

    *id = job.id;
    if (!job_insert(tx, &job, err))
        return false;
    for (size_t i = 0; i < needed->count; i++)
        if (!job_need(tx, job.id, needed->ids[i], err))
            return false;
    return true;
}

static bool make_job(struct db *tx, const struct app *app, const struct owner *owner,
                     struct uuid chunk_id, const struct queue_kind *kind, struct uuid *id,
                     struct error *err)
{
    return make_waiting(tx, app, owner, chunk_id, kind, &(struct needed){0}, id, err);
}

static bool make_for_whole(struct db *tx, const struct app *app, const struct owner *owner,
                           const struct queue_kind *kind, struct error *err)
{
    struct uuid id;

    return make_job(tx, app, owner, (struct uuid){{0}}, kind, &id, err);
}

static bool make_page(struct db *tx, const struct app *app, const struct owner *owner,
                      const struct queue_kind *kind, uint32_t from, size_t *count,
                      struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct chunk *chunks;
    struct uuid id;

    if (!chunk_list(tx, owner->upload_id, from, CHUNK_PAGE, mem, &chunks, count, err))
        return false;
    for (size_t i = 0; i < *count; i++)
        if (!make_job(tx, app, owner, chunks[i].id, kind, &id, err))
            return false;
    return true;
}

static bool make_for_chunks(struct db *tx, const struct app *app, const struct owner *owner,
                            const struct queue_kind *kind, struct error *err)
{
    uint32_t made = 0;
    size_t count;

    do {
        if (!make_page(tx, app, owner, kind, made, &count, err))
            return false;
        made += (uint32_t)count;
    } while (count == CHUNK_PAGE);
    return made > 0 || make_for_whole(tx, app, owner, kind, err);
}

static bool make_jobs(struct db *tx, const struct app *app, const struct owner *owner,
                      const struct queue_kind *kind, struct error *err)
{
    return kind->per == PER_CHUNK ? make_for_chunks(tx, app, owner, kind, err)
                                  : make_for_whole(tx, app, owner, kind, err);
}

static bool suits(const struct app *app, const struct queue_kind *kind, const struct upload *upload)
{
    return !kind->suits || kind->suits(app, upload);
}

/* What comes after a kind that this upload has no jobs of, as it is too short for chunks, has
 * nothing to wait for. */
static bool comes_first(const struct app *app, const struct queue_kind *kind,
                        const struct upload *upload)
{
    const struct queue_kind *before = kind->after ? queue_kind(app->queue, kind->after) : NULL;

    return !before || !suits(app, before, upload);
}

bool processing_plan(struct db *tx, const struct app *app, const struct upload *upload,
                     struct error *err)
{
    struct owner owner = {upload->workspace_id, upload->id, upload->max_retries};
    const struct queue_kind *kind;

    for (size_t i = 0; queue_kind_at(app->queue, i, &kind); i++)
        if (kind->per != PER_REQUEST && comes_first(app, kind, upload) &&
            suits(app, kind, upload) && !make_jobs(tx, app, &owner, kind, err))
            return false;
    return true;
}

/* What comes after the job's kind, once nothing of that kind is left to do and something was
 * completed; and not again when one of them is run anew. */
static bool make_what_follows(struct db *tx, const struct app *app, const struct job *job,
                              struct error *err)
{
    struct owner owner = {job->workspace_id, job->upload_id, job->max_retries};
    const struct queue_kind *kind;
    bool awaits = false, completed = false, has = false;

    for (size_t i = 0; queue_kind_at(app->queue, i, &kind); i++) {
        if (kind->per == PER_REQUEST || !kind->after || strcmp(kind->after, job->kind) != 0)
            continue;
        if (!job_awaits_belonging(tx, job->upload_id, job->kind, &awaits, err) ||
            !job_completed_belonging(tx, job->upload_id, job->kind, &completed, err) ||
            !job_has_belonging(tx, job->upload_id, kind->name, &has, err))
            return false;
        if (!awaits && completed && !has && !make_jobs(tx, app, &owner, kind, err))
            return false;
    }
    return true;
}

/* ---- events ---- */

static bool is_validation(const struct job *job)
{
    return strcmp(job->kind, JOB_KIND_VALIDATE) == 0;
}

static bool has_upload(const struct job *job)
{
    return job->belongs && !uuid_is_nil(job->upload_id);
}

static bool is_cutting(const struct job *job)
{
    return strcmp(job->kind, JOB_KIND_CHUNK) == 0;
}

static bool is_of_chunk(const struct job *job)
{
    return job->belongs && !uuid_is_nil(job->chunk_id);
}

bool processing_began(struct db *tx, const struct app *app, const struct job *job,
                      struct error *err)
{
    int64_t now_us = app_now_us(app);
    bool changed;

    if ((is_of_chunk(job) && !chunk_processing(tx, job, now_us, err)) ||
        (is_cutting(job) && !chunks_being_cut(tx, job, now_us, err)))
        return false;
    if (!has_upload(job))
        return true;
    if (is_validation(job))
        return upload_validating(tx, job->upload_id, now_us, &changed, err) &&
               note_if(changed, tx, app, job, "validating", err);
    return upload_processing(tx, job->upload_id, now_us, &changed, err) &&
           note_if(changed, tx, app, job, "processing", err);
}

/* Completed, if nothing is left to do. */
static bool settle(struct db *tx, const struct app *app, const struct job *job, struct error *err)
{
    bool changed;

    return upload_completed(tx, job->upload_id, app_now_us(app), &changed, err) &&
           note_if(changed, tx, app, job, "completed", err) &&
           (!changed || job_release_upload(tx, job->upload_id, err));
}

static bool end_validation(struct db *tx, const struct app *app, const struct job *job,
                           struct error *err)
{
    bool changed;

    return !is_validation(job) ||
           (upload_validated(tx, job->upload_id, app_now_us(app), &changed, err) &&
            note_if(changed, tx, app, job, "processing", err));
}

bool processing_completed(struct db *tx, const struct app *app, const struct job *job,
                          struct error *err)
{
    if (!job_release(tx, job->id, err) ||
        (is_of_chunk(job) && !chunk_completed(tx, job, app_now_us(app), err)))
        return false;
    return !has_upload(job) || (end_validation(tx, app, job, err) &&
                                make_what_follows(tx, app, job, err) && settle(tx, app, job, err));
}

/* ---- cutting ---- */

static size_t kinds_of(const struct app *app)
{
    const struct queue_kind *kind;
    size_t count = 0;

    while (queue_kind_at(app->queue, count, &kind))
        count++;
    return count;
}

/* They wait for one thing more, until the new jobs are there. */
static bool hold_waiting(struct db *tx, struct uuid upload_id, const char *kind, struct arena *mem,
                         struct chunk_jobs *jobs, struct error *err)
{
    if (!job_waiting_for_chunks(tx, upload_id, kind, CHUNK_PAGE, mem, &jobs->waiting,
                                &jobs->waiting_count, err))
        return false;
    for (size_t i = 0; i < jobs->waiting_count; i++)
        if (!job_needs_more(tx, jobs->waiting[i], 1, err))
            return false;
    return true;
}

bool processing_cut_begin(struct db *tx, const struct app *app, struct uuid upload_id,
                          struct arena *mem, struct chunk_jobs **out, struct error *err)
{
    struct chunk_jobs *jobs = arena_array(mem, kinds_of(app) + 1, sizeof *jobs);
    const struct queue_kind *kind;

    for (size_t i = 0; queue_kind_at(app->queue, i, &kind); i++) {
        jobs[i] = (struct chunk_jobs){0};
        if (kind->per == PER_CHUNK &&
            (!job_has_of_chunks(tx, upload_id, kind->name, &jobs[i].are_there, err) ||
             (jobs[i].are_there && !hold_waiting(tx, upload_id, kind->name, mem, &jobs[i], err))))
            return false;
    }
    *out = jobs;
    return true;
}

bool processing_drop_chunk(struct db *tx, struct uuid chunk_id, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}}, *jobs;
    size_t found;

    do {
        arena_reset(mem);
        if (!job_unfinished_of_chunk(tx, chunk_id, after, CHUNK_PAGE, mem, &jobs, &found, err))
            return false;
        for (size_t i = 0; i < found; i++)
            if (!job_release(tx, after = jobs[i], err))
                return false;
    } while (found == CHUNK_PAGE);
    return true;
}

/* Who waited for the jobs of the chunks that are no more waits for this one too. */
static bool make_for_chunk(struct db *tx, const struct app *app, const struct owner *owner,
                           struct uuid chunk_id, const struct queue_kind *kind,
                           const struct chunk_jobs *jobs, struct uuid *id, struct error *err)
{
    if (!make_job(tx, app, owner, chunk_id, kind, id, err))
        return false;
    for (size_t i = 0; i < jobs->waiting_count; i++)
        if (!job_needs_more(tx, jobs->waiting[i], 1, err) ||
            !job_need(tx, jobs->waiting[i], *id, err))
            return false;
    return true;
}

/* The one that is not done yet waits anew; what is done, or has failed, is done once more. */
static bool redo_job(struct db *tx, const struct app *app, const struct owner *owner,
                     const struct queue_kind *kind, const struct needed *needed, struct uuid *id,
                     struct error *err)
{
    bool is_unfinished;

    if (!job_unfinished_whole(tx, owner->upload_id, kind->name, &is_unfinished, id, err))
        return false;
    if (!is_unfinished)
        return job_set_aside(tx, owner->upload_id, kind->name, err) &&
               make_waiting(tx, app, owner, (struct uuid){{0}}, kind, needed, id, err);
    if (!job_hold(tx, *id, needed->count, err))
        return false;
    for (size_t i = 0; i < needed->count; i++)
        if (!job_need(tx, *id, needed->ids[i], err))
            return false;
    return true;
}

/* What was made of all that jobs of BEFORE have found is of before the cut: it is made again of
 * what those that are NEEDED will find, and so is what was made of that. */
static bool redo_after(struct db *tx, const struct app *app, const struct owner *owner,
                       const char *before, const struct needed *needed, struct error *err)
{
    const struct queue_kind *kind;
    struct uuid id;
    bool has;

    for (size_t i = 0; queue_kind_at(app->queue, i, &kind); i++) {
        if (kind->per != PER_UPLOAD || !kind->after || strcmp(kind->after, before) != 0)
            continue;
        if (!job_has_belonging(tx, owner->upload_id, kind->name, &has, err) ||
            (has && (!redo_job(tx, app, owner, kind, needed, &id, err) ||
                     !redo_after(tx, app, owner, kind->name, &(struct needed){&id, 1}, err))))
            return false;
    }
    return true;
}

/* Of a kind that the upload's chunks have jobs of. Where there were no chunks its job is the
 * whole's. */
static bool follow_cut(struct db *tx, const struct app *app, const struct job *job,
                       const struct queue_kind *kind, const struct chunk_jobs *jobs,
                       const struct fresh_chunks *fresh, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct owner owner = {job->workspace_id, job->upload_id, job->max_retries};
    struct uuid *made = arena_array(mem, fresh->count + 1, sizeof *made);
    struct job of_kind = *job;

    for (size_t i = 0; i < fresh->count; i++)
        if (!make_for_chunk(tx, app, &owner, fresh->ids[i], kind, jobs, &made[i], err))
            return false;
    if (fresh->count > 0 &&
        !redo_after(tx, app, &owner, kind->name, &(struct needed){made, fresh->count}, err))
        return false;
    for (size_t i = 0; i < jobs->waiting_count; i++)
        if (!job_needs_less(tx, jobs->waiting[i], err))
            return false;
    of_kind.kind = kind->name;
    return make_what_follows(tx, app, &of_kind, err);
}

bool processing_cut_end(struct db *tx, const struct app *app, const struct job *job,
                        const struct chunk_jobs *jobs, const struct fresh_chunks *fresh,
                        struct error *err)
{
    int64_t now_us = app_now_us(app);
    const struct queue_kind *kind;
    bool changed;

    for (size_t i = 0; queue_kind_at(app->queue, i, &kind); i++)
        if (jobs[i].are_there && !follow_cut(tx, app, job, kind, &jobs[i], fresh, err))
            return false;
    /* What had failed may have gone with its chunk: then nothing is failed any more. */
    if (!chunks_cut(tx, job, now_us, err) ||
        !upload_reopen(tx, job->upload_id, now_us, &changed, err) ||
        !note_if(changed, tx, app, job, "processing", err))
        return false;
    /* One that belongs is not done yet: the upload ends with it, or later. */
    return job->belongs ||
           (upload_resumed(tx, job->upload_id, now_us, &changed, err) &&
            note_if(changed, tx, app, job, "processing", err) && settle(tx, app, job, err));
}

bool processing_failed(struct db *tx, const struct app *app, const struct job *job,
                       const char *code, const char *message, struct error *err)
{
    int64_t now_us = app_now_us(app);
    bool changed;

    if ((is_of_chunk(job) && !chunk_failed(tx, job, now_us, err)) ||
        (is_cutting(job) && !chunks_not_cut(tx, job, now_us, err)))
        return false;
    if (!has_upload(job))
        return true;
    return upload_failed(tx, job->upload_id, code, message, now_us, &changed, err) &&
           (!changed || note_job(tx, app, job, (struct uuid){{0}}, "failed", code, err));
}

bool processing_postponed(struct db *tx, const struct app *app, const struct job *job,
                          bool is_retry, struct error *err)
{
    if ((is_of_chunk(job) && !chunk_pending(tx, job, err)) ||
        (is_cutting(job) && !chunks_to_be_cut(tx, job, err)))
        return false;
    return !is_retry || !has_upload(job) ||
           upload_retried(tx, job->upload_id, job->attempts, app_now_us(app), err);
}

bool processing_cancelled(struct db *tx, const struct app *app, const struct job *job,
                          struct uuid user_id, struct error *err)
{
    if (uuid_is_nil(job->upload_id))
        return true;
    if (job->status == JOB_LEASED && ((is_of_chunk(job) && !chunk_pending(tx, job, err)) ||
                                      (is_cutting(job) && !chunks_to_be_cut(tx, job, err))))
        return false;
    return note_job(tx, app, job, user_id, "job_cancelled", NULL, err) &&
           (!job->belongs || (make_what_follows(tx, app, job, err) && settle(tx, app, job, err)));
}

bool processing_restarted(struct db *tx, const struct job *job, struct error *err)
{
    return (!is_of_chunk(job) || chunk_pending(tx, job, err)) &&
           (!is_cutting(job) || chunks_to_be_cut(tx, job, err));
}

bool processing_retried(struct db *tx, const struct app *app, const struct job *job,
                        struct uuid user_id, struct error *err)
{
    int64_t now_us = app_now_us(app);
    bool changed;

    if (uuid_is_nil(job->upload_id))
        return true;
    return note_job(tx, app, job, user_id, "job_retried", NULL, err) &&
           (!job->belongs || (upload_retried_by_hand(tx, job->upload_id, now_us, err) &&
                              upload_reopen(tx, job->upload_id, now_us, &changed, err)));
}

/* ---- the trash ---- */

bool processing_trashed(struct db *tx, const struct app *app, struct uuid upload_id,
                        struct error *err)
{
    return job_cancel_of_upload(tx, upload_id, app_now_us(app), err);
}

bool processing_undeleted(struct db *tx, const struct app *app, struct uuid upload_id,
                          struct error *err)
{
    return job_revive_of_upload(tx, upload_id, app_now_us(app), err) &&
           upload_undelete_unvalidated(tx, upload_id, err);
}
