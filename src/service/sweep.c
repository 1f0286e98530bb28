#include "service/sweep.h"

#include <string.h>

#include "base/log.h"
#include "catalog/garbage.h"
#include "service/cache.h"
#include "service/making.h"
#include "service/node.h"
#include "service/sweep_state.h"

#define PAGE 200
/* Sweeps in which each node that is alive looks through its own stages once. */
#define STAGES_REST 2

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

bool sweep_write_on_duty(struct sweep *sweep, db_work *work, void *context, struct error *err)
{
    struct duty_work duty = {sweep->app, work, context};

    return database_write(sweep->app->database, do_duty, &duty, err);
}

void sweep_go_on_after(struct sweep *sweep, const struct error *err)
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
            sweep_go_on_after(sweep, &err);
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
            sweep_go_on_after(sweep, &err);
            return;
        }
        remove_page(sweep, page, count);
        if (count > 0)
            after = page[count - 1].id;
    } while (count == PAGE);
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
        if (!sweep_write_on_duty(sweep, drop_loose, &dropping, &err)) {
            sweep_go_on_after(sweep, &err);
            return;
        }
    } while (dropping.count > 0);
}

/* ---- the cache ---- */

static void sweep_results(struct sweep *sweep)
{
    struct error err;
    uint64_t removed = 0;

    if (!cache_sweep(sweep->app, &removed, &err))
        sweep_go_on_after(sweep, &err);
    sweep->report.results += removed;
}

/* ---- all of it ---- */

static void sweep_silent(struct sweep *sweep)
{
    struct error err;
    uint64_t count = 0;

    if (!sweep_silent_nodes(sweep->app, &count, &err))
        sweep_go_on_after(sweep, &err);
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
    sweep_abandoned(&sweep);
    sweep_expired(&sweep);
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
    if (!sweep_left_over(&sweep, err))
        return false;
    sweep_stages(&sweep);
    if (report)
        *report = sweep.report;
    return !sweep.failed;
}
