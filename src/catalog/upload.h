/* Uploads: the record of each file that someone gave. */
#ifndef CATALOG_UPLOAD_H
#define CATALOG_UPLOAD_H

#include "db/db.h"

enum upload_status {
    UPLOAD_UPLOADED,
    UPLOAD_VALIDATING,
    UPLOAD_PROCESSING,
    UPLOAD_COMPLETED,
    UPLOAD_FAILED,
    UPLOAD_ARCHIVED,
    UPLOAD_DELETED /* in the trash */
};

/* A row of audio_uploads. Text lives in the arena it was read into; NULL, nil and 0 stand for SQL
 * NULL, except where a has_ says so. */
struct upload {
    struct uuid id;
    struct uuid workspace_id;
    struct uuid user_id;
    const char *original_filename;
    uint64_t file_size; /* bytes, as uploaded */
    const char *file_type;
    const char *mime_type;
    bool has_facts; /* duration, sample rate, channels and bitrate are known */
    int64_t duration_ms;
    int32_t sample_rate_hz;
    int32_t channels;
    int32_t bitrate_kbps;
    const char *codec;
    const char *metadata; /* a JSON object */
    const char *storage_provider;
    const char *storage_name;
    const char *storage_class;
    const char *storage_path;
    const char *storage_url;
    const char *storage_region;
    const char *checksum_md5;    /* hex */
    const char *checksum_sha256; /* hex */
    struct uuid encryption_key_id;
    const char *compression_type;
    uint64_t original_size; /* bytes */
    bool has_compressed_size;
    uint64_t compressed_size; /* bytes in the store */
    struct uuid duplicate_of;
    enum upload_status status;
    int64_t uploaded_at_us;
    int64_t updated_at_us;
    int64_t validation_started_at_us;
    int64_t validation_completed_at_us;
    int64_t processing_started_at_us;
    int64_t processing_completed_at_us;
    int64_t archived_at_us;
    int64_t deleted_at_us;
    const char *error_code;
    const char *error_message;
    int32_t retry_count;
    int32_t max_retries;
};

const char *upload_status_name(enum upload_status status);
bool upload_status_parse(const char *name, enum upload_status *out);

bool upload_insert(struct db *tx, const struct upload *upload, struct error *err);
/* Live or in the trash. ERR_NOT_FOUND if the workspace has no such upload. */
bool upload_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                  struct upload *out, struct error *err);
/* The upload ID of any workspace: for who has the installation. ERR_NOT_FOUND. */
bool upload_anywhere(struct db *db, struct uuid id, struct arena *mem, struct upload *out,
                     struct error *err);
/* An upload of this content: the oldest live one, else the oldest in the trash. Its object may be
 * shared whichever it is. ERR_NOT_FOUND. */
bool upload_by_content(struct db *db, struct uuid workspace_id, const char *sha256,
                       uint64_t file_size, struct arena *mem, struct upload *out,
                       struct error *err);
/* Confirms (db_must) that upload_by_content still gives FOUND, or nothing where that is NULL, and
 * that what another upload takes over from it has not changed. Else ERR_CONFLICT. */
bool upload_content_is_still(struct db *tx, struct uuid workspace_id, const char *sha256,
                             uint64_t file_size, const struct upload *found, struct error *err);
/* An upload whose object stands at PATH of the workspace. ERR_NOT_FOUND. */
bool upload_by_path(struct db *db, struct uuid workspace_id, const char *storage_path,
                    struct arena *mem, struct upload *out, struct error *err);
/* The same of any workspace: for a link whose signature was checked. ERR_NOT_FOUND. */
bool upload_by_signed_path(struct db *db, const char *storage_path, struct arena *mem,
                           struct upload *out, struct error *err);

/* Sets name and metadata. */
bool upload_change(struct db *tx, struct uuid id, const char *original_filename,
                   const char *metadata, int64_t now_us, struct error *err);
/* Sets the class of an object, in the records of all who share it. */
bool upload_set_class(struct db *tx, const char *storage_name, const char *storage_path,
                      const char *storage_class, int64_t now_us, struct error *err);
/* What processing has found, as the member NAME of the metadata, in place of what it found before;
 * FINDING is JSON. */
bool upload_set_finding(struct db *tx, struct uuid id, const char *name, const char *finding,
                        int64_t now_us, struct error *err);
/* *CHANGED is false if it was in the trash, or live, already. */
bool upload_trash(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                  bool *changed, struct error *err);
bool upload_undelete(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                     bool *changed, struct error *err);
/* Removes the row, with its chunks and jobs. Uploads that named it as their original get the oldest
 * of themselves instead. */
bool upload_remove(struct db *tx, struct uuid id, struct error *err);
/* How many rows share an object. */
bool upload_count_sharing(struct db *db, const char *storage_name, const char *storage_path,
                          uint64_t *out, struct error *err);
/* At most LIMIT ids of a workspace's uploads, live and trash. */
bool upload_ids(struct db *db, struct uuid workspace_id, size_t limit, struct arena *mem,
                struct uuid **out, size_t *count, struct error *err);

/* At most LIMIT names of stores that uploads stand in, behind AFTER ("" for the start). Looks at
 * every upload. */
bool upload_store_names(struct db *db, const char *after, size_t limit, struct arena *mem,
                        const char ***out, size_t *count, struct error *err);

/* An object with those who share it. */
struct upload_object {
    const char *storage_path;
    uint64_t stored_bytes;
    const char *sha256;
    uint64_t rows, live_rows;
};
/* At most LIMIT objects of a store whose path is greater than AFTER ("" for the start), in the
 * order of the paths' bytes. */
bool upload_objects(struct db *db, const char *storage_name, const char *after, size_t limit,
                    struct arena *mem, struct upload_object **out, size_t *count,
                    struct error *err);

#endif
