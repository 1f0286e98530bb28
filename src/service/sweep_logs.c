/* What was kept for a time and is only forgotten: rows, behind which there are no bytes. */
#include "catalog/delivery.h"
#include "catalog/event.h"
#include "catalog/idempotency.h"
#include "catalog/job_lease.h"
#include "catalog/webhook.h"
#include "service/queue.h"
#include "service/sweep_state.h"

#define JOBS_AT_ONCE 1000
#define IDEMPOTENCY_KEPT_US US_PER_DAY

struct forgetting {
    int64_t before_us;
    uint64_t count;
};

/* ---- idempotency keys ---- */

static bool forget_keys(struct db *tx, void *context, struct error *err)
{
    struct forgetting *forgetting = context;

    return idempotency_forget(tx, forgetting->before_us, &forgetting->count, err);
}

void sweep_keys(struct sweep *sweep)
{
    struct forgetting forgetting = {.before_us = app_now_us(sweep->app) - IDEMPOTENCY_KEPT_US};
    struct error err;

    if (sweep_write_on_duty(sweep, forget_keys, &forgetting, &err))
        sweep->report.keys += forgetting.count;
    else
        sweep_go_on_after(sweep, &err);
}

/* ---- jobs that ended long ago ---- */

static bool forget_jobs(struct db *tx, void *context, struct error *err)
{
    struct forgetting *forgetting = context;

    return job_forget(tx, forgetting->before_us, JOBS_AT_ONCE, &forgetting->count, err);
}

/* A few at a time, so that nobody waits long for the catalog. */
void sweep_jobs(struct sweep *sweep)
{
    int64_t keep_us = queue_keep_us(sweep->app->queue);
    struct forgetting forgetting = {.before_us = app_now_us(sweep->app) - keep_us};
    struct error err;

    if (keep_us == 0)
        return;
    do {
        if (!sweep_write_on_duty(sweep, forget_jobs, &forgetting, &err)) {
            sweep_go_on_after(sweep, &err);
            return;
        }
        sweep->report.jobs += forgetting.count;
    } while (forgetting.count == JOBS_AT_ONCE);
}

/* ---- logs ---- */

/* Rows in one transaction: others write as well. */
#define LOG_PAGE 1000

static bool remove_events(struct db *tx, void *context, struct error *err)
{
    struct forgetting *forgetting = context;

    return event_remove(tx, forgetting->before_us, LOG_PAGE, &forgetting->count, err);
}

/* Version 7 begins with the milliseconds: less than any id that was made since. */
static struct uuid first_id_at(int64_t time_us)
{
    uint64_t ms = (uint64_t)(time_us / 1000);
    struct uuid id = {{0}};

    for (int i = 5; i >= 0; i--, ms >>= 8)
        id.bytes[i] = (uint8_t)ms;
    return id;
}

static bool remove_deliveries(struct db *tx, void *context, struct error *err)
{
    struct forgetting *forgetting = context;

    return delivery_forget(tx, first_id_at(forgetting->before_us), LOG_PAGE, &forgetting->count,
                           err);
}

static bool remove_of_removed(struct db *tx, void *context, struct error *err)
{
    struct forgetting *forgetting = context;

    return webhook_forget(tx, LOG_PAGE, &forgetting->count, err);
}

/* Page by page, until nothing is old. */
static void sweep_log(struct sweep *sweep, db_work *work, int64_t keep_us, uint64_t *total)
{
    struct forgetting forgetting = {.before_us = app_now_us(sweep->app) - keep_us};
    struct error err;

    do {
        if (!sweep_write_on_duty(sweep, work, &forgetting, &err)) {
            sweep_go_on_after(sweep, &err);
            return;
        }
        *total += forgetting.count;
    } while (forgetting.count > 0);
}

void sweep_logs(struct sweep *sweep)
{
    const struct settings *settings = &sweep->app->settings;

    sweep_log(sweep, remove_events, settings->events.keep_us, &sweep->report.events);
    sweep_log(sweep, remove_deliveries, settings->webhooks.keep_us, &sweep->report.deliveries);
    sweep_log(sweep, remove_of_removed, 0, &sweep->report.deliveries);
}
