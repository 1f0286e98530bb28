#include "catalog/job.h"

bool job_insert(struct db *tx, const struct job *job, struct error *err)
{
    return db_execute(tx, SQL_JOB_INSERT,
                      DB_ARGS(db_uuid(job->id), db_uuid(job->workspace_id),
                              db_uuid(job->upload_id), db_text(job->kind),
                              db_int(job->max_retries), db_time(job->created_at_us),
                              db_time(job->created_at_us)),
                      NULL, err);
}
