/* Results of jobs that others than the server do, kept with their upload. */
#ifndef SERVICE_RESULTS_H
#define SERVICE_RESULTS_H

#include "catalog/job.h"
#include "service/app.h"

/* In the transaction that completes JOB with RESULT, JSON, at its completed_at_us: keeps it, if it
 * is of an upload, and not of one of the server's own kinds. */
bool results_keep(struct db *tx, const struct app *app, const struct job *job, const char *result,
                  bool from_cache, struct error *err);

#endif
