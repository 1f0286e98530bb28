/* Jobs: work that waits for a processor. */
#ifndef CATALOG_JOB_H
#define CATALOG_JOB_H

#include "db/db.h"

struct job {
    struct uuid id;
    struct uuid workspace_id;
    struct uuid upload_id;
    const char *kind; /* "validate" */
    int32_t max_retries;
    int64_t created_at_us;
};

/* Queues it: status pending, to be run as soon as there is a worker. */
bool job_insert(struct db *tx, const struct job *job, struct error *err);

#endif
