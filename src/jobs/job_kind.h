/*
 * A kind of job: something that the server does by itself. One file of static functions and one
 * exported const struct for each; job_kind.c holds the tables of them.
 *
 * Those of struct job_kind run at set times, by scheduler.h. Those of struct queued_kind are rows
 * of processing_jobs, which runner.h leases and runs.
 */
#ifndef JOBS_JOB_KIND_H
#define JOBS_JOB_KIND_H

#include <stdatomic.h>

#include "catalog/upload.h"
#include "service/app.h"
#include "service/leases.h"

/* ---- at set times ---- */

struct job_kind {
    const char *name;  /* for the log */
    unsigned every_ms; /* from the end of one run to the start of the next; 0: as configured */

    /* Optional: once, before anything else uses the data. If it fails nothing is served. */
    bool (*prepare)(struct app *app, struct error *err);
    /* One run. What it could not do is left to the next: it is tried again whatever it returns. */
    bool (*run)(struct app *app, struct error *err);
    bool is_slow; /* the first run does not hold up the start, but comes right behind it */
};

extern const struct job_kind *const job_kinds[];
extern const size_t job_kind_count;

extern const struct job_kind job_kind_sweep;
extern const struct job_kind job_kind_conclude;

/* ---- from the queue ---- */

struct queued_kind;

/* One job of a batch, and how it went. */
struct job_task {
    const struct queued_kind *kind;
    struct job job; /* as it was leased */
    void *effect;   /* RUN's, for COMMIT and RELEASE */

    /* Set with job_task_complete and job_task_fail. */
    bool is_decided;
    enum job_outcome outcome;
    const char *result, *code, *message;
    bool from_cache; /* the result was known before: RUN's to set */

    /* The runner's: */
    atomic_int progress_milli;
    atomic_bool
        is_lost; /* it was cancelled, or is somebody else's now: what is done for it is in vain */
};

/* What a run is given: a job, and its companions, due jobs of the same group and upload. */
struct job_batch {
    struct app *app;
    struct arena *mem;           /* lives as long as the batch */
    const struct upload *upload; /* NULL: the jobs are for no upload */
    struct job_task *tasks;      /* in the order of the table of kinds */
    size_t count;
    atomic_bool
        should_end; /* none of it is wanted any more, it takes too long, or the server stops */
};

struct queued_kind {
    const char *name;
    const char *group;     /* kinds of a group have the same RUN; NULL: leased alone */
    bool for_every_upload; /* a job of it belongs to every upload's processing */
    const char
        *after; /* then: made when the upload's jobs of that kind are completed; NULL: at once */

    /* Optional: whether a new upload gets one; without it all do. */
    bool (*suits)(const struct app *app, const struct upload *upload);
    /* Optional: refuses options (a JSON object as text) with ERR_INVALID. */
    bool (*check)(const struct app *app, const char *options, struct error *err);
    /* Optional: refuses options that cannot be for this upload. */
    bool (*fits)(const struct app *app, const char *options, const struct upload *upload,
                 struct error *err);
    /* Optional: how long a run may take; UPLOAD may be NULL. Without it ten minutes. */
    int64_t (*time_limit_ms)(const struct app *app, const struct upload *upload,
                             const struct job *job);
    /*
     * Does the work, outside any transaction, and decides each task. It may be run again for the
     * same job, even while an earlier run has not noticed yet that it is in vain: what it leaves
     * behind must not depend on which of them is the one that is committed. It looks at should_end
     * often, and then returns without deciding; it may run on several threads at once. A task may
     * be lost before it begins, then it is left alone.
     */
    void (*run)(struct job_batch *batch);
    /* Optional: what a completed task changes in the catalog, in the transaction that completes it.
     * As a db_work. */
    bool (*commit)(struct db *tx, const struct job_task *task, struct error *err);
    /* Optional: gives EFFECT up; COMMITTED says whether it took place. */
    void (*release)(struct app *app, struct job_task *task, bool committed);
};

/* RESULT is JSON of at most JOB_RESULT_MAX bytes, or NULL; in the batch's arena, as the texts
 * below. */
void job_task_complete(struct job_task *task, const char *result);
/* CODE is stable, for programs; MESSAGE says what a person can do. */
void job_task_fail(struct job_task *task, bool retryable, const char *code, const char *message);

/* NULL-terminated. */
extern const struct queued_kind *const queued_kinds[];

/* One decode of a file for those that are pending together. */
extern const struct queued_kind queued_kind_validate;
extern const struct queued_kind queued_kind_chunk;
extern const struct queued_kind queued_kind_analyze;

/* Tells the app's queue of the kinds in KINDS (NULL-terminated), whether or not this process runs
 * them. Before anything is served. */
void queued_kinds_register(struct app *app, const struct queued_kind *const *kinds);

#endif
