#include "service/sweep.h"

#include <string.h>

#include "base/log.h"
#include "catalog/garbage.h"
#include "catalog/idempotency.h"
#include "catalog/session.h"
#include "service/abandon.h"
#include "service/resumable.h"

#define PAGE 200
#define IDEMPOTENCY_KEPT_US US_PER_DAY

/* ---- garbage ---- */

struct place {
    const char *store_name;
    const char *key;
};

static bool forget_object(struct db *tx, void *context, struct error *err)
{
    const struct place *place = context;

    return garbage_remove(tx, place->store_name, place->key, err);
}

/* The object first, then its row: until the row is gone the object is explained. */
static bool remove_object(struct app *app, const struct place *place, struct error *err)
{
    struct store *store = app_store(app, place->store_name);

    if (!store)
        return error_set(err, ERR_UNAVAILABLE, "store \"%s\" is not configured", place->store_name);
    return store_remove(store, place->key, err) &&
           database_write(app->database, forget_object, (void *)place, err);
}

void sweep_object(struct app *app, const char *store_name, const char *key)
{
    struct place place = {store_name, key};
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

static bool sweep_garbage(struct app *app, struct sweep_report *report, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}};
    struct garbage *page;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_garbage(app, after, mem, &page, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            struct place place = {page[i].storage_name, page[i].storage_path};

            if (!remove_object(app, &place, err))
                return false;
            report->objects++;
            report->bytes += page[i].bytes;
            after = page[i].id;
        }
    } while (count == PAGE);
    return true;
}

/* ---- sessions ---- */

static bool read_open(struct app *app, struct uuid after, struct arena *mem, struct session **page,
                      size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           session_list(db, after, PAGE, mem, page, count, err);
}

/* Sessions of one request that died with it; those of several are continued after a restart. */
static bool end_left_over(struct app *app, struct sweep_report *report, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}};
    struct session *page;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_open(app, after, mem, &page, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            after = page[i].id;
            if (page[i].kind != SESSION_POST)
                continue;
            if (!abandon_session(app, &page[i], err))
                return false;
            report->sessions++;
        }
    } while (count == PAGE);
    return true;
}

static bool read_expired(struct app *app, struct arena *mem, struct session **page, size_t *count,
                         struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           session_expired(db, app_now_us(app), PAGE, mem, page, count, err);
}

static bool end_expired(struct app *app, struct sweep_report *report, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct session *page;
    size_t count, ended;

    do {
        ended = 0;
        arena_reset(mem);
        if (!read_expired(app, mem, &page, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            bool is_ended;

            if (!resumable_expire(app, page[i].workspace_id, page[i].id, &is_ended, err))
                return false;
            ended += is_ended;
        }
        report->sessions += ended;
    } while (count == PAGE && ended > 0); /* what is in use is left to the next sweep */
    return true;
}

/* ---- stages without a session ---- */

struct stage_sweep {
    struct app *app;
    struct store *store;
    struct sweep_report *report;
    struct error *err;
    bool failed;
};

static bool session_is_open(struct app *app, const char *id_text, bool *open, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid id;

    *open = false;
    if (!uuid_parse(str_from(id_text), &id))
        return true;
    return database_read(app->database, &db, err) && session_exists(db, id, open, err);
}

static bool visit_stage(void *context, const struct store_object *stage)
{
    struct stage_sweep *sweep = context;
    bool open;

    if (!session_is_open(sweep->app, stage->key, &open, sweep->err) ||
        (!open && !store_stage_discard(sweep->store, stage->key, sweep->err))) {
        sweep->failed = true;
        return false;
    }
    sweep->report->stages += open ? 0 : 1;
    return true;
}

static bool sweep_stages(struct app *app, struct sweep_report *report, struct error *err)
{
    for (size_t i = 0; i < app->store_count; i++) {
        struct stage_sweep sweep = {app, app->stores[i], report, err, false};

        if (!store_list_stages(app->stores[i], visit_stage, &sweep, err) || sweep.failed)
            return false;
    }
    return true;
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

static bool sweep_keys(struct app *app, struct sweep_report *report, struct error *err)
{
    struct forgetting forgetting = {.before_us = app_now_us(app) - IDEMPOTENCY_KEPT_US};

    if (!database_write(app->database, forget_keys, &forgetting, err))
        return false;
    report->keys += forgetting.count;
    return true;
}

/* ---- all of it ---- */

bool sweep_run(struct app *app, struct sweep_report *report, struct error *err)
{
    struct sweep_report mine = {0};
    uint64_t again;
    bool ok = abandon_again(app, &again, err) && end_expired(app, &mine, err) &&
              sweep_garbage(app, &mine, err) && sweep_keys(app, &mine, err);

    mine.sessions += ok ? again : 0;
    if (report)
        *report = mine;
    return ok;
}

bool sweep_start(struct app *app, struct sweep_report *report, struct error *err)
{
    struct sweep_report mine = {0};
    bool ok = end_left_over(app, &mine, err) && sweep_stages(app, &mine, err);

    if (report)
        *report = mine;
    return ok;
}
