#include "service/results.h"

#include <string.h>

#include "catalog/result.h"
#include "service/queue.h"

/* The kind after which the column of chunks is called. */
#define KIND_TRANSCRIPTION "transcription"

static bool is_own(const struct app *app, const struct job *job)
{
    const struct queue_kind *kind = queue_kind(app->queue, job->kind);

    return kind && kind->is_built_in;
}

bool results_keep(struct db *tx, const struct app *app, const struct job *job, const char *result,
                  bool from_cache, struct error *err)
{
    struct result row = {.id = app_new_id(app),
                         .upload_id = job->upload_id,
                         .chunk_id = job->chunk_id,
                         .kind = job->kind,
                         .part = job->has_chunk ? (int64_t)job->chunk_index : RESULT_WHOLE,
                         .start_ms = job->chunk_start_ms,
                         .end_ms = job->chunk_end_ms,
                         .job_id = job->id,
                         .options = job->options,
                         .from_cache = from_cache,
                         .processing_time_ms = job_took_ms(job, job->completed_at_us),
                         .completed_at_us = job->completed_at_us,
                         .json = result};

    if (!result || uuid_is_nil(job->upload_id) || is_own(app, job))
        return true;
    return result_put(tx, &row, err) &&
           (!job->has_chunk || strcmp(job->kind, KIND_TRANSCRIPTION) != 0 ||
            result_of_chunk(tx, job->chunk_id, row.id, err));
}
