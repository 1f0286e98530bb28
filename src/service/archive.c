#include "service/archive.h"

const char *archive_availability_name(enum store_availability availability)
{
    switch (availability) {
    case STORE_ARCHIVED:
        return "archived";
    case STORE_RESTORING:
        return "restoring";
    case STORE_RESTORED:
        return "restored";
    case STORE_AT_HAND:
        break;
    }
    return "at_hand";
}

bool archive_check_readable(const struct store_object *object, struct error *err)
{
    if (object->availability == STORE_ARCHIVED)
        return error_tell(err, ERR_ARCHIVED,
                          "the content is archived (%s): ask for it by POST "
                          "/v1/uploads/{id}/restore, or `audiotricks store restore`",
                          object->storage_class);
    if (object->availability == STORE_RESTORING)
        return error_tell(err, ERR_ARCHIVED,
                          "the content is archived (%s) and is being restored: try again later",
                          object->storage_class);
    return true;
}

/* The record is there, so an object that is not is a loss, not a wrong id. */
static bool explain_absence(struct error *err)
{
    if (err->kind != ERR_NOT_FOUND)
        return false;
    err->kind = ERR_INTERNAL;
    return error_client(err, "the content is missing from the store");
}

bool archive_look(struct app *app, const struct upload *upload, struct store_object *out,
                  struct error *err)
{
    struct store *store;

    return app_find_store(app, upload->storage_name, &store, err) &&
           (store_head(store, upload->storage_path, out, err) || explain_absence(err));
}

bool archive_restore(struct app *app, const struct upload *upload, unsigned days, const char *tier,
                     struct error *err)
{
    struct store *store;

    return app_find_store(app, upload->storage_name, &store, err) &&
           (store_restore(store, upload->storage_path, days > 0 ? days : ARCHIVE_DAYS_USUAL, tier,
                          err) ||
            explain_absence(err));
}

/* ---- classes ---- */

struct move {
    struct app *app;
    const struct upload *upload;
    const char *storage_class;
};

static bool move_work(struct db *tx, void *context, struct error *err)
{
    const struct move *move = context;

    return upload_set_class(tx, move->upload->storage_name, move->upload->storage_path,
                            move->storage_class, app_now_us(move->app), err);
}

/* Why the store refused, as it is told of reading. */
static bool explain_refusal(struct app *app, const struct upload *upload, struct error *err)
{
    struct store_object object;
    struct error archived;

    if (err->kind == ERR_CONFLICT && archive_look(app, upload, &object, &archived) &&
        !archive_check_readable(&object, &archived))
        *err = archived;
    return explain_absence(err);
}

bool archive_set_class(struct app *app, const struct upload *upload, const char *storage_class,
                       struct error *err)
{
    struct move move = {app, upload, storage_class};
    struct store *store;

    return app_find_store(app, upload->storage_name, &store, err) &&
           (store_set_class(store, upload->storage_path, storage_class, err) ||
            explain_refusal(app, upload, err)) &&
           database_write(app->database, move_work, &move, err);
}

/* ---- uploads ---- */

bool archive_find_upload(struct app *app, struct uuid id, struct arena *mem, struct upload *out,
                         struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) && upload_anywhere(db, id, mem, out, err);
}
