/* Chunks: spans of time of a recording, each of which can be cut into a file of its own. */
#ifndef CATALOG_CHUNK_H
#define CATALOG_CHUNK_H

#include "base/clock.h"
#include "db/db.h"

/* Of one upload. They are planned within one transaction, and become what a cut has made in one,
 * for which others wait: a file that claims to last for years must not hold them up. 34 days in
 * chunks of 300 s. */
#define CHUNKS_MAX 10000

struct chunk {
    struct uuid id;
    struct uuid upload_id;
    uint32_t chunk_index; /* from 0 */
    uint32_t total_chunks;
    int64_t start_time_ms;
    int64_t end_time_ms;
    int64_t duration_ms;
    const char *chunk_filename;
    bool has_file; /* it has been cut: size, path and checksum are set */
    uint64_t chunk_size;
    const char *chunk_path;
    const char *storage_name;
    const char *checksum_md5;
    const char *checksum_sha256;
    const char *status;
    int64_t processing_started_at_us;
    int64_t processing_completed_at_us;
    bool has_processing_time;
    int64_t processing_time_ms;
    struct uuid transcription_result_id;
    struct uuid processing_job_id;
};

#define CHUNK_FILENAME_SIZE 64

/* How a chunk's file is called. */
void chunk_name(struct uuid upload_id, uint32_t index, const char *extension,
                char out[static CHUNK_FILENAME_SIZE]);

struct chunk_plan {
    struct uuid upload_id;
    int64_t duration_ms;   /* of all of it */
    int64_t most_ms;       /* of one chunk */
    const char *extension; /* of their files */
};

/*
 * Plans the chunks of an upload: as few as there can be, one behind the other, covering it exactly
 * (the spec's create_audio_chunks). *COUNT is how many. Fails with ERR_TOO_MANY_CHUNKS if it would
 * be more than CHUNKS_MAX.
 */
bool chunk_plan(struct db *tx, const struct chunk_plan *plan, const struct clock *clock,
                const struct random_source *random, uint32_t *count, struct error *err);
/* At most LIMIT chunks of an upload from index FROM on, in order. */
bool chunk_list(struct db *db, struct uuid upload_id, uint32_t from, size_t limit,
                struct arena *mem, struct chunk **out, size_t *count, struct error *err);
/* The one of that index. ERR_NOT_FOUND. */
bool chunk_by_index(struct db *db, struct uuid upload_id, uint32_t index, struct arena *mem,
                    struct chunk *out, struct error *err);

/* ---- cut ---- */

/* The chunk has been cut: the row of its index, which may be new, says what CHUNK does of its file.
 * Its status is upload_progress.h's. */
bool chunk_cut(struct db *tx, const struct chunk *chunk, struct error *err);
/* Removes a chunk, and its jobs. */
bool chunk_remove(struct db *tx, struct uuid id, struct error *err);

#endif
