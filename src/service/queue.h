/*
 * The queue of jobs as the server knows it: which kinds there are, how they are planned, limited
 * and tried again, and who waits for something to become due. The jobs themselves are rows
 * (catalog/job.h); taking and ending them is leases.h.
 *
 * Kinds are of two sorts. Built-in ones are run by this program (jobs/job_kind.h adds them before
 * anything is served). All others are external: whoever leases them over HTTP runs them. External
 * kinds need no configuration; [processor "NAME"] gives one limits, and a place in every upload's
 * processing.
 */
#ifndef SERVICE_QUEUE_H
#define SERVICE_QUEUE_H

#include "base/clock.h"
#include "base/config.h"
#include "catalog/job.h"
#include "catalog/upload.h"

struct app;
struct queue;

/* For which uploads jobs of a kind are made without being asked for. */
enum queue_per {
    PER_REQUEST, /* none */
    PER_UPLOAD,  /* one for every upload */
    PER_CHUNK    /* one for every chunk; one for the whole of an upload that has no chunks */
};

/* Texts and functions live as long as the queue. */
struct queue_kind {
    const char *name;
    const char *group; /* jobs of one group and upload are leased together; NULL: alone */
    bool is_built_in;
    bool is_run; /* by this program: false for a built-in kind that it does not have */
    enum queue_per per;
    const char *after;   /* made when the upload's jobs of this kind are completed; NULL: at once */
    const char *options; /* of jobs that nobody asked for; NULL: {} */
    int32_t priority;
    int32_t max_retries;      /* -1: as many as the upload's */
    uint32_t most, most_each; /* leased at once, in all and in a workspace; 0: no limit */
    bool is_not_kept;         /* external: its results do not go into the cache */
    /* Optional: whether jobs are made for this upload. */
    bool (*suits)(const struct app *app, const struct upload *upload);
    /* Optional: refuses options, a JSON object as text, with ERR_INVALID. */
    bool (*check)(const struct app *app, const char *options, struct error *err);
    /* Optional: refuses options that cannot be for this upload. */
    bool (*fits)(const struct app *app, const char *options, const struct upload *upload,
                 struct error *err);
};

/* The built-in kinds, as long as nobody runs them, and those of CONFIG. Fails with ERR_INVALID,
 * naming the option. */
bool queue_new(const struct config *config, struct queue **out, struct error *err);
void queue_free(struct queue *queue);
DEFINE_RELEASE(queue, struct queue)
/* Adds a kind, or takes the place of that of the same name. Before there are threads. */
void queue_add_kind(struct queue *queue, const struct queue_kind *kind);

/* NULL if the kind is external and not configured. */
const struct queue_kind *queue_kind(const struct queue *queue, const char *name);
/* False past the last. */
bool queue_kind_at(const struct queue *queue, size_t index, const struct queue_kind **out);

/* How long a lease lasts if its holder does not say. */
int64_t queue_lease_us(const struct queue *queue);
/* How long jobs are kept after they ended; 0: for ever. */
int64_t queue_keep_us(const struct queue *queue);
/* When a job that has failed for the ATTEMPTSth time (from 1) is due again: the first delay doubled
 * for each attempt, an hour at most, of which a random half is taken off. */
int64_t queue_retry_delay_us(const struct queue *queue, int32_t attempts,
                             const struct random_source *random);

/* ---- figures ---- */

enum queue_event { QUEUE_COMPLETED, QUEUE_FAILED, QUEUE_RETRIED, QUEUE_EVENTS };

/* What this process has seen of a kind since it was started. */
struct queue_figures {
    const char *kind; /* "other" for all that are not configured */
    uint64_t events[QUEUE_EVENTS];
    uint64_t run_ms; /* of completed ones, in all */
};

void queue_count(struct queue *queue, const char *kind, enum queue_event event, int64_t run_ms);
/* False past the last. */
bool queue_figures_at(struct queue *queue, size_t index, struct queue_figures *out);

/* ---- waiting ---- */

/* A count of the times that something may have become due. */
uint64_t queue_turn(struct queue *queue);
/* Something may be due: wakes all who wait. From any thread, after the commit that made it so. */
void queue_signal(struct queue *queue);
/* Jobs that run may have been cancelled, in this process; how often that was. Whoever runs some
 * asks for all of them when it has changed. After the commit, too. */
void queue_cancelled(struct queue *queue);
uint64_t queue_cancels(struct queue *queue);
/*
 * Returns when something may have become due since TURN, or at UNTIL_US on the monotonic clock, or
 * after a second, since other processes and the passing of time give no signal. Ask again then.
 */
void queue_wait(struct queue *queue, uint64_t turn, int64_t until_us);
/* At most a certain number of requests wait at once, each of which holds a thread. False: none may.
 */
bool queue_enter_waiting(struct queue *queue);
void queue_leave_waiting(struct queue *queue);

#endif
