#include "service/trash.h"

#include "catalog/cache.h"
#include "catalog/garbage.h"
#include "catalog/history.h"
#include "catalog/quota.h"
#include "service/making.h"
#include "service/processing.h"
#include "service/queue.h"
#include "service/sweep.h"

#define PURGE_PAGE 100

/* One step of an upload's way out, or back. */
struct step {
    struct app *app;
    struct uuid workspace_id, user_id, id;
    struct arena *mem;
    struct upload upload; /* as it was before a purge, or is after an undelete */
    bool there;           /* a purge found it */
    bool last;            /* a purge took the object's last reference */
    uint64_t files;       /* that processing had made, and that went with it */
};

static bool add_history(struct db *tx, const struct step *step, const char *action,
                        struct error *err)
{
    struct history_entry entry = {.id = app_new_id(step->app),
                                  .workspace_id = step->workspace_id,
                                  .upload_id = step->id,
                                  .user_id = step->user_id,
                                  .action = action,
                                  .created_at_us = app_now_us(step->app)};

    return history_add(tx, &entry, err);
}

static bool put_work(struct db *tx, void *context, struct error *err)
{
    struct step *step = context;
    bool changed;

    return upload_trash(tx, step->workspace_id, step->id, app_now_us(step->app), &changed, err) &&
           (!changed || (processing_trashed(tx, step->app, step->id, err) &&
                         add_history(tx, step, "deleted", err)));
}

bool trash_put(struct app *app, struct uuid workspace_id, struct uuid user_id, struct uuid id,
               struct error *err)
{
    struct step step = {.app = app, .workspace_id = workspace_id, .user_id = user_id, .id = id};

    if (!database_write(app->database, put_work, &step, err))
        return false;
    queue_cancelled(app->queue);
    return true;
}

static bool undelete_work(struct db *tx, void *context, struct error *err)
{
    struct step *step = context;
    bool changed;

    return upload_undelete(tx, step->workspace_id, step->id, app_now_us(step->app), &changed,
                           err) &&
           (!changed || (processing_undeleted(tx, step->app, step->id, err) &&
                         add_history(tx, step, "undeleted", err))) &&
           upload_by_id(tx, step->workspace_id, step->id, step->mem, &step->upload, err);
}

bool trash_undelete(struct app *app, struct uuid workspace_id, struct uuid user_id, struct uuid id,
                    struct arena *mem, struct upload *out, struct error *err)
{
    struct step step = {
        .app = app, .workspace_id = workspace_id, .user_id = user_id, .id = id, .mem = mem};

    if (!database_write(app->database, undelete_work, &step, err))
        return false;
    queue_signal(app->queue);
    *out = step.upload;
    return true;
}

/* ---- for good ---- */

static uint64_t stored_bytes(const struct upload *upload)
{
    return upload->has_compressed_size ? upload->compressed_size : upload->file_size;
}

/* The object goes on the garbage list in the transaction that removes its last row. */
static bool drop_object(struct db *tx, struct step *step, struct error *err)
{
    struct garbage garbage = {.id = app_new_id(step->app),
                              .storage_name = step->upload.storage_name,
                              .storage_path = step->upload.storage_path,
                              .bytes = stored_bytes(&step->upload),
                              .reason = "purged",
                              .created_at_us = app_now_us(step->app)};
    uint64_t sharing;

    if (!upload_count_sharing(tx, garbage.storage_name, garbage.storage_path, &sharing, err))
        return false;
    step->last = sharing == 0;
    return !step->last || garbage_add(tx, &garbage, err);
}

static bool add_ledger(struct db *tx, const struct step *step, struct error *err)
{
    const struct upload *upload = &step->upload;
    struct ledger_entry entry = {.id = app_new_id(step->app),
                                 .workspace_id = step->workspace_id,
                                 .upload_id = step->id,
                                 .user_id = step->user_id,
                                 .kind = step->last ? "removed" : "unshared",
                                 .storage_name = upload->storage_name,
                                 .storage_path = upload->storage_path,
                                 .bytes = -(int64_t)upload->file_size,
                                 .stored_bytes = step->last ? -(int64_t)stored_bytes(upload) : 0,
                                 .created_at_us = app_now_us(step->app)};

    return ledger_add(tx, &entry, err);
}

/* What was made of a content is its owner's as much as the content is. */
static bool drop_results(struct db *tx, const struct step *step, struct error *err)
{
    return step->app->settings.cache.keep_after_purge ||
           cache_remove_of_content(tx, step->workspace_id, step->upload.checksum_sha256, err);
}

static bool purge_work(struct db *tx, void *context, struct error *err)
{
    struct step *step = context;

    step->there = step->last = false;
    if (!upload_by_id(tx, step->workspace_id, step->id, step->mem, &step->upload, err))
        return err->kind == ERR_NOT_FOUND;
    step->there = true;
    return making_drop_all(tx, step->app, step->id, &step->files, err) &&
           upload_remove(tx, step->id, err) && drop_object(tx, step, err) &&
           drop_results(tx, step, err) &&
           quota_release(tx, step->workspace_id, step->upload.file_size, app_now_us(step->app),
                         err) &&
           add_history(tx, step, "purged", err) && add_ledger(tx, step, err);
}

bool trash_purge(struct app *app, struct uuid workspace_id, struct uuid user_id, struct uuid id,
                 struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct step step = {
        .app = app, .workspace_id = workspace_id, .user_id = user_id, .id = id, .mem = mem};

    if (!database_write(app->database, purge_work, &step, err))
        return false;
    queue_cancelled(app->queue);
    if (step.last)
        sweep_object(app, step.upload.storage_name, step.upload.storage_path);
    return true;
}

static bool some_ids(struct app *app, struct uuid workspace_id, struct arena *mem,
                     struct uuid **ids, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           upload_ids(db, workspace_id, PURGE_PAGE, mem, ids, count, err);
}

bool trash_purge_all(struct app *app, struct uuid workspace_id, struct uuid user_id,
                     struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid *ids;
    size_t count;

    do {
        arena_reset(mem);
        if (!some_ids(app, workspace_id, mem, &ids, &count, err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!trash_purge(app, workspace_id, user_id, ids[i], err))
                return false;
    } while (count > 0);
    return true;
}
