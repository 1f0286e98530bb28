/* What the parts of service/sweep*.c share. Private to them. */
#ifndef SERVICE_SWEEP_STATE_H
#define SERVICE_SWEEP_STATE_H

#include "catalog/session.h"
#include "service/node.h"
#include "service/sweep.h"

/* One sweep. What cannot be cleared away now must not hold up the rest of it: the first failure is
 * told when all has been tried. */
struct sweep {
    struct app *app;
    struct sweep_report report;
    struct error *err;
    bool failed; /* ERR says how, at first */
    /* When stages were about to be looked through, and the stores in which they were. Garbage of
     * before is no longer a stage there, and so will not become an object behind our back. */
    int64_t listed_at_us;
    bool *is_listed;
    bool has_company; /* other nodes, which have stages of their own */
};

/* As database_write, for the node that has the duty alone. */
bool sweep_write_on_duty(struct sweep *sweep, db_work *work, void *context, struct error *err);
/* Keeps ERR, if it is the first. */
void sweep_go_on_after(struct sweep *sweep, const struct error *err);

/* Calls VISIT for each open session of one request that NODE_ID received last (nil: any node),
 * until it fails. */
bool sweep_visit_sessions(struct app *app, struct uuid node_id,
                          bool (*visit)(void *context, const struct session *session,
                                        struct error *err),
                          void *context, struct error *err);
/* Ends sessions of one request that died with it; those of several are continued after a restart.
 * Where others share the database, only this node's. */
bool sweep_left_over(struct sweep *sweep, struct error *err);
/* Ends what has expired. What is in use, or cannot be ended, is left to the next sweep. */
void sweep_expired(struct sweep *sweep);
/* Tries again to end what could not be ended before. */
void sweep_abandoned(struct sweep *sweep);

/* Discards this node's stages without an owner. The row of a session or a lease is there before its
 * stage is: at any time, what has none is left over. */
void sweep_stages(struct sweep *sweep);
/* Gives transfers to providers up that are nobody's. */
void sweep_transfers(struct sweep *sweep);

/* Forget idempotency keys, jobs that ended long ago, and what is older than logs are kept. */
void sweep_keys(struct sweep *sweep);
void sweep_jobs(struct sweep *sweep);
void sweep_logs(struct sweep *sweep);

#endif
