/* Clears away what crashes and expiries have left, so that every byte stays explained. */
#ifndef SERVICE_SWEEP_H
#define SERVICE_SWEEP_H

#include "service/app.h"

struct sweep_report {
    uint64_t sessions;   /* closed: left by a crash, or past their expiry */
    uint64_t stages;     /* discarded that had neither an open session nor a held lease */
    uint64_t objects;    /* removed from the garbage list */
    uint64_t bytes;      /* of those objects */
    uint64_t transfers;  /* to providers, cut off, given up */
    uint64_t keys;       /* idempotency keys forgotten */
    uint64_t results;    /* of processing, past their expiry */
    uint64_t jobs;       /* that ended long ago */
    uint64_t events;     /* removed from the event log */
    uint64_t deliveries; /* of webhooks, ended or of no use any more, removed from their log */
};

/*
 * Once, before serving: sessions of a single request that a crash of this node left open are
 * closed, whatever they staged or published without a record is removed, stages without an owner
 * are discarded. Other nodes and workers may be at work meanwhile. REPORT may be NULL. Fails if the
 * catalog cannot be read or a store not be listed; what alone cannot be cleared away is logged and
 * left to sweep_run.
 */
bool sweep_start(struct app *app, struct sweep_report *report, struct error *err);
/* At any time: of this node sessions that have expired or that could not be ended before, stages
 * without one, and stages; for all nodes, by the one that has the duty (service/node.h), the
 * sessions of silent nodes, garbage objects, old idempotency keys and jobs, results in the cache
 * past their expiry, old events and deliveries. What cannot be cleared away holds up nothing else:
 * all is tried, then it fails with the first cause. REPORT may be NULL, and is filled either way.
 */
bool sweep_run(struct app *app, struct sweep_report *report, struct error *err);

/* Ends what nodes that are silent were receiving in single requests. What such a request would
 * still do fails: its session is gone. *COUNT may be filled though it fails. */
bool sweep_silent_nodes(struct app *app, uint64_t *count, struct error *err);

/* Removes what stands on the garbage list at KEY of STORE_NAME, now. A store that does not answer
 * leaves it for the next sweep. */
void sweep_object(struct app *app, const char *store_name, const char *key);

#endif
