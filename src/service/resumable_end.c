/* How a session ends without an upload: as failed, or without a trace. */
#include "base/log.h"
#include "catalog/garbage.h"
#include "catalog/piece.h"
#include "service/abandon.h"
#include "service/resumable_state.h"
#include "service/sweep.h"

bool resumable_is_final(const struct error *err)
{
    switch (err->kind) {
    case ERR_EMPTY:
    case ERR_CHECKSUM:
    case ERR_DUPLICATE:
    case ERR_FILE_TOO_LARGE:
    case ERR_NOT_AUDIO:
    case ERR_FORMAT:
    case ERR_MEDIA_UNREADABLE:
    case ERR_TOO_MANY_CHUNKS:
        return true;
    default:
        return false;
    }
}

/* The end of a session without an upload: with a cause, or without a trace. */
struct ending {
    struct app *app;
    const struct session *session;
    const struct error *cause; /* NULL: without a trace */
    bool may_be_published;
    bool is_dropped; /* the garbage list has what was published */
    uint64_t object_bytes;
};

/* An object can stand at the path of an open session already: published, and then not committed. No
 * upload has it. */
static void look_for_object(struct ending *ending)
{
    const struct session *session = ending->session;
    struct store *store = app_store(ending->app, session->storage_name);
    struct store_object object = {0};
    struct error err;

    ending->may_be_published = store && session->status == SESSION_INITIATED &&
                               (store_head(store, session->storage_path, &object, &err) ||
                                err.kind != ERR_NOT_FOUND || store_late_us(store) > 0);
    ending->object_bytes = object.size;
}

/* From now on the garbage list explains the object, not the session. */
static bool drop_object(struct db *tx, const struct ending *ending, struct error *err)
{
    struct garbage garbage = {.id = app_new_id(ending->app),
                              .storage_name = ending->session->storage_name,
                              .storage_path = ending->session->storage_path,
                              .bytes = ending->object_bytes,
                              .reason = "the upload ended otherwise after it was published",
                              .created_at_us = app_now_us(ending->app)};

    return garbage_add(tx, &garbage, err);
}

static bool end_work(struct db *tx, void *context, struct error *err)
{
    struct ending *ending = context;
    const struct error *cause = ending->cause;
    struct uuid id = ending->session->id;
    int64_t now_us = app_now_us(ending->app);
    int64_t until_us = now_us + ending->app->settings.session_ttl_us;
    bool there, is_open = true;

    if (cause ? !session_fail(tx, id, cause, now_us, until_us, &there, err)
              : !session_exists(tx, id, &is_open, err) || !piece_drop_all(tx, id, err) ||
                    !session_end(tx, id, &there, err))
        return false;
    if (cause && there && ending->session->concatenation == SESSION_PARTIAL &&
        !resumable_fail_finals(tx, ending->session->workspace_id, id, cause, now_us, until_us, err))
        return false;
    /* What another node has made an upload of meanwhile is that upload's object. */
    ending->is_dropped = there && is_open && ending->may_be_published;
    return !ending->is_dropped || drop_object(tx, ending, err);
}

static bool end_row(struct app *app, const struct session *session, const struct error *cause,
                    struct error *err)
{
    struct ending ending = {.app = app, .session = session, .cause = cause};

    look_for_object(&ending);
    if (!database_write(app->database, end_work, &ending, err))
        return false;
    if (ending.is_dropped)
        sweep_object(app, session->storage_name, session->storage_path);
    return true;
}

bool resumable_mark_failed(struct app *app, const struct session *session,
                           const struct error *cause)
{
    struct error err;

    if (end_row(app, session, cause, &err))
        return true;
    log_event(LOG_WARN, "an upload could not be marked as failed", log_text("error", err.log));
    return false;
}

void resumable_end_failed(struct app *app, const struct session *session, const struct error *cause)
{
    if (resumable_mark_failed(app, session, cause))
        abandon_stage_or_later(app, session);
}

/* The row first: a crash must leave no session that reports what is gone, while a stage without a
 * session is discarded by the next start. */
bool resumable_end_now(struct app *app, const struct session *session, struct error *err)
{
    if (!end_row(app, session, NULL, err))
        return false;
    if (session->status == SESSION_INITIATED)
        abandon_stage_or_later(app, session);
    return true;
}

bool resumable_reject(struct app *app, struct uuid workspace_id, struct uuid id,
                      const struct error *cause, struct error *err)
{
    scoped(live_turn_release) struct live_turn turn = {.is_exclusive = true, .cuts = true};
    scoped(arena_release) struct arena *mem = arena_new();
    struct resumable_state state;

    if (!resumable_read(app, workspace_id, id, mem, &state, err) ||
        !live_enter(app->live, id, &turn, err) ||
        !resumable_load(app, workspace_id, id, mem, &state, err))
        return false;
    if (state.session.status == SESSION_INITIATED)
        resumable_end_failed(app, &state.session, cause);
    return true;
}

bool resumable_abort(struct app *app, struct uuid workspace_id, struct uuid id, struct error *err)
{
    scoped(live_turn_release) struct live_turn turn = {
        .is_exclusive = true, .cuts = true, .removes = true};
    scoped(arena_release) struct arena *mem = arena_new();
    struct resumable_state state;

    return resumable_read(app, workspace_id, id, mem, &state, err) &&
           live_enter(app->live, id, &turn, err) &&
           resumable_load(app, workspace_id, id, mem, &state, err) &&
           resumable_end_now(app, &state.session, err);
}
