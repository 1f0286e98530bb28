/*
 * Jobs: work that waits for a processor. Their rows, what waits for what, and which kinds are
 * paused; taking and ending them is job_lease.h, what they mean for an upload upload_progress.h.
 */
#ifndef CATALOG_JOB_H
#define CATALOG_JOB_H

#include "db/db.h"

enum job_status {
    JOB_WAITING, /* for other jobs, or for its upload to be completed */
    JOB_PENDING, /* from run_after on anyone may lease it */
    JOB_LEASED,
    JOB_COMPLETED,
    JOB_FAILED, /* for good; a retry by hand makes it pending */
    JOB_CANCELLED
};

/* Names of kinds: small letters, digits, '-' and '_'. */
#define JOB_KIND_MAX 64
#define JOB_RESULT_MAX ((size_t)1024 * 1024)
#define JOB_OPTIONS_MAX ((size_t)64 * 1024)
#define JOB_ERROR_CODE_MAX 64
#define JOB_ERROR_MESSAGE_MAX 1000
#define JOB_PRIORITY_MAX 1000 /* and as low as -1000 */
#define JOB_RETRIES_MAX 100

/* A row of processing_jobs. Text lives in the arena it was read into; NULL, nil and 0 stand for SQL
 * NULL. */
struct job {
    struct uuid id;
    struct uuid workspace_id;
    struct uuid upload_id;
    struct uuid chunk_id; /* nil: of the whole upload */
    const char *kind;     /* "validate" */
    enum job_status status;
    bool belongs;      /* the upload is not completed without it */
    int32_t needs;     /* how many things it waits for */
    bool needs_upload; /* one of them is the upload's completion */
    int32_t priority;  /* higher first */
    int64_t run_after_us;
    int32_t attempts; /* leases that were not given back */
    int32_t max_retries;
    const char *options; /* a JSON object */
    int64_t lease_token; /* the fence: whoever shows another has lost the lease */
    int64_t lease_until_us;
    const char *leased_by;
    int32_t progress_milli; /* thousandths */
    const char *result;     /* JSON */
    const char *error_code; /* of the last failure, or why it was cancelled */
    const char *error_message;
    bool has_processing_time;
    int64_t processing_time_ms;
    int64_t created_at_us;
    int64_t started_at_us;
    int64_t completed_at_us; /* or failed, or was cancelled */
    bool from_cache;         /* the result was known before */

    /* Of its chunk, where it has one; only read. */
    bool has_chunk;
    uint32_t chunk_index;
    int64_t chunk_start_ms, chunk_end_ms;
};

const char *job_status_name(enum job_status status);
bool job_status_parse(const char *name, enum job_status *out);
bool job_kind_is_valid(const char *kind);

/* Queues it: id, whose, kind, belongs, needs, priority, run_after (0: created_at), max_retries,
 * options (NULL: {}) and created_at are taken from JOB. It is waiting if it needs anything, else
 * pending. */
bool job_insert(struct db *tx, const struct job *job, struct error *err);
/* ERR_NOT_FOUND if there is none of that id in the workspace (nil: in any). */
bool job_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
               struct job *out, struct error *err);
/* How long its run has taken, from the lease until NOW_US. */
static inline int64_t job_took_ms(const struct job *job, int64_t now_us)
{
    return now_us > job->started_at_us ? (now_us - job->started_at_us) / 1000 : 0;
}
/* The SHA-256 of the job's upload, and of its chunk's file (NULL if it has none), in hex.
 * ERR_NOT_FOUND if the job is of no upload. */
bool job_content(struct db *db, struct uuid id, struct arena *mem, const char **upload_sha256,
                 const char **chunk_sha256, struct error *err);
/* Reads a row of a statement that gives whole jobs. Private to catalog/. */
struct job job_from_row(const struct db_rows *rows, struct arena *mem);

struct job_filter {
    struct uuid workspace_id;
    struct uuid upload_id;         /* nil: any */
    const char *kind;              /* NULL: any */
    const enum job_status *status; /* NULL: any */
};
/* At most LIMIT jobs, newest first, behind BEFORE (nil: from the newest on). */
bool job_list(struct db *db, const struct job_filter *filter, struct uuid before, size_t limit,
              struct arena *mem, struct job **out, size_t *count, struct error *err);
/* At most LIMIT jobs that were made with the job ID: of the same upload, kind and moment, in the
 * order of their chunks. None if it is gone. */
bool job_made_with(struct db *db, struct uuid workspace_id, struct uuid id, size_t limit,
                   struct arena *mem, struct job **out, size_t *count, struct error *err);
/* Whether the upload's processing has, or had, a job of KIND. */
bool job_has_belonging(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                       struct error *err);
/* Whether one of them is of a chunk that is still there. */
bool job_has_of_chunks(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                       struct error *err);
/* Whether one of them is not done yet. */
bool job_awaits_belonging(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                          struct error *err);

/* Whether one of them was completed. */
bool job_completed_belonging(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                             struct error *err);
/* The oldest pending or leased job of KIND that the upload has. */
bool job_under_way(struct db *db, struct uuid upload_id, const char *kind, bool *found,
                   struct uuid *out, struct error *err);

/* How many jobs of a kind have a status; those that are done are not counted. */
struct job_figure {
    const char *kind;
    const char *status;
    uint64_t count;
};
/* Of a workspace, or of all if it is nil. */
bool job_figures(struct db *db, struct uuid workspace_id, size_t limit, struct arena *mem,
                 struct job_figure **out, size_t *count, struct error *err);

/* ---- what waits for what ---- */

/* JOB, which counts it in its needs, waits for NEEDED. */
bool job_need(struct db *tx, struct uuid job, struct uuid needed, struct error *err);
/* At most LIMIT jobs of KIND that are not done, of an upload, behind the id AFTER. */
bool job_unfinished(struct db *db, struct uuid upload_id, const char *kind, struct uuid after,
                    size_t limit, struct arena *mem, struct uuid **out, size_t *count,
                    struct error *err);
/* The same of a chunk, of whatever kind. */
bool job_unfinished_of_chunk(struct db *db, struct uuid chunk_id, struct uuid after, size_t limit,
                             struct arena *mem, struct uuid **out, size_t *count,
                             struct error *err);
/* At most LIMIT jobs, none of them of a chunk, that wait for jobs of KIND of an upload's chunks. */
bool job_waiting_for_chunks(struct db *db, struct uuid upload_id, const char *kind, size_t limit,
                            struct arena *mem, struct uuid **out, size_t *count, struct error *err);
/* The oldest job of KIND of the upload's processing that is not done, and about no chunk. */
bool job_unfinished_whole(struct db *db, struct uuid upload_id, const char *kind, bool *found,
                          struct uuid *out, struct error *err);
/* It waits for COUNT things (again), were it leased; whoever has it learns by the fence. */
bool job_hold(struct db *tx, struct uuid id, uint64_t count, struct error *err);
/* What was done of KIND, with no chunk, does not belong to the upload's processing any more: it is
 * done again. */
bool job_set_aside(struct db *tx, struct uuid upload_id, const char *kind, struct error *err);
/* JOB, if it waits, waits for COUNT things more; for one less, and is pending if it was the last.
 */
bool job_needs_more(struct db *tx, struct uuid job, uint64_t count, struct error *err);
bool job_needs_less(struct db *tx, struct uuid job, struct error *err);
/* NEEDED is completed: who waited for nothing else is pending now. */
bool job_release(struct db *tx, struct uuid needed, struct error *err);
/* The upload is completed. */
bool job_release_upload(struct db *tx, struct uuid upload_id, struct error *err);

/* ---- by hand ---- */

/* *CHANGED is false if it had ended already. Whoever has leased it learns by the fence. Those that
 * wait for it are cancelled too. */
bool job_cancel(struct db *tx, struct uuid id, int64_t now_us, const char *code,
                const char *message, bool *changed, struct error *err);
/* All of an upload that have not ended, because it went into the trash; and back. */
bool job_cancel_of_upload(struct db *tx, struct uuid upload_id, int64_t now_us, struct error *err);
bool job_revive_of_upload(struct db *tx, struct uuid upload_id, int64_t now_us, struct error *err);
/* A failed job begins anew. *CHANGED is false if it has not failed. */
bool job_retry(struct db *tx, struct uuid id, int64_t now_us, bool *changed, struct error *err);
/* At most LIMIT failed jobs of an upload's processing. */
bool job_failed_of_upload(struct db *db, struct uuid upload_id, size_t limit, struct arena *mem,
                          struct job **out, size_t *count, struct error *err);

/* ---- old ones ---- */

/* Removes at most LIMIT jobs that ended before BEFORE_US; *COUNT of them. Those that an upload's
 * processing still goes by stay: of an upload that is not completed, has failed, or is in the
 * trash. */
bool job_forget(struct db *tx, int64_t before_us, size_t limit, uint64_t *count, struct error *err);

/* ---- pauses ---- */

struct job_pause {
    const char *kind;
    struct uuid workspace_id; /* nil: everywhere */
    int64_t paused_at_us;
};

/* Nothing of KIND is leased in a workspace, or, if that is nil, anywhere. What is leased goes on.
 */
bool job_pause(struct db *tx, const struct job_pause *pause, struct uuid user_id,
               struct error *err);
bool job_resume(struct db *tx, const char *kind, struct uuid workspace_id, struct error *err);
/* All pauses, in the order of kinds. */
bool job_pauses(struct db *db, struct arena *mem, struct job_pause **out, size_t *count,
                struct error *err);

#endif
