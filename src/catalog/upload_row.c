#include "catalog/upload_row.h"

#include <string.h>

static const char *const status_names[] = {
    [UPLOAD_UPLOADED] = "uploaded",     [UPLOAD_VALIDATING] = "validating",
    [UPLOAD_PROCESSING] = "processing", [UPLOAD_COMPLETED] = "completed",
    [UPLOAD_FAILED] = "failed",         [UPLOAD_ARCHIVED] = "archived",
    [UPLOAD_DELETED] = "deleted"};

const char *upload_status_name(enum upload_status status)
{
    return status_names[status];
}

bool upload_status_parse(const char *name, enum upload_status *out)
{
    for (size_t i = 0; name && i < COUNT_OF(status_names); i++)
        if (strcmp(name, status_names[i]) == 0) {
            *out = (enum upload_status)i;
            return true;
        }
    return false;
}

/* The columns of audio_uploads, in the order of the migrations. */
enum column {
    ID,
    WORKSPACE_ID,
    USER_ID,
    ORIGINAL_FILENAME,
    FILE_SIZE,
    FILE_TYPE,
    MIME_TYPE,
    DURATION,
    SAMPLE_RATE,
    CHANNELS,
    BITRATE,
    CODEC,
    METADATA,
    STORAGE_PROVIDER,
    STORAGE_NAME,
    STORAGE_CLASS,
    STORAGE_PATH,
    STORAGE_URL,
    STORAGE_REGION,
    CHECKSUM_MD5,
    CHECKSUM_SHA256,
    ENCRYPTION_KEY_ID,
    COMPRESSION_TYPE,
    ORIGINAL_SIZE,
    COMPRESSED_SIZE,
    DUPLICATE_OF,
    STATUS,
    DELETED_STATUS,
    UPLOADED_AT,
    UPDATED_AT,
    VALIDATION_STARTED_AT,
    VALIDATION_COMPLETED_AT,
    PROCESSING_STARTED_AT,
    PROCESSING_COMPLETED_AT,
    ARCHIVED_AT,
    DELETED_AT,
    ERROR_CODE,
    ERROR_MESSAGE,
    RETRY_COUNT,
    MAX_RETRIES
};

static enum upload_status status_from_row(const struct db_rows *rows, struct arena *mem)
{
    enum upload_status status = UPLOAD_UPLOADED;

    upload_status_parse(db_column_text(rows, STATUS, mem), &status);
    return status;
}

/* Long because the record is: one line a column. */
struct upload upload_from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct upload){
        .id = db_column_uuid(rows, ID),
        .workspace_id = db_column_uuid(rows, WORKSPACE_ID),
        .user_id = db_column_uuid(rows, USER_ID),
        .original_filename = db_column_text(rows, ORIGINAL_FILENAME, mem),
        .file_size = (uint64_t)db_column_int(rows, FILE_SIZE),
        .file_type = db_column_text(rows, FILE_TYPE, mem),
        .mime_type = db_column_text(rows, MIME_TYPE, mem),
        .has_facts = !db_column_is_null(rows, DURATION),
        .duration_ms = db_column_milli(rows, DURATION),
        .sample_rate_hz = (int32_t)db_column_int(rows, SAMPLE_RATE),
        .channels = (int32_t)db_column_int(rows, CHANNELS),
        .bitrate_kbps = (int32_t)db_column_int(rows, BITRATE),
        .codec = db_column_text(rows, CODEC, mem),
        .metadata = db_column_text(rows, METADATA, mem),
        .storage_provider = db_column_text(rows, STORAGE_PROVIDER, mem),
        .storage_name = db_column_text(rows, STORAGE_NAME, mem),
        .storage_class = db_column_text(rows, STORAGE_CLASS, mem),
        .storage_path = db_column_text(rows, STORAGE_PATH, mem),
        .storage_url = db_column_text(rows, STORAGE_URL, mem),
        .storage_region = db_column_text(rows, STORAGE_REGION, mem),
        .checksum_md5 = db_column_text(rows, CHECKSUM_MD5, mem),
        .checksum_sha256 = db_column_text(rows, CHECKSUM_SHA256, mem),
        .encryption_key_id = db_column_uuid(rows, ENCRYPTION_KEY_ID),
        .compression_type = db_column_text(rows, COMPRESSION_TYPE, mem),
        .original_size = (uint64_t)db_column_int(rows, ORIGINAL_SIZE),
        .has_compressed_size = !db_column_is_null(rows, COMPRESSED_SIZE),
        .compressed_size = (uint64_t)db_column_int(rows, COMPRESSED_SIZE),
        .duplicate_of = db_column_uuid(rows, DUPLICATE_OF),
        .status = status_from_row(rows, mem),
        .uploaded_at_us = db_column_time(rows, UPLOADED_AT),
        .updated_at_us = db_column_time(rows, UPDATED_AT),
        .validation_started_at_us = db_column_time(rows, VALIDATION_STARTED_AT),
        .validation_completed_at_us = db_column_time(rows, VALIDATION_COMPLETED_AT),
        .processing_started_at_us = db_column_time(rows, PROCESSING_STARTED_AT),
        .processing_completed_at_us = db_column_time(rows, PROCESSING_COMPLETED_AT),
        .archived_at_us = db_column_time(rows, ARCHIVED_AT),
        .deleted_at_us = db_column_time(rows, DELETED_AT),
        .error_code = db_column_text(rows, ERROR_CODE, mem),
        .error_message = db_column_text(rows, ERROR_MESSAGE, mem),
        .retry_count = (int32_t)db_column_int(rows, RETRY_COUNT),
        .max_retries = (int32_t)db_column_int(rows, MAX_RETRIES),
    };
}
