/*
 * The threads that lease jobs from the queue and run them, beside the requests or in a process of
 * their own; any number of processes may do so on one catalog.
 *
 * Each thread waits until something is due, leases it with its companions, runs it and ends it. One
 * more thread keeps their leases alive, tells runs that they are not wanted any more, and takes
 * back what others have let run out. Nothing is polled more often than once a second.
 */
#ifndef JOBS_RUNNER_H
#define JOBS_RUNNER_H

#include "jobs/job_kind.h"

struct runner;

struct runner_options {
    const struct queued_kind *const
        *kinds;       /* NULL-terminated; registered already; outlives the runner */
    unsigned threads; /* 0: one for each core */
    const char *name; /* of this worker, for people; NULL: HOST/PID */
    /* Optional: once true, nothing new is begun. Asked from any thread. */
    bool (*is_stopping)(void *context);
    void *context;
};

/* Fails with ERR_UNAVAILABLE if there can be no threads. */
bool runner_start(struct app *app, const struct runner_options *options, struct runner **out,
                  struct error *err);
/* Tells the runs to end, and does not wait. */
void runner_tell(struct runner *runner);
/*
 * Tells the runs to end, and waits for that, GRACE_MS at most. What they did not finish is given
 * back: the attempt does not count. False if one does not end: its job is given back all the same,
 * and whatever it still does is in vain, but its thread uses the app. Then the process should end
 * without freeing either; runner_free would wait.
 */
bool runner_stop(struct runner *runner, uint32_t grace_ms);
/* As runner_stop, however long it takes. */
void runner_free(struct runner *runner);
DEFINE_RELEASE(runner, struct runner)

#endif
