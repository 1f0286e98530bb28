#include "catalog/chunk.h"

#include <assert.h>
#include <stdio.h>

#include "catalog/rows.h"

/* Six digits, so that the names of CHUNKS_MAX sort as the chunks do. */
void chunk_name(struct uuid upload_id, uint32_t index, const char *extension,
                char out[static CHUNK_FILENAME_SIZE])
{
    char id[UUID_TEXT_SIZE];

    uuid_format(upload_id, id);
    snprintf(out, CHUNK_FILENAME_SIZE, "chunk_%s_%06u.%s", id, index, extension);
}

static bool insert(struct db *tx, const struct chunk *chunk, struct error *err)
{
    return db_execute(tx, SQL_CHUNK_INSERT,
                      DB_ARGS(db_uuid(chunk->id), db_uuid(chunk->upload_id),
                              db_int(chunk->chunk_index), db_int(chunk->total_chunks),
                              db_milli(chunk->start_time_ms), db_milli(chunk->end_time_ms),
                              db_milli(chunk->duration_ms), db_text(chunk->chunk_filename)),
                      NULL, err);
}

bool chunk_plan(struct db *tx, const struct chunk_plan *plan, const struct clock *clock,
                const struct random_source *random, uint32_t *count, struct error *err)
{
    int64_t duration_ms = plan->duration_ms, most_ms = plan->most_ms;
    char filename[CHUNK_FILENAME_SIZE];
    int64_t needed;
    uint32_t total;

    assert(duration_ms >= 0 && most_ms > 0);
    needed = duration_ms / most_ms + (duration_ms % most_ms != 0);
    if (needed > CHUNKS_MAX)
        return error_tell(err, ERR_TOO_MANY_CHUNKS,
                          "audio of %lld s would make more than %d chunks of %g s",
                          (long long)(duration_ms / 1000), CHUNKS_MAX, (double)most_ms / 1000);
    total = (uint32_t)needed;
    for (uint32_t i = 0; i < total; i++) {
        int64_t start = i * most_ms;
        int64_t end = i + 1 < total ? start + most_ms : duration_ms;
        struct chunk chunk = {.id = uuid_new(clock, random),
                              .upload_id = plan->upload_id,
                              .chunk_index = i,
                              .total_chunks = total,
                              .start_time_ms = start,
                              .end_time_ms = end,
                              .duration_ms = end - start,
                              .chunk_filename = filename};

        chunk_name(plan->upload_id, i, plan->extension, filename);
        if (!insert(tx, &chunk, err))
            return false;
    }
    *count = total;
    return true;
}

static struct chunk from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct chunk){
        .id = db_column_uuid(rows, 0),
        .upload_id = db_column_uuid(rows, 1),
        .chunk_index = (uint32_t)db_column_int(rows, 2),
        .total_chunks = (uint32_t)db_column_int(rows, 3),
        .start_time_ms = db_column_milli(rows, 4),
        .end_time_ms = db_column_milli(rows, 5),
        .duration_ms = db_column_milli(rows, 6),
        .chunk_filename = db_column_text(rows, 7, mem),
        .has_file = !db_column_is_null(rows, 9),
        .chunk_size = (uint64_t)db_column_int(rows, 8),
        .chunk_path = db_column_text(rows, 9, mem),
        .checksum_md5 = db_column_text(rows, 10, mem),
        .status = db_column_text(rows, 11, mem),
        .processing_started_at_us = db_column_time(rows, 12),
        .processing_completed_at_us = db_column_time(rows, 13),
        .has_processing_time = !db_column_is_null(rows, 14),
        .processing_time_ms = db_column_int(rows, 14),
        .transcription_result_id = db_column_uuid(rows, 15),
        .processing_job_id = db_column_uuid(rows, 16),
        .storage_name = db_column_text(rows, 17, mem),
        .checksum_sha256 = db_column_text(rows, 18, mem),
    };
}

bool chunk_list(struct db *db, struct uuid upload_id, uint32_t from, size_t limit,
                struct arena *mem, struct chunk **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct chunk *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_CHUNK_LIST, DB_ARGS(db_uuid(upload_id), db_int(from), db_int(limit)),
                  &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool chunk_by_index(struct db *db, struct uuid upload_id, uint32_t index, struct arena *mem,
                    struct chunk *out, struct error *err)
{
    struct chunk *found;
    size_t count;

    if (!chunk_list(db, upload_id, index, 1, mem, &found, &count, err))
        return false;
    if (count == 0 || found->chunk_index != index)
        return error_tell(err, ERR_NOT_FOUND, "the upload has no such chunk");
    *out = *found;
    return true;
}

/* ---- cut ---- */

bool chunk_cut(struct db *tx, const struct chunk *chunk, struct error *err)
{
    return db_execute(tx, SQL_CHUNK_CUT,
                      DB_ARGS(db_uuid(chunk->id), db_uuid(chunk->upload_id),
                              db_int(chunk->chunk_index), db_int(chunk->total_chunks),
                              db_milli(chunk->start_time_ms), db_milli(chunk->end_time_ms),
                              db_milli(chunk->duration_ms), db_text(chunk->chunk_filename),
                              db_int(chunk->chunk_size), db_text(chunk->storage_name),
                              db_text(chunk->chunk_path), db_text(chunk->checksum_md5),
                              db_text(chunk->checksum_sha256), db_int(chunk->processing_time_ms)),
                      NULL, err);
}

bool chunk_remove(struct db *tx, struct uuid id, struct error *err)
{
    return db_execute(tx, SQL_CHUNK_REMOVE, DB_ARGS(db_uuid(id)), NULL, err);
}
