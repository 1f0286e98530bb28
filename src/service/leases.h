/*
 * Taking jobs and ending them, for workers of this program and of others: each call is one
 * transaction, in which the job, its effect, its upload's status and the jobs behind it change
 * together. Whoever waits is told after the commit.
 *
 * A job whose holder is silent is taken back when its lease has run out, by whoever leases next.
 */
#ifndef SERVICE_LEASES_H
#define SERVICE_LEASES_H

#include "catalog/job_lease.h"
#include "service/app.h"

/* A job that someone holds. */
struct held_job {
    struct uuid workspace_id; /* nil: any */
    struct uuid id;
    int64_t token;
};

struct lease_wish {
    const char *const *kinds;
    size_t kind_count;
    struct uuid workspace_id; /* nil: of all */
    size_t count;             /* 1: and its companions (catalog/job_lease.h) */
    const char *worker;
    int64_t lease_us; /* 0: as configured */
};

/* Leases what is due, after taking back what has run out. *COUNT may be 0. Jobs of which the cache
 * knows the result (service/reuse.h) are completed with it, and not among them. */
bool leases_take(struct app *app, const struct lease_wish *wish, struct arena *mem,
                 struct job **out, size_t *count, struct error *err);
/* As leases_take, but waits until there is something, until UNTIL_US on the monotonic clock, or
 * until SHOULD_END(CONTEXT), which is asked every second at least. */
bool leases_await(struct app *app, const struct lease_wish *wish, int64_t until_us,
                  bool (*should_end)(void *context), void *context, struct arena *mem,
                  struct job **out, size_t *count, struct error *err);

/* How one job went, for leases_heartbeat and leases_end. */
enum job_outcome {
    OUTCOME_COMPLETED,
    OUTCOME_FAILED,    /* for good */
    OUTCOME_RETRYABLE, /* to be tried again, unless it was too often */
    OUTCOME_GIVEN_BACK /* not the job's fault: the attempt does not count */
};

struct job_end {
    struct held_job job;
    enum job_outcome outcome;
    const char *result;  /* JSON, or NULL */
    bool from_cache;     /* the result was known before */
    const char *code;    /* of a failure */
    const char *message; /* of a failure, for people: what to do about it */
    /* Optional: what completing it changes besides. It runs in the transaction, as a db_work does,
     * and if it fails nothing of this job is changed. */
    bool (*commit)(struct db *tx, const struct job *job, void *context, struct error *err);
    void *context;
};

/*
 * Gives the holder LEASE_US more from now on (0: as configured). PROGRESS_MILLI of -1 says nothing
 * new. *OUT is the job afterwards.
 *
 * Fails with ERR_NOT_FOUND, ERR_LEASE_LOST, ERR_JOB_CANCELLED: then the work is in vain.
 */
bool leases_heartbeat(struct app *app, const struct held_job *held, int64_t lease_us,
                      int32_t progress_milli, struct arena *mem, struct job *out,
                      struct error *err);
/*
 * Ends the lease. Done twice with the same outcome it succeeds, as the first time may not have been
 * heard. *OUT is the job afterwards. Fails as leases_heartbeat, and with what COMMIT failed with.
 */
bool leases_end(struct app *app, const struct job_end *end, struct arena *mem, struct job *out,
                struct error *err);
/* The same for several, each for itself, in as few transactions as there are: ERRORS[i].kind is
 * only of meaning where ENDED[i] is false. */
void leases_end_all(struct app *app, const struct job_end *ends, size_t count, bool *ended,
                    struct error *errors);

/* Takes back what has run out; leases_take does so itself. */
bool leases_expire(struct app *app, struct error *err);

#endif
