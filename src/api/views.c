#include "api/views.h"

#include <stdio.h>

#include "service/archive.h"

static void write_limit(struct emitter *json, const char *name, struct quota_limit limit)
{
    if (limit.limited)
        emit_count(json, name, limit.value);
    else
        emit_null(json, name);
}

static void write_count_or_null(struct emitter *json, const char *name, bool has, uint64_t value)
{
    write_limit(json, name, (struct quota_limit){has, value});
}

static void write_facts(struct emitter *json, const struct upload *upload)
{
    if (upload->has_facts)
        emit_milli(json, "duration", upload->duration_ms);
    else
        emit_null(json, "duration");
    write_count_or_null(json, "sample_rate", upload->has_facts, (uint64_t)upload->sample_rate_hz);
    write_count_or_null(json, "channels", upload->has_facts, (uint64_t)upload->channels);
    write_count_or_null(json, "bitrate", upload->has_facts, (uint64_t)upload->bitrate_kbps);
    emit_text(json, "codec", upload->codec);
    emit_raw(json, "metadata", upload->metadata);
}

static void write_storage(struct emitter *json, const struct upload *upload)
{
    emit_text(json, "storage_provider", upload->storage_provider);
    emit_text(json, "storage_name", upload->storage_name);
    emit_text(json, "storage_class", upload->storage_class);
    emit_text(json, "storage_path", upload->storage_path);
    emit_text(json, "storage_url", upload->storage_url);
    emit_text(json, "storage_region", upload->storage_region);
    emit_text(json, "checksum_md5", upload->checksum_md5);
    emit_text(json, "checksum_sha256", upload->checksum_sha256);
    emit_uuid_or_null(json, "encryption_key_id", upload->encryption_key_id);
    emit_text(json, "compression_type", upload->compression_type);
    emit_count(json, "original_size", upload->original_size);
    write_count_or_null(json, "compressed_size", upload->has_compressed_size,
                        upload->compressed_size);
    emit_uuid_or_null(json, "duplicate_of", upload->duplicate_of);
}

static void write_progress(struct emitter *json, const struct upload *upload)
{
    emit_text(json, "status", upload_status_name(upload->status));
    emit_time(json, "uploaded_at", upload->uploaded_at_us);
    emit_time(json, "validation_started_at", upload->validation_started_at_us);
    emit_time(json, "validation_completed_at", upload->validation_completed_at_us);
    emit_time(json, "processing_started_at", upload->processing_started_at_us);
    emit_time(json, "processing_completed_at", upload->processing_completed_at_us);
    emit_time(json, "archived_at", upload->archived_at_us);
    emit_time(json, "deleted_at", upload->deleted_at_us);
    emit_time(json, "updated_at", upload->updated_at_us);
    emit_text(json, "error_code", upload->error_code);
    emit_text(json, "error_message", upload->error_message);
    emit_int(json, "retry_count", upload->retry_count);
    emit_int(json, "max_retries", upload->max_retries);
}

static void write_upload(struct emitter *json, const struct upload *upload)
{
    emit_uuid(json, "id", upload->id);
    emit_uuid(json, "workspace_id", upload->workspace_id);
    emit_uuid(json, "user_id", upload->user_id);
    emit_text(json, "original_filename", upload->original_filename);
    emit_count(json, "file_size", upload->file_size);
    emit_text(json, "file_type", upload->file_type);
    emit_text(json, "mime_type", upload->mime_type);
    write_facts(json, upload);
    write_storage(json, upload);
    write_progress(json, upload);
}

void view_upload(struct emitter *json, const char *name, const struct upload *upload)
{
    emit_open_object(json, name);
    write_upload(json, upload);
    emit_close_object(json);
}

static void write_object(struct emitter *json, const struct store_object *object)
{
    emit_open_object(json, "storage");
    emit_text(json, "storage_class", *object->storage_class ? object->storage_class : NULL);
    emit_text(json, "availability", archive_availability_name(object->availability));
    emit_time(json, "available_until", object->available_until_us);
    emit_close_object(json);
}

static void write_chunk_file(struct emitter *json, const struct chunk *chunk)
{
    emit_text(json, "chunk_filename", chunk->chunk_filename);
    write_count_or_null(json, "chunk_size", chunk->has_file, chunk->chunk_size);
    emit_text(json, "chunk_path", chunk->chunk_path);
    emit_text(json, "checksum_md5", chunk->checksum_md5);
    emit_text(json, "checksum_sha256", chunk->checksum_sha256);
}

void view_chunk(struct emitter *json, const struct chunk *chunk)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", chunk->id);
    emit_uuid(json, "upload_id", chunk->upload_id);
    emit_int(json, "chunk_index", chunk->chunk_index);
    emit_int(json, "total_chunks", chunk->total_chunks);
    emit_milli(json, "start_time", chunk->start_time_ms);
    emit_milli(json, "end_time", chunk->end_time_ms);
    emit_milli(json, "duration", chunk->duration_ms);
    write_chunk_file(json, chunk);
    emit_text(json, "status", chunk->status);
    emit_time(json, "processing_started_at", chunk->processing_started_at_us);
    emit_time(json, "processing_completed_at", chunk->processing_completed_at_us);
    write_count_or_null(json, "processing_time_ms", chunk->has_processing_time,
                        (uint64_t)chunk->processing_time_ms);
    emit_uuid_or_null(json, "transcription_result_id", chunk->transcription_result_id);
    emit_uuid_or_null(json, "processing_job_id", chunk->processing_job_id);
    emit_close_object(json);
}

void view_history(struct emitter *json, const struct history_entry *entry)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", entry->id);
    emit_uuid(json, "upload_id", entry->upload_id);
    emit_uuid_or_null(json, "user_id", entry->user_id);
    emit_text(json, "user_name", entry->user_name);
    emit_text(json, "action", entry->action);
    emit_raw(json, "detail", entry->detail);
    emit_time(json, "created_at", entry->created_at_us);
    emit_close_object(json);
}

void view_workspace(struct emitter *json, const struct workspace *workspace)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", workspace->id);
    emit_text(json, "name", workspace->name);
    emit_time(json, "created_at", workspace->created_at_us);
    emit_close_object(json);
}

static void write_quota_use(struct emitter *json, const struct quota *quota)
{
    emit_count(json, "current_storage_bytes", quota->current_storage_bytes);
    emit_count(json, "current_file_count", quota->current_file_count);
    emit_count(json, "monthly_uploads", quota->monthly_uploads);
    emit_count(json, "monthly_upload_bytes", quota->monthly_upload_bytes);
    emit_text(json, "monthly_period", quota->monthly_period);
}

static void write_lifecycle(struct emitter *json, const struct quota_lifecycle *lifecycle)
{
    write_limit(json, "retention_days", lifecycle->retention_days);
    emit_bool(json, "auto_cleanup", lifecycle->auto_cleanup);
    write_limit(json, "archive_threshold_days", lifecycle->archive_threshold_days);
    emit_text(json, "archive_storage_class", lifecycle->archive_storage_class);
}

void view_quota(struct emitter *json, const struct quota *quota)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "workspace_id", quota->workspace_id);
    write_limit(json, "max_storage_bytes", quota->limits.max_storage_bytes);
    write_limit(json, "max_file_count", quota->limits.max_file_count);
    write_limit(json, "max_file_size", quota->limits.max_file_size);
    write_limit(json, "max_monthly_uploads", quota->limits.max_monthly_uploads);
    write_quota_use(json, quota);
    write_lifecycle(json, &quota->lifecycle);
    emit_count(json, "reserved_bytes", quota->reserved_bytes);
    emit_count(json, "reserved_files", quota->reserved_files);
    write_limit(json, "remaining_bytes", quota_remaining_bytes(quota));
    write_limit(json, "remaining_files", quota_remaining_files(quota));
    write_limit(json, "remaining_uploads", quota_remaining_uploads(quota));
    emit_close_object(json);
}

void view_user(struct emitter *json, const struct user *user)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", user->id);
    emit_uuid(json, "workspace_id", user->workspace_id);
    emit_text(json, "name", user->name);
    emit_time(json, "created_at", user->created_at_us);
    emit_time(json, "disabled_at", user->disabled_at_us);
    emit_close_object(json);
}

void view_token(struct emitter *json, const struct token *token, const char *secret)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", token->id);
    emit_uuid_or_null(json, "user_id", token->user_id);
    emit_uuid_or_null(json, "workspace_id", token->workspace_id);
    emit_text(json, "role", token_role_name(token->role));
    emit_text(json, "name", token->name);
    emit_text(json, "prefix", token->prefix);
    emit_time(json, "created_at", token->created_at_us);
    emit_time(json, "last_used_at", token->last_used_at_us);
    emit_time(json, "expires_at", token->expires_at_us);
    emit_time(json, "revoked_at", token->revoked_at_us);
    if (secret)
        emit_text(json, "token", secret);
    emit_close_object(json);
}

void view_usage(struct emitter *json, const struct usage *usage)
{
    double mib = (double)usage->total_bytes / (1024.0 * 1024.0);

    emit_open_object(json, NULL);
    emit_uuid(json, "workspace_id", usage->workspace_id);
    emit_text(json, "workspace_name", usage->workspace_name);
    emit_count(json, "file_count", usage->file_count);
    emit_count(json, "total_bytes", usage->total_bytes);
    emit_milli(json, "total_mb", (int64_t)(mib * 1000.0 + 0.5));
    if (usage->file_count > 0)
        emit_milli(json, "avg_file_size", (int64_t)(usage->avg_file_size * 1000.0 + 0.5));
    else
        emit_null(json, "avg_file_size");
    emit_time(json, "oldest_file", usage->oldest_file_us);
    emit_time(json, "newest_file", usage->newest_file_us);
    write_limit(json, "max_storage_bytes", usage->max_storage_bytes);
    write_limit(json, "remaining_bytes", usage->remaining_bytes);
    emit_close_object(json);
}

void view_upload_etag(const struct upload *upload, char out[static VIEW_ETAG_SIZE])
{
    char id[UUID_TEXT_SIZE];

    uuid_format(upload->id, id);
    snprintf(out, VIEW_ETAG_SIZE, "\"%s-%llx\"", id, (unsigned long long)upload->updated_at_us);
}

bool view_send(struct response *res, int status, const struct buf *out, struct error *err)
{
    if (out->overflow)
        return error_set(err, ERR_INTERNAL, "the answer exceeds %zu bytes", out->limit);
    return response_json(res, status, out->bytes, out->length, err);
}

bool view_answer_upload(struct response *res, int status, const struct upload *upload,
                        struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    char etag[VIEW_ETAG_SIZE];

    buf_init(&out, VIEW_PAGE_BYTES);
    view_upload(&json, NULL, upload);
    view_upload_etag(upload, etag);
    response_header(res, "ETag", etag);
    return view_send(res, status, &out, err);
}

bool view_answer_stored_upload(struct response *res, int status, const struct upload *upload,
                               const struct store_object *object, struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_PAGE_BYTES);
    emit_open_object(&json, NULL);
    write_upload(&json, upload);
    write_object(&json, object);
    emit_close_object(&json);
    return view_send(res, status, &out, err);
}
