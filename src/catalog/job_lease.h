/*
 * Leasing jobs: who works on what, until when, and how it ended.
 *
 * A lease has a token that grows with each lease of its job. Whoever ends a job or asks for more
 * time shows it: if the lease ran out, or somebody else has the job now, they are refused with
 * ERR_LEASE_LOST and nothing of theirs has any effect. So a job may be run more than once, but it
 * ends once.
 *
 * The cost of a lease does not depend on how many jobs there are: every question begins at what is
 * due. How many are leased is counted only where that is limited.
 */
#ifndef CATALOG_JOB_LEASE_H
#define CATALOG_JOB_LEASE_H

#include "catalog/job.h"

/* A kind that the worker takes. */
struct job_wanted {
    const char *kind;
    const char *group;  /* kinds of one group are leased together for an upload; NULL: alone */
    uint32_t most;      /* leased at once; 0: no limit */
    uint32_t most_each; /* leased at once in a workspace; 0: no limit */
};

struct job_lease_request {
    const struct job_wanted *wanted;
    size_t wanted_count;
    struct uuid workspace_id; /* nil: of all */
    size_t count; /* most jobs. 1: and its companions, due jobs of the same upload and group, asked
                   * for or not like it; what is tried again has none, and is none */
    const char *worker; /* who leases, for people */
    int64_t now_us, until_us;
    int64_t
        early_us; /* what is due so soon is due: who made it may have another idea of the time */
};

/*
 * Leases what is due of the wanted kinds: the highest priority first, in it what has been due for
 * longest. Kinds that are paused, or at a limit, give nothing. *COUNT may be 0; with count 1 it is
 * the number of the job and its companions, in the order of WANTED.
 */
bool job_lease(struct db *tx, const struct job_lease_request *request, struct arena *mem,
               struct job **out, size_t *count, struct error *err);
/* Whether job_lease might give something: for those who would rather wait than write. */
bool job_is_due(struct db *db, const struct job_lease_request *request, bool *out,
                struct error *err);

/*
 * The job, which whoever shows TOKEN has leased. *ENDED, which may be NULL: it is not, because they
 * ended it themselves before, and ask again; where that is not told apart it is a lost lease.
 *
 * Fails with ERR_NOT_FOUND, ERR_LEASE_LOST, ERR_JOB_CANCELLED.
 */
bool job_held(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t token,
              int64_t now_us, struct arena *mem, struct job *out, bool *ended, struct error *err);

/* The rest is for jobs that job_held gave, in the same transaction. */

/* PROGRESS_MILLI of -1 leaves it as it is. */
bool job_heartbeat(struct db *tx, const struct job *job, int64_t until_us, int32_t progress_milli,
                   struct error *err);
/* RESULT is JSON, or NULL; FROM_CACHE: it was known before. */
bool job_complete(struct db *tx, const struct job *job, const char *result, bool from_cache,
                  int64_t now_us, struct error *err);
/* For good. */
bool job_fail(struct db *tx, const struct job *job, const char *code, const char *message,
              int64_t now_us, struct error *err);
/* Pending again, from AFTER_US on. */
bool job_try_later(struct db *tx, const struct job *job, const char *code, const char *message,
                   int64_t after_us, struct error *err);
/* As if it had not been leased: the attempt does not count. */
bool job_give_back(struct db *tx, const struct job *job, struct error *err);

/* ---- stages ---- */

#define JOB_STAGE_ID_SIZE (UUID_TEXT_SIZE + 32)

/* The id of the NUMBERth stage that whoever has leased the job may make in a store: it is the
 * lease's own, and left over once the lease has ended. */
void job_stage_id(const struct job *job, uint32_t number, char id[JOB_STAGE_ID_SIZE]);
/* Whether the lease that has TOKEN has not ended; it may have run out. */
bool job_is_leased(struct db *db, struct uuid id, int64_t token, bool *out, struct error *err);
/* Whether STAGE_ID is of a lease that has not ended; false for whatever else stages are called. */
bool job_holds_stage(struct db *db, const char *stage_id, bool *out, struct error *err);

/* ---- what runs out ---- */

/* At most LIMIT leased jobs whose lease has run out. */
bool job_expired(struct db *db, int64_t now_us, size_t limit, struct arena *mem, struct job **out,
                 size_t *count, struct error *err);
/* Fences off whoever held the lease of a job that has run out. */
bool job_end_lease(struct db *tx, const struct job *job, struct error *err);

#endif
