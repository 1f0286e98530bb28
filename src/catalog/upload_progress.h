/*
 * The status of an upload, and of its chunks, as its jobs go on: every transition there is between
 * uploaded and completed or failed. What is archived or in the trash stays so.
 *
 * Each function takes a step, once: *CHANGED is false if the upload was not where the step begins.
 */
#ifndef CATALOG_UPLOAD_PROGRESS_H
#define CATALOG_UPLOAD_PROGRESS_H

#include "catalog/job.h"

/* The kind whose run is the upload's validation, and that which cuts its chunks. */
#define JOB_KIND_VALIDATE "validate"
#define JOB_KIND_CHUNK "chunk"

/* uploaded -> validating */
bool upload_validating(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                       struct error *err);
/* validating -> processing */
bool upload_validated(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                      struct error *err);
/* uploaded -> processing: something else than the validation has begun */
bool upload_processing(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                       struct error *err);
/* -> completed, if every job that belongs to the processing is done, and one is there */
bool upload_completed(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                      struct error *err);
/* -> failed */
bool upload_failed(struct db *tx, struct uuid id, const char *code, const char *message,
                   int64_t now_us, bool *changed, struct error *err);
/* failed -> processing or uploaded, if no job of it is failed any more */
bool upload_reopen(struct db *tx, struct uuid id, int64_t now_us, bool *changed, struct error *err);
/* completed -> processing, if there is something to do again */
bool upload_resumed(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                    struct error *err);
/* One of its jobs is tried again, for the RETRIESth time: the most there are of one job are the
 * upload's. The status stays. */
bool upload_retried(struct db *tx, struct uuid id, int32_t retries, int64_t now_us,
                    struct error *err);
/* Somebody has it tried once more than that. */
bool upload_retried_by_hand(struct db *tx, struct uuid id, int64_t now_us, struct error *err);
/* validating -> uploaded: back from the trash, into which its job did not follow */
bool upload_undelete_unvalidated(struct db *tx, struct uuid id, struct error *err);

/* A chunk's: a job for it was leased, was completed (and none of it is left to do), failed for
 * good, or is to be tried again. */
bool chunk_processing(struct db *tx, const struct job *job, int64_t now_us, struct error *err);
bool chunk_completed(struct db *tx, const struct job *job, int64_t now_us, struct error *err);
bool chunk_failed(struct db *tx, const struct job *job, int64_t now_us, struct error *err);
bool chunk_pending(struct db *tx, const struct job *job, struct error *err);

/* All chunks of JOB's upload, which it cuts: it was leased, is to be tried again, failed for good,
 * or was completed. Where chunks have files already, or other jobs, they go by those. */
bool chunks_being_cut(struct db *tx, const struct job *job, int64_t now_us, struct error *err);
bool chunks_to_be_cut(struct db *tx, const struct job *job, struct error *err);
bool chunks_not_cut(struct db *tx, const struct job *job, int64_t now_us, struct error *err);
bool chunks_cut(struct db *tx, const struct job *job, int64_t now_us, struct error *err);

#endif
