#include "catalog/upload_progress.h"

#include "catalog/rows.h"

static bool step(struct db *tx, enum sql_id statement, const struct db_value *args, size_t count,
                 bool *changed, struct error *err)
{
    uint64_t touched;

    if (!db_execute(tx, statement, args, count, &touched, err))
        return false;
    *changed = touched > 0;
    return true;
}

bool upload_validating(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                       struct error *err)
{
    return step(tx, SQL_UPLOAD_VALIDATING, DB_ARGS(db_uuid(id), db_time(now_us)), changed, err);
}

bool upload_validated(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                      struct error *err)
{
    return step(tx, SQL_UPLOAD_VALIDATED, DB_ARGS(db_uuid(id), db_time(now_us)), changed, err);
}

bool upload_processing(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                       struct error *err)
{
    return step(tx, SQL_UPLOAD_PROCESSING, DB_ARGS(db_uuid(id), db_time(now_us)), changed, err);
}

bool upload_completed(struct db *tx, struct uuid id, int64_t now_us, bool *changed,
                      struct error *err)
{
    return step(tx, SQL_UPLOAD_COMPLETED, DB_ARGS(db_uuid(id), db_time(now_us)), changed, err);
}

bool upload_failed(struct db *tx, struct uuid id, const char *code, const char *message,
                   int64_t now_us, bool *changed, struct error *err)
{
    return step(tx, SQL_UPLOAD_FAILED,
                DB_ARGS(db_uuid(id), db_text(code), db_text(message), db_time(now_us)), changed,
                err);
}

bool upload_reopen(struct db *tx, struct uuid id, int64_t now_us, bool *changed, struct error *err)
{
    return step(tx, SQL_UPLOAD_REOPEN, DB_ARGS(db_uuid(id), db_time(now_us)), changed, err);
}

bool upload_resumed(struct db *tx, struct uuid id, int64_t now_us, bool *changed, struct error *err)
{
    return step(tx, SQL_UPLOAD_RESUMED, DB_ARGS(db_uuid(id), db_time(now_us)), changed, err);
}

bool upload_retried(struct db *tx, struct uuid id, int32_t retries, int64_t now_us,
                    struct error *err)
{
    return db_execute(tx, SQL_UPLOAD_RETRIED,
                      DB_ARGS(db_uuid(id), db_int(retries), db_time(now_us)), NULL, err);
}

bool upload_retried_by_hand(struct db *tx, struct uuid id, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_UPLOAD_RETRIED_BY_HAND, DB_ARGS(db_uuid(id), db_time(now_us)), NULL,
                      err);
}

bool upload_undelete_unvalidated(struct db *tx, struct uuid id, struct error *err)
{
    return db_execute(tx, SQL_UPLOAD_UNDELETE_UNVALIDATED, DB_ARGS(db_uuid(id)), NULL, err);
}

bool chunk_processing(struct db *tx, const struct job *job, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_CHUNK_PROCESSING,
                      DB_ARGS(db_uuid(job->chunk_id), db_time(now_us), db_uuid(job->id)), NULL,
                      err);
}

bool chunk_completed(struct db *tx, const struct job *job, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_CHUNK_COMPLETED,
                      DB_ARGS(db_uuid(job->chunk_id), db_time(now_us),
                              db_int(job_took_ms(job, now_us)), db_uuid(job->id)),
                      NULL, err);
}

bool chunk_failed(struct db *tx, const struct job *job, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_CHUNK_FAILED,
                      DB_ARGS(db_uuid(job->chunk_id), db_time(now_us),
                              db_int(job_took_ms(job, now_us)), db_uuid(job->id)),
                      NULL, err);
}

bool chunk_pending(struct db *tx, const struct job *job, struct error *err)
{
    return db_execute(tx, SQL_CHUNK_PENDING, DB_ARGS(db_uuid(job->chunk_id)), NULL, err);
}

bool chunks_being_cut(struct db *tx, const struct job *job, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_CHUNKS_BEING_CUT,
                      DB_ARGS(db_uuid(job->upload_id), db_time(now_us), db_uuid(job->id)), NULL,
                      err);
}

bool chunks_to_be_cut(struct db *tx, const struct job *job, struct error *err)
{
    return db_execute(tx, SQL_CHUNKS_TO_BE_CUT, DB_ARGS(db_uuid(job->upload_id), db_uuid(job->id)),
                      NULL, err);
}

bool chunks_not_cut(struct db *tx, const struct job *job, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_CHUNKS_NOT_CUT,
                      DB_ARGS(db_uuid(job->upload_id), db_uuid(job->id), db_time(now_us),
                              db_int(job_took_ms(job, now_us))),
                      NULL, err);
}

bool chunks_cut(struct db *tx, const struct job *job, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_CHUNKS_CUT,
                      DB_ARGS(db_uuid(job->upload_id), db_uuid(job->id),
                              db_time(job->started_at_us), db_time(now_us)),
                      NULL, err) &&
           chunks_to_be_cut(tx, job, err);
}
