#include "service/sweep.h"

#include <string.h>

#include "base/log.h"
#include "catalog/delivery.h"
#include "catalog/derived.h"
#include "catalog/event.h"
#include "catalog/garbage.h"
#include "catalog/idempotency.h"
#include "catalog/job_lease.h"
#include "catalog/piece.h"
#include "catalog/session.h"
#include "catalog/webhook.h"
#include "service/abandon.h"
#include "service/cache.h"
#include "service/live.h"
#include "service/making.h"
#include "service/node.h"
#include "service/queue.h"
#include "service/resumable.h"

#define PAGE 200
#define JOBS_AT_ONCE 1000
#define IDEMPOTENCY_KEPT_US US_PER_DAY
/* Sweeps in which each node that is alive looks through its own stages once. */
#define STAGES_REST 2

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

/* A work that only who has the duty may do. */
struct duty_work {
    struct app *app;
    db_work *work;
    void *context;
};

static bool do_duty(struct db *tx, void *context, struct error *err)
{
    const struct duty_work *duty = context;

    return node_must_have(tx, duty->app, DUTY_SWEEP, err) && duty->work(tx, duty->context, err);
}

static bool write_on_duty(struct sweep *sweep, db_work *work, void *context, struct error *err)
{
    struct duty_work duty = {sweep->app, work, context};

    return database_write(sweep->app->database, do_duty, &duty, err);
}

static void go_on_after(struct sweep *sweep, const struct error *err)
{
    if (!sweep->failed)
        *sweep->err = *err;
    sweep->failed = true;
}

/* ---- garbage ---- */

struct place {
    const char *store_name;
    const char *key;
    bool is_final; /* nothing can appear there any more */
};

static bool forget_object(struct db *tx, void *context, struct error *err)
{
    const struct place *place = context;

    return (place->is_final ? garbage_remove : garbage_settle)(tx, place->store_name, place->key,
                                                               err);
}

/* The object first, then its row: until the row is gone the object is explained. Where a write that
 * was given up may be carried out late, the row stays until that is over. */
static bool remove_object(struct app *app, const struct place *place, struct error *err)
{
    struct store *store;

    return app_find_store(app, place->store_name, &store, err) &&
           store_remove(store, place->key, err) &&
           database_write(app->database, forget_object, (void *)place, err);
}

void sweep_object(struct app *app, const char *store_name, const char *key)
{
    struct store *store = app_store(app, store_name);
    struct place place = {store_name, key, !store || store_late_us(store) == 0};
    struct error err;

    if (!remove_object(app, &place, &err))
        log_event(LOG_WARN, "an object could not be removed and is left to the next sweep",
                  log_text("error", err.log));
}

static bool read_garbage(struct app *app, struct uuid after, struct arena *mem,
                         struct garbage **page, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           garbage_list(db, after, PAGE, mem, page, count, err);
}

/* Whether nothing can appear there any more. */
static bool is_final(const struct app *app, const struct garbage *garbage)
{
    const struct store *store = app_store(app, garbage->storage_name);

    return !store || app_now_us(app) - garbage->created_at_us >= store_late_us(store);
}

/* What was removed once waits for the last time; or for ever, if its store is configured no more.
 */
static bool is_settling(const struct app *app, const struct garbage *garbage)
{
    return strcmp(garbage->reason, GARBAGE_SETTLING) == 0 &&
           (!app_store(app, garbage->storage_name) || !is_final(app, garbage));
}

/* Not before its stage, if there was one, can have become an object. */
static bool is_due(const struct sweep *sweep, const struct garbage *garbage)
{
    const struct app *app = sweep->app;
    int64_t rest_us = sweep->has_company ? STAGES_REST * app->settings.sweep_every_us : 0;

    if (is_settling(app, garbage))
        return false;
    for (size_t i = 0; i < app->store_count; i++)
        if (strcmp(store_name(app->stores[i]), garbage->storage_name) == 0)
            return sweep->is_listed[i] && garbage->created_at_us <= sweep->listed_at_us - rest_us;
    return true; /* its store cannot be found: which is told */
}

/* Removes those of one page that stand in a store that answers. */
static void remove_page(struct sweep *sweep, const struct garbage *page, size_t count)
{
    const char *away = NULL; /* a store that did not answer just now is not asked on */
    struct error err;

    for (size_t i = 0; i < count; i++) {
        struct place place = {page[i].storage_name, page[i].storage_path,
                              is_final(sweep->app, &page[i])};

        if ((away && strcmp(away, place.store_name) == 0) || !is_due(sweep, &page[i]))
            continue;
        if (remove_object(sweep->app, &place, &err)) {
            sweep->report.objects++;
            sweep->report.bytes += page[i].bytes;
        } else {
            away = place.store_name;
            go_on_after(sweep, &err);
        }
    }
}

static void sweep_garbage(struct sweep *sweep)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}};
    struct garbage *page;
    struct error err;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_garbage(sweep->app, after, mem, &page, &count, &err)) {
            go_on_after(sweep, &err);
            return;
        }
        remove_page(sweep, page, count);
        if (count > 0)
            after = page[count - 1].id;
    } while (count == PAGE);
}

/* ---- sessions ---- */

/* Where others share the database, only this node's. */
static bool read_open(struct app *app, struct uuid after, struct arena *mem, struct session **page,
                      size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           (node_is_shared(app)
                ? session_list_node(db, app->node_id, after, PAGE, mem, page, count, err)
                : session_list(db, after, PAGE, mem, page, count, err));
}

/* Sessions of one request that died with it; those of several are continued after a restart. One
 * that cannot be ended now (its store is no longer configured) does not keep the server from
 * starting. */
static bool end_left_over(struct sweep *sweep, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}};
    struct session *page;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_open(sweep->app, after, mem, &page, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            after = page[i].id;
            if (page[i].kind != SESSION_POST)
                continue;
            abandon_session_or_later(sweep->app, &page[i]);
            sweep->report.sessions++;
        }
    } while (count == PAGE);
    return true;
}

static bool read_expired(struct app *app, int64_t now_us, const struct session_expiry *after,
                         struct arena *mem, struct session **page, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           session_expired(db, now_us, after, PAGE, mem, page, count, err);
}

static bool expire_one(struct sweep *sweep, const struct session *session, struct error *err)
{
    bool is_ours, is_ended = false;

    if (!node_looks_after(sweep->app, session->node_id, &is_ours, err))
        return false;
    if (is_ours &&
        !resumable_expire(sweep->app, session->workspace_id, session->id, &is_ended, err))
        return false;
    sweep->report.sessions += is_ended;
    return true;
}

/* What is in use, or cannot be ended, is left to the next sweep. */
static void end_expired(struct sweep *sweep)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct session_expiry after = {INT64_MIN, {{0}}};
    int64_t now_us = app_now_us(sweep->app);
    struct session *page;
    struct error err;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_expired(sweep->app, now_us, &after, mem, &page, &count, &err)) {
            go_on_after(sweep, &err);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            if (!expire_one(sweep, &page[i], &err))
                go_on_after(sweep, &err);
            after = (struct session_expiry){page[i].expires_at_us, page[i].id};
        }
    } while (count == PAGE);
}

static void end_abandoned(struct sweep *sweep)
{
    struct error err;
    uint64_t count;

    if (!abandon_again(sweep->app, &count, &err))
        go_on_after(sweep, &err);
    sweep->report.sessions += count;
}

/* ---- stages without an owner ---- */

struct stage_visit {
    struct sweep *sweep;
    struct store *store;
    struct error *err;
    bool failed; /* the catalog did */
};

/* An open session, a piece that is being stored, or the lease of a job: of a worker that may be a
 * process of its own. Who finishes a session here may have lost it to another node, which has made
 * the upload: as long as he sends, it is by his stage that he finds the object not to be his. */
static bool stage_has_owner(struct app *app, const char *id_text, bool *has, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid id;

    if (!database_read(app->database, &db, err))
        return false;
    if (!uuid_parse(str_from(id_text), &id))
        return job_holds_stage(db, id_text, has, err);
    *has = live_is_busy(app->live, id);
    return *has ||
           (session_exists(db, id, has, err) && (*has || piece_is_stored(db, id, has, err)));
}

/* What cannot be a stage of ours, or cannot be discarded, stays: verify tells of it. */
static bool visit_stage(void *context, const struct store_object *stage)
{
    struct stage_visit *visit = context;
    struct error err;
    bool has_owner;

    if (!stage_has_owner(visit->sweep->app, stage->key, &has_owner, visit->err)) {
        visit->failed = true;
        return false;
    }
    if (!has_owner && store_stage_discard(visit->store, stage->key, &err))
        visit->sweep->report.stages++;
    else if (!has_owner && err.kind != ERR_INVALID)
        log_event(LOG_WARN, "a stage could not be discarded and is left to the next sweep",
                  log_text("error", err.log));
    return true;
}

/* The row of a session or a lease is there before its stage is: at any time, what has none is left
 * over. */
static bool sweep_stages_of(struct sweep *sweep, struct store *store, struct error *err)
{
    struct stage_visit visit = {sweep, store, err, false};

    return store_list_stages(store, visit_stage, &visit, err) && !visit.failed;
}

static void sweep_stages(struct sweep *sweep)
{
    struct error err;

    sweep->listed_at_us = app_now_us(sweep->app);
    for (size_t i = 0; i < sweep->app->store_count; i++) {
        sweep->is_listed[i] = sweep_stages_of(sweep, sweep->app->stores[i], &err);
        if (!sweep->is_listed[i])
            go_on_after(sweep, &err);
    }
}

/* ---- transfers that were cut off ---- */

struct transfer_visit {
    struct sweep *sweep;
    struct store *store;
    struct error *err;
    bool failed; /* the catalog did */
};

/* An open session, or a job's file that is not completed yet: their rows are there before a
 * transfer is, so what has none is left over. */
static bool transfer_has_owner(struct app *app, const char *store_name, const char *key, bool *has,
                               struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct derived file;

    if (!database_read(app->database, &db, err) ||
        !session_holds_path(db, store_name, key, has, err) ||
        (!*has && !piece_holds_path(db, store_name, key, has, err)))
        return false;
    if (*has)
        return true;
    *has = derived_at(db, store_name, key, mem, &file, err);
    return *has || err->kind == ERR_NOT_FOUND;
}

static bool visit_transfer(void *context, const struct store_unfinished *transfer)
{
    struct transfer_visit *visit = context;
    struct error err;
    bool has_owner;

    if (!transfer_has_owner(visit->sweep->app, store_name(visit->store), transfer->key, &has_owner,
                            visit->err)) {
        visit->failed = true;
        return false;
    }
    if (has_owner)
        return true;
    if (store_abort_unfinished(visit->store, transfer->key, transfer->id, &err))
        visit->sweep->report.transfers++;
    else
        log_event(LOG_WARN, "a transfer that was cut off is left to the next sweep",
                  log_text("error", err.log));
    return true;
}

static void sweep_transfers(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->app->store_count; i++) {
        struct error err;
        struct transfer_visit visit = {sweep, sweep->app->stores[i], &err, false};

        if (!store_list_unfinished(visit.store, visit_transfer, &visit, &err) || visit.failed)
            go_on_after(sweep, &err);
    }
}

/* ---- files that no job keeps ---- */

struct dropping {
    struct app *app;
    uint64_t count;
};

static bool drop_loose(struct db *tx, void *context, struct error *err)
{
    struct dropping *dropping = context;

    return making_drop_loose(tx, dropping->app, &dropping->count, err);
}

/* Before the stages: whose lease ends later may still become objects, and wait for the next sweep.
 */
static void sweep_loose(struct sweep *sweep)
{
    struct dropping dropping = {.app = sweep->app};
    struct error err;

    do {
        if (!write_on_duty(sweep, drop_loose, &dropping, &err)) {
            go_on_after(sweep, &err);
            return;
        }
    } while (dropping.count > 0);
}

/* ---- idempotency keys ---- */

struct forgetting {
    int64_t before_us;
    uint64_t count;
};

static bool forget_keys(struct db *tx, void *context, struct error *err)
{
    struct forgetting *forgetting = context;

    return idempotency_forget(tx, forgetting->before_us, &forgetting->count, err);
}

static void sweep_keys(struct sweep *sweep)
{
    struct forgetting forgetting = {.before_us = app_now_us(sweep->app) - IDEMPOTENCY_KEPT_US};
    struct error err;

    if (write_on_duty(sweep, forget_keys, &forgetting, &err))
        sweep->report.keys += forgetting.count;
    else
        go_on_after(sweep, &err);
}

/* ---- the cache ---- */

static void sweep_results(struct sweep *sweep)
{
    struct error err;
    uint64_t removed = 0;

    if (!cache_sweep(sweep->app, &removed, &err))
        go_on_after(sweep, &err);
    sweep->report.results += removed;
}

/* ---- jobs that ended long ago ---- */

static bool forget_jobs(struct db *tx, void *context, struct error *err)
{
    struct forgetting *forgetting = context;

    return job_forget(tx, forgetting->before_us, JOBS_AT_ONCE, &forgetting->count, err);
}

/* A few at a time, so that nobody waits long for the catalog. */
static void sweep_jobs(struct sweep *sweep)
{
    int64_t keep_us = queue_keep_us(sweep->app->queue);
    struct forgetting forgetting = {.before_us = app_now_us(sweep->app) - keep_us};
    struct error err;

    if (keep_us == 0)
        return;
    do {
        if (!write_on_duty(sweep, forget_jobs, &forgetting, &err)) {
            go_on_after(sweep, &err);
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
        if (!write_on_duty(sweep, work, &forgetting, &err)) {
            go_on_after(sweep, &err);
            return;
        }
        *total += forgetting.count;
    } while (forgetting.count > 0);
}

static void sweep_logs(struct sweep *sweep)
{
    const struct settings *settings = &sweep->app->settings;

    sweep_log(sweep, remove_events, settings->events.keep_us, &sweep->report.events);
    sweep_log(sweep, remove_deliveries, settings->webhooks.keep_us, &sweep->report.deliveries);
    sweep_log(sweep, remove_of_removed, 0, &sweep->report.deliveries);
}

/* ---- all of it ---- */

static void sweep_silent(struct sweep *sweep)
{
    struct error err;
    uint64_t count = 0;

    if (!sweep_silent_nodes(sweep->app, &count, &err))
        go_on_after(sweep, &err);
    sweep->report.sessions += count;
}

/* What one node does for all. A step that was begun is finished; its changes fail once another has
 * the duty. */
static void sweep_shared(struct sweep *sweep)
{
    static void (*const steps[])(struct sweep * sweep) = {
        sweep_silent,  sweep_transfers, sweep_garbage, sweep_keys,
        sweep_results, sweep_jobs,      sweep_logs};

    for (size_t i = 0; i < COUNT_OF(steps) && node_has(sweep->app, DUTY_SWEEP); i++)
        steps[i](sweep);
}

bool sweep_run(struct app *app, struct sweep_report *report, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct sweep sweep = {.app = app, .err = err};

    sweep.is_listed = arena_array(mem, app->store_count, sizeof *sweep.is_listed);
    if (!node_has_company(app, &sweep.has_company, err))
        return false;
    end_abandoned(&sweep);
    end_expired(&sweep);
    if (node_has(app, DUTY_SWEEP))
        sweep_loose(&sweep);
    sweep_stages(&sweep);
    sweep_shared(&sweep);
    if (report)
        *report = sweep.report;
    return !sweep.failed;
}

bool sweep_start(struct app *app, struct sweep_report *report, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct sweep sweep = {.app = app, .err = err};

    sweep.is_listed = arena_array(mem, app->store_count, sizeof *sweep.is_listed);
    if (!end_left_over(&sweep, err))
        return false;
    sweep_stages(&sweep);
    if (report)
        *report = sweep.report;
    return !sweep.failed;
}
