/* Makes deliveries of new events: one for each webhook that wants it. */
#ifndef JOBS_WEBHOOK_FAN_OUT_H
#define JOBS_WEBHOOK_FAN_OUT_H

#include "service/app.h"

struct fan_out {
    struct app *app;
    int64_t position;    /* result: all events up to it have their deliveries */
    uint64_t deliveries; /* result: how many were made */
};

/*
 * A work for database_write, whose context is a struct fan_out: takes the next events, a few
 * hundred at most. Webhooks are read in the same transaction, so one that was made in the meantime
 * misses nothing, and position and deliveries go together: no event is told twice for a crash in
 * between.
 */
bool webhook_fan_out(struct db *tx, void *context, struct error *err);

#endif
