#include "service/workspaces.h"

#include "catalog/cache.h"
#include "catalog/user.h"
#include "catalog/webhook.h"
#include "service/cache.h"
#include "service/resumable.h"
#include "service/trash.h"

#define FIRST_USER "admin"
#define SESSIONS_PAGE 200

struct addition {
    struct workspace workspace;
    struct user admin;
    const struct quota_limits *limits;
    const struct idempotency *once;
    struct arena *mem;
};

static bool add(struct db *tx, void *context, struct error *err)
{
    struct addition *addition = context;
    struct uuid id;
    bool found;

    if (!idempotency_claim(tx, addition->once, &found, &id, err))
        return false;
    if (found)
        return workspace_by_id(tx, id, addition->mem, &addition->workspace, err);
    return workspace_insert(tx, &addition->workspace, err) &&
           quota_insert(tx, addition->workspace.id, addition->limits,
                        addition->workspace.created_at_us, err) &&
           user_insert(tx, &addition->admin, err);
}

bool workspaces_make(struct app *app, const struct workspace_wish *wish, struct arena *mem,
                     struct workspace *out, struct error *err)
{
    struct addition addition = {
        .workspace = {.id = wish->id,
                      .name = arena_strdup(mem, wish->name),
                      .created_at_us = app_now_us(app)},
        .limits = wish->limits ? wish->limits : &app->settings.default_limits,
        .once = &wish->once,
        .mem = mem,
    };

    addition.admin = (struct user){.id = app_new_id(app),
                                   .workspace_id = addition.workspace.id,
                                   .name = FIRST_USER,
                                   .created_at_us = addition.workspace.created_at_us};
    if (!database_write(app->database, add, &addition, err))
        return false;
    *out = addition.workspace;
    return true;
}

bool workspaces_add(struct app *app, const char *name, const struct quota_limits *limits,
                    struct arena *mem, struct workspace *out, struct error *err)
{
    struct workspace_wish wish = {.id = app_new_id(app), .name = name, .limits = limits};

    return workspaces_make(app, &wish, mem, out, err);
}

struct removal {
    struct uuid id;
    int64_t now_us;
};

static bool remove_workspace(struct db *tx, void *context, struct error *err)
{
    const struct removal *removal = context;

    return workspace_delete(tx, removal->id, removal->now_us, err) &&
           cache_remove_workspace(tx, removal->id, err) &&
           webhook_remove_all(tx, removal->id, removal->now_us, err);
}

static bool some_sessions(struct app *app, struct uuid workspace_id, struct uuid after,
                          struct arena *mem, struct session **page, size_t *count,
                          struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           session_list_workspace(db, workspace_id, after, SESSIONS_PAGE, mem, page, count, err);
}

/* Runs STEP for every open session of the workspace. */
static bool each_open_session(struct app *app, struct uuid workspace_id,
                              bool (*step)(struct app *app, const struct session *session,
                                           struct error *err),
                              struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}};
    struct session *page;
    size_t count;

    do {
        arena_reset(mem);
        if (!some_sessions(app, workspace_id, after, mem, &page, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            after = page[i].id;
            if (page[i].status == SESSION_INITIATED && !step(app, &page[i], err))
                return false;
        }
    } while (count == SESSIONS_PAGE);
    return true;
}

/* The session of a single request ends with its request alone. */
static bool can_be_ended(struct app *app, const struct session *session, struct error *err)
{
    (void)app;
    return session->kind != SESSION_POST ||
           error_tell(err, ERR_CONFLICT, "an upload into the workspace is in progress");
}

static bool end_session(struct app *app, const struct session *session, struct error *err)
{
    return resumable_abort(app, session->workspace_id, session->id, err) ||
           err->kind == ERR_NOT_FOUND; /* it has ended meanwhile */
}

static bool empty(struct app *app, struct uuid id, struct uuid user_id, struct error *err)
{
    uint64_t results;

    return each_open_session(app, id, can_be_ended, err) &&
           each_open_session(app, id, end_session, err) && trash_purge_all(app, id, user_id, err) &&
           cache_clear(app, id, NULL, &results, err);
}

bool workspaces_remove(struct app *app, struct uuid id, struct uuid user_id, bool force,
                       struct error *err)
{
    struct removal removal = {id, app_now_us(app)};

    if (force && !empty(app, id, user_id, err))
        return false;
    return database_write(app->database, remove_workspace, &removal, err);
}

bool workspaces_owner(struct app *app, struct uuid workspace_id, struct uuid *out,
                      struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) && user_first(db, workspace_id, out, err);
}
