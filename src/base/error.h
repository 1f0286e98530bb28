/*
 * Why an operation failed: a value on the caller's stack, never allocated.
 *
 * A function that can fail returns bool and takes a struct error last, which it fills only when it
 * returns false. Whoever returns an error does not log it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"

/*
 * kind, HTTP status, stable code, the words a client reads when nothing better was said.
 * Codes are part of the API: they may be added, never changed or given a second meaning.
 */
#define ERROR_KINDS(X)                                                                             \
    X(ERR_INVALID, 400, "invalid_request", "the request is not valid")                             \
    X(ERR_CHUNK_INDEX, 400, "invalid_chunk_index", "the upload has no such chunk")                 \
    X(ERR_CHUNK_SIZE, 400, "invalid_chunk_size",                                                   \
      "the chunk is not of the length its index asks for")                                         \
    X(ERR_BAD_JSON, 400, "invalid_json", "the body is not valid JSON")                             \
    X(ERR_BAD_CURSOR, 400, "invalid_cursor", "the cursor is not one that this server gave")        \
    X(ERR_FILENAME, 400, "invalid_filename", "the file name is not valid")                         \
    X(ERR_EMPTY, 400, "empty_file", "the file is empty")                                           \
    X(ERR_INCOMPLETE, 400, "incomplete_body", "the body ended before its declared length")         \
    X(ERR_CHECKSUM, 400, "checksum_mismatch", "the content does not match the digest sent")        \
    X(ERR_LENGTH, 400, "inconsistent_length", "the upload's length was said to be another")        \
    X(ERR_COMPLETED, 400, "upload_completed", "the upload is complete")                            \
    X(ERR_UNAUTHORIZED, 401, "unauthorized", "a valid token is required")                          \
    X(ERR_FORBIDDEN, 403, "forbidden", "the token's role does not allow this")                     \
    X(ERR_LINK_INVALID, 403, "invalid_link", "the link is not valid or has expired")               \
    X(ERR_QUOTA_STORAGE, 403, "quota_storage_exceeded",                                            \
      "the workspace's storage quota is used up")                                                  \
    X(ERR_QUOTA_FILES, 403, "quota_files_exceeded", "the workspace's file count limit is reached") \
    X(ERR_QUOTA_MONTHLY, 403, "quota_monthly_exceeded", "this month's upload limit is reached")    \
    X(ERR_NOT_FOUND, 404, "not_found", "there is no such thing")                                   \
    X(ERR_CACHE_MISS, 404, "cache_miss", "the cache holds no such result")                         \
    X(ERR_CONTENT_UNKNOWN, 404, "content_unknown", "the workspace has no upload of this content")  \
    X(ERR_METHOD, 405, "method_not_allowed", "the resource does not support this method")          \
    X(ERR_SLOW, 408, "too_slow", "the request took too long to arrive")                            \
    X(ERR_EXISTS, 409, "already_exists", "it already exists")                                      \
    X(ERR_CONFLICT, 409, "conflict", "the thing's state does not allow this")                      \
    X(ERR_SUPERSEDED, 409, "superseded", "a newer request for the same upload took over")          \
    X(ERR_BYTES_DIFFER, 409, "bytes_differ", "other bytes were received at this place before")     \
    X(ERR_OFFSET, 409, "offset_mismatch", "the upload does not stand at this offset")              \
    X(ERR_ARCHIVED, 409, "content_archived", "the content is archived and must be restored first") \
    X(ERR_DUPLICATE, 409, "duplicate_content", "the workspace already holds this content")         \
    X(ERR_LEASE_LOST, 409, "lease_lost", "the lease of the job was lost")                          \
    X(ERR_JOB_CANCELLED, 409, "job_cancelled", "the job was cancelled")                            \
    X(ERR_IDEMPOTENCY_BUSY, 409, "idempotency_in_progress",                                        \
      "a request with this Idempotency-Key is still running")                                      \
    X(ERR_LENGTH_REQUIRED, 411, "length_required", "a Content-Length is required here")            \
    X(ERR_PRECONDITION, 412, "precondition_failed", "a precondition does not hold")                \
    X(ERR_TUS_VERSION, 412, "tus_version_not_supported", "Tus-Resumable must be 1.0.0")            \
    X(ERR_BODY_TOO_LARGE, 413, "body_too_large", "the body is larger than this route takes")       \
    X(ERR_FILE_TOO_LARGE, 413, "file_too_large", "the file is larger than the workspace allows")   \
    X(ERR_URI_TOO_LONG, 414, "uri_too_long", "the request target is too long")                     \
    X(ERR_MEDIA_TYPE, 415, "unsupported_media_type", "the body's media type is not supported")     \
    X(ERR_NOT_AUDIO, 415, "not_audio", "the content is not audio")                                 \
    X(ERR_FORMAT, 415, "format_not_accepted", "this audio format is not accepted here")            \
    X(ERR_RANGE, 416, "range_not_satisfiable", "the range lies outside the content")               \
    X(ERR_EXPECTATION, 417, "expectation_failed", "the expectation is not supported")              \
    X(ERR_MEDIA_UNREADABLE, 422, "media_unreadable", "the audio could not be read")                \
    X(ERR_AUDIO_CORRUPT, 422, "audio_corrupt", "nothing of the audio could be decoded")            \
    X(ERR_PROCESSING_TIMEOUT, 422, "processing_timeout", "processing the audio took too long")     \
    X(ERR_TOO_MANY_CHUNKS, 422, "too_many_chunks", "the audio would make too many chunks")         \
    X(ERR_IDEMPOTENCY_REUSED, 422, "idempotency_key_reused",                                       \
      "this Idempotency-Key was used for another request")                                         \
    X(ERR_TOO_MANY, 429, "too_many_requests", "too many at once, try again later")                 \
    X(ERR_HEAD_TOO_LARGE, 431, "head_too_large", "the request's head is too large")                \
    X(ERR_PART_CHECKSUM, 460, "checksum_mismatch", /* tus 1.0; elsewhere it is 400 */              \
      "the bytes sent do not match their checksum")                                                \
    X(ERR_INTERNAL, 500, "internal_error", "the server failed")                                    \
    X(ERR_NOT_IMPLEMENTED, 501, "not_implemented", "this coding is not supported")                 \
    X(ERR_UNAVAILABLE, 503, "unavailable", "try again later")                                      \
    X(ERR_STORE_DIFFERS, 503, "store_differs", "a store is not the one that the catalog knows")    \
    X(ERR_VERSION, 505, "version_not_supported", "this HTTP version is not supported")             \
    X(ERR_STORAGE_FULL, 507, "storage_full", "the server is out of disk space")                    \
    X(ERR_GONE_CLIENT, 499, "client_gone", "the client went away") /* logged, never sent */

enum error_kind {
#define X(kind, status, code, words) kind,
    ERROR_KINDS(X)
#undef X
};

struct error {
    enum error_kind kind;
    char log[512];    /* outermost context first, cause last; never sent to a client */
    char client[256]; /* empty: the kind's words. Never a path, bucket, host or SQL */

    /* What a client may act on; shown in the problem when HAS_LIMIT. The unit is the kind's own:
     * bytes for storage and sizes, uploads for counts. */
    bool has_limit;
    uint64_t limit;
    uint64_t remaining;

    /* It failed, or it was done and nobody heard of it. */
    bool is_unsure;

    /* The upload that is there instead; shown in the problem when HAS_UPLOAD. */
    bool has_upload;
    struct uuid upload_id;
};

/* All of these return false, so that a failing function ends in one statement. */

/* Starts ERR anew with a text for the log; the client reads the kind's words. */
__attribute__((format(printf, 3, 4))) bool error_set(struct error *err, enum error_kind kind,
                                                     const char *fmt, ...);
/* Starts ERR anew with one text for the log and the client alike: only for texts that say nothing
 * of paths, hosts or SQL. */
__attribute__((format(printf, 3, 4))) bool error_tell(struct error *err, enum error_kind kind,
                                                      const char *fmt, ...);
/* Starts ERR anew for a failed system call: "fmt: strerror(errno)". The kind follows from errno:
 * ENOSPC and EDQUOT are ERR_STORAGE_FULL, ENOENT is ERR_NOT_FOUND, EEXIST is ERR_EXISTS; EROFS,
 * EIO, EMFILE, ENFILE, ENOMEM, EACCES, EPERM, ESTALE and ENODEV are ERR_UNAVAILABLE, all else
 * ERR_INTERNAL. */
__attribute__((format(printf, 2, 3))) bool error_errno(struct error *err, const char *fmt, ...);
/* Puts "fmt: " before what the log already says. */
__attribute__((format(printf, 2, 3))) bool error_context(struct error *err, const char *fmt, ...);
/* Says what the client may read. */
__attribute__((format(printf, 2, 3))) bool error_client(struct error *err, const char *fmt, ...);
/* Adds the figures that a client may act on. */
bool error_limit(struct error *err, uint64_t limit, uint64_t remaining);
/* Names the upload that is there instead. */
bool error_upload(struct error *err, struct uuid upload_id);

int error_status(const struct error *err);
const char *error_code(const struct error *err);
/* The client's text, or the kind's words where it is empty. */
const char *error_detail(const struct error *err);

/* Walks the table of kinds: false past the last. For documents and metrics. */
bool error_kind_at(unsigned index, enum error_kind *kind, int *status, const char **code,
                   const char **words);

#endif
