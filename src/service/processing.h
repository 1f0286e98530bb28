/*
 * What the events of a job mean for its upload and for other jobs: status and times, history, what
 * is made or becomes due next. Each is called once, in the transaction of the event itself, by
 * leases.h and enqueue.h; nobody else changes an upload's status.
 *
 * An upload is uploaded -> validating -> processing -> completed | failed. To its processing belong
 * the jobs that are made for every upload: built-in ones and those of configured processors. It is
 * completed when all of them are, failed as soon as one has failed for good; the file stays as it
 * is.
 */
#ifndef SERVICE_PROCESSING_H
#define SERVICE_PROCESSING_H

#include "catalog/job.h"
#include "catalog/upload.h"
#include "service/app.h"

/* Makes the jobs of a new upload. */
bool processing_plan(struct db *tx, const struct app *app, const struct upload *upload,
                     struct error *err);

/* The job was leased. */
bool processing_began(struct db *tx, const struct app *app, const struct job *job,
                      struct error *err);
/* It was completed: who waited for it is released, and what comes after its kind is made. */
bool processing_completed(struct db *tx, const struct app *app, const struct job *job,
                          struct error *err);
/* It has failed for good. */
bool processing_failed(struct db *tx, const struct app *app, const struct job *job,
                       const char *code, const char *message, struct error *err);
/* It is pending again: it failed and will be retried (IS_RETRY), or was given back. */
bool processing_postponed(struct db *tx, const struct app *app, const struct job *job,
                          bool is_retry, struct error *err);
/*
 * A job cuts its upload: the rows of the chunks are about to change in this transaction. What is
 * done with every chunk is to be done with those that are new, and who waits for what is done with
 * chunks that are no more waits for that instead. OUT, in MEM, is for processing_cut_end.
 */
struct chunk_jobs {
    bool are_there;
    struct uuid *waiting;
    size_t waiting_count;
};
bool processing_cut_begin(struct db *tx, const struct app *app, struct uuid upload_id,
                          struct arena *mem, struct chunk_jobs **out, struct error *err);
/* A chunk, and its jobs, are about to go. */
bool processing_drop_chunk(struct db *tx, struct uuid chunk_id, struct error *err);
/* The rows are there, FRESH of them new, and JOB is about to be completed. */
struct fresh_chunks {
    const struct uuid *ids;
    size_t count;
};
bool processing_cut_end(struct db *tx, const struct app *app, const struct job *job,
                        const struct chunk_jobs *jobs, const struct fresh_chunks *fresh,
                        struct error *err);
/* It was cancelled by USER_ID. */
bool processing_cancelled(struct db *tx, const struct app *app, const struct job *job,
                          struct uuid user_id, struct error *err);
/* It had failed and begins anew. */
bool processing_restarted(struct db *tx, const struct job *job, struct error *err);
/* So did all that USER_ID meant, JOB among them: once for all of an upload. */
bool processing_retried(struct db *tx, const struct app *app, const struct job *job,
                        struct uuid user_id, struct error *err);

/* The upload went into the trash, and came back from it. */
bool processing_trashed(struct db *tx, const struct app *app, struct uuid upload_id,
                        struct error *err);
bool processing_undeleted(struct db *tx, const struct app *app, struct uuid upload_id,
                          struct error *err);

#endif
