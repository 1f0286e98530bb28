#include "service/workspaces.h"

#include "catalog/user.h"
#include "service/trash.h"

#define FIRST_USER "admin"

struct addition {
    struct workspace workspace;
    struct user admin;
    const struct quota_limits *limits;
};

static bool add(struct db *tx, void *context, struct error *err)
{
    const struct addition *addition = context;

    return workspace_insert(tx, &addition->workspace, err) &&
           quota_insert(tx, addition->workspace.id, addition->limits,
                        addition->workspace.created_at_us, err) &&
           user_insert(tx, &addition->admin, err);
}

bool workspaces_add(struct app *app, const char *name, const struct quota_limits *limits,
                    struct arena *mem, struct workspace *out, struct error *err)
{
    struct addition addition = {
        .workspace = {.id = app_new_id(app),
                      .name = arena_strdup(mem, name),
                      .created_at_us = app_now_us(app)},
        .limits = limits ? limits : &app->settings.default_limits,
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

struct removal {
    struct uuid id;
    int64_t now_us;
};

static bool remove_workspace(struct db *tx, void *context, struct error *err)
{
    const struct removal *removal = context;

    return workspace_delete(tx, removal->id, removal->now_us, err);
}

bool workspaces_remove(struct app *app, struct uuid id, struct uuid user_id, bool force,
                       struct error *err)
{
    struct removal removal = {id, app_now_us(app)};

    if (force && !trash_purge_all(app, id, user_id, err))
        return false;
    return database_write(app->database, remove_workspace, &removal, err);
}

bool workspaces_owner(struct app *app, struct uuid workspace_id, struct uuid *out,
                      struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) && user_first(db, workspace_id, out, err);
}
