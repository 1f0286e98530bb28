/* How the jobs of a batch end, once their run has returned. The runner's. */
#ifndef JOBS_BATCH_END_H
#define JOBS_BATCH_END_H

#include "jobs/job_kind.h"

/* Ends each task in the catalog as its run decided, and lets its kind release what the task holds.
 * What no run decided is a failure worth another try, or is given back if the runner IS_ENDING;
 * IS_LATE: it was stopped for taking too long. A task whose lease was lost ends nothing. */
void batch_end(struct job_batch *batch, bool is_late, bool is_ending);

/* Whether ERR, of a change to a leased job, says that it is not this worker's any more. */
bool lease_is_gone(const struct error *err);

#endif
