/* The thread that runs, beside the requests, what is to be done at set times. */
#ifndef JOBS_SCHEDULER_H
#define JOBS_SCHEDULER_H

#include "jobs/job_kind.h"

struct scheduler;

/*
 * Prepares and runs each kind once before it returns, but for those that are slow, so that nothing
 * of an earlier run of the server is left when serving begins; then each at its time, one after the
 * other, in a thread of its own. A run that fails is logged and comes again. There is one kind at
 * least; KINDS outlives it.
 *
 * Fails with what a kind could not be prepared for, and with ERR_UNAVAILABLE if there can be no
 * thread.
 */
bool scheduler_start(struct app *app, const struct job_kind *const *kinds, size_t count,
                     struct scheduler **out, struct error *err);
/* Waits for what runs to end. */
void scheduler_free(struct scheduler *scheduler);
DEFINE_RELEASE(scheduler, struct scheduler)

#endif
