/* What is on its way into stores and belongs to nobody any more: stages, and transfers that were
 * cut off. */
#include "base/log.h"
#include "catalog/derived.h"
#include "catalog/job_lease.h"
#include "catalog/piece.h"
#include "catalog/session.h"
#include "catalog/upload.h"
#include "service/live.h"
#include "service/sightings.h"
#include "service/sweep_state.h"

/* Sweeps between the first look at a transfer that is nobody's and the last. */
#define TRANSFERS_REST 2
/* The same where it would replace the object of an upload: no row says that its class is being
 * changed, and the largest takes long. */
#define CHANGES_REST_US US_PER_DAY

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

void sweep_stages(struct sweep *sweep)
{
    struct error err;

    sweep->listed_at_us = app_now_us(sweep->app);
    for (size_t i = 0; i < sweep->app->store_count; i++) {
        sweep->is_listed[i] = sweep_stages_of(sweep, sweep->app->stores[i], &err);
        if (!sweep->is_listed[i])
            sweep_go_on_after(sweep, &err);
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

/* A second look: what was begun since the first, at whatever node, is not taken for left over. By
 * this node's own clock, as the provider's and others' may be any. */
static bool has_rested(const struct transfer_visit *visit, const char *id, bool is_change)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const struct app *app = visit->sweep->app;
    const char *name = arena_printf(mem, "%s %s", store_name(visit->store), id);
    int64_t now_us = clock_monotonic_us();

    return now_us - sightings_note(app->transfers, name, now_us) >=
           (is_change ? CHANGES_REST_US : TRANSFERS_REST * app->settings.sweep_every_us);
}

/* Whether it is to be given up. */
static bool is_left_over(const struct transfer_visit *visit,
                         const struct store_unfinished *transfer, bool *out, struct error *err)
{
    struct app *app = visit->sweep->app;
    const char *name = store_name(visit->store);
    bool has_owner;

    *out = false;
    if (!transfer_has_owner(app, name, transfer->key, &has_owner, err))
        return false;
    if (has_owner)
        return true;

    scoped(db_release) struct db *db = NULL;
    uint64_t uploads = 0;

    if (!database_read(app->database, &db, err) ||
        !upload_count_sharing(db, name, transfer->key, &uploads, err))
        return false;
    *out = has_rested(visit, transfer->id, uploads > 0);
    return true;
}

static bool visit_transfer(void *context, const struct store_unfinished *transfer)
{
    struct transfer_visit *visit = context;
    struct error err;
    bool left_over;

    if (!is_left_over(visit, transfer, &left_over, visit->err)) {
        visit->failed = true;
        return false;
    }
    if (!left_over)
        return true;
    if (store_abort_unfinished(visit->store, transfer->key, transfer->id, &err))
        visit->sweep->report.transfers++;
    else
        log_event(LOG_WARN, "a transfer that was cut off is left to the next sweep",
                  log_text("error", err.log));
    return true;
}

void sweep_transfers(struct sweep *sweep)
{
    sightings_begin(sweep->app->transfers);
    for (size_t i = 0; i < sweep->app->store_count; i++) {
        struct error err;
        struct transfer_visit visit = {sweep, sweep->app->stores[i], &err, false};

        if (!store_list_unfinished(visit.store, visit_transfer, &visit, &err) || visit.failed)
            sweep_go_on_after(sweep, &err);
    }
    sightings_end(sweep->app->transfers);
}
