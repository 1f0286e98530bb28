#include "api/job_view.h"

#include <stdio.h>

#include "api/views.h"

#define JOB_VIEW_BYTES (JOB_RESULT_MAX + JOB_OPTIONS_MAX + VIEW_SMALL_BYTES)
#define URL_SIZE 128

static void write_subject(struct emitter *json, const struct job *job)
{
    emit_uuid_or_null(json, "upload_id", job->upload_id);
    emit_uuid_or_null(json, "chunk_id", job->chunk_id);
    if (job->has_chunk) {
        emit_int(json, "chunk_index", job->chunk_index);
        emit_milli(json, "start_time", job->chunk_start_ms);
        emit_milli(json, "end_time", job->chunk_end_ms);
    } else {
        emit_null(json, "chunk_index");
        emit_null(json, "start_time");
        emit_null(json, "end_time");
    }
}

static void write_end(struct emitter *json, const struct job *job)
{
    if (job->result)
        emit_raw(json, "result", job->result);
    else
        emit_null(json, "result");
    emit_text(json, "error_code", job->error_code);
    emit_text(json, "error_message", job->error_message);
    if (job->has_processing_time)
        emit_int(json, "processing_time_ms", job->processing_time_ms);
    else
        emit_null(json, "processing_time_ms");
}

static void write_content_url(struct emitter *json, const struct job *job)
{
    char id[UUID_TEXT_SIZE], url[URL_SIZE];

    if (uuid_is_nil(job->upload_id)) {
        emit_null(json, "content_url");
        return;
    }
    uuid_format(job->upload_id, id);
    if (job->has_chunk)
        snprintf(url, sizeof url, "/v1/uploads/%s/chunks/%u/content", id, job->chunk_index);
    else
        snprintf(url, sizeof url, "/v1/uploads/%s/content", id);
    emit_text(json, "content_url", url);
}

void view_job(struct emitter *json, const struct job *job, bool secret)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", job->id);
    emit_uuid(json, "workspace_id", job->workspace_id);
    emit_text(json, "kind", job->kind);
    write_subject(json, job);
    emit_text(json, "status", job_status_name(job->status));
    emit_int(json, "priority", job->priority);
    emit_milli(json, "progress", job->progress_milli);
    emit_int(json, "attempts", job->attempts);
    emit_int(json, "max_retries", job->max_retries);
    emit_raw(json, "options", job->options);
    write_end(json, job);
    emit_bool(json, "from_cache", job->from_cache);
    emit_text(json, "leased_by", job->leased_by);
    emit_time(json, "lease_until", job->lease_until_us);
    emit_time(json, "run_after", job->run_after_us);
    emit_time(json, "created_at", job->created_at_us);
    emit_time(json, "started_at", job->started_at_us);
    emit_time(json, "completed_at", job->completed_at_us);
    if (secret) {
        emit_int(json, "lease_token", job->lease_token);
        write_content_url(json, job);
    }
    emit_close_object(json);
}

bool view_answer_job(struct response *res, int status, const struct job *job, bool secret,
                     struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, JOB_VIEW_BYTES);
    view_job(&json, job, secret);
    return view_send(res, status, &out, err);
}
