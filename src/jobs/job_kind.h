/*
 * A kind of job: something that the server does by itself, and when. One file of static functions
 * and one exported const struct for each; job_kind.c holds the table of them.
 *
 * So far all run at set times, by scheduler.h. Those that are leased from the queue
 * (processing_jobs) will be kinds as well, once there is something that runs them.
 */
#ifndef JOBS_JOB_KIND_H
#define JOBS_JOB_KIND_H

#include "service/app.h"

struct job_kind {
    const char *name;  /* for the log */
    unsigned every_ms; /* from the end of one run to the start of the next */

    /* Optional: once, before anything else uses the data. If it fails nothing is served. */
    bool (*prepare)(struct app *app, struct error *err);
    /* One run. What it could not do is left to the next: it is tried again whatever it returns. */
    bool (*run)(struct app *app, struct error *err);
};

extern const struct job_kind *const job_kinds[];
extern const size_t job_kind_count;

extern const struct job_kind job_kind_sweep;

#endif
