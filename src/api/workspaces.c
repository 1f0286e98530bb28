#include "service/workspaces.h"

#include "api/idempotent.h"
#include "api/lists.h"
#include "api/members.h"
#include "api/quota_input.h"
#include "api/resources.h"

/* The operator sees all; everyone else their own. */
static bool find_workspaces(struct request *req, const struct caller *who, const struct page *page,
                            struct workspace **items, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    if (!database_read(req->app->database, &db, err))
        return false;
    if (who->role == ROLE_OPERATOR)
        return workspace_list(db, page->cursor.id, page->limit + 1, req->mem, items, count, err);
    *items = arena_alloc(req->mem, sizeof(**items));
    *count = page->continued ? 0 : 1;
    return workspace_by_id(db, who->workspace_id, req->mem, *items, err);
}

bool get_workspaces(struct request *req, const struct caller *who, struct response *res,
                    struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct workspace *items = NULL;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!page_read(req, ORDER_IDS, &page, err) ||
        !find_workspaces(req, who, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].id, req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_workspace(&listing.json, &items[i]);
    return listing_send(&listing, next, res, err);
}

static bool answer_workspace(struct response *res, int status, const struct workspace *workspace,
                             struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_SMALL_BYTES);
    view_workspace(&json, workspace);
    return view_send(res, status, &out, err);
}

static void add_location(struct response *res, struct uuid id)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(id, text);
    response_header_printf(res, "Location", "/v1/workspaces/%s", text);
}

bool post_workspaces(struct request *req, const struct caller *who, struct response *res,
                     struct error *err)
{
    struct member_value name = {0};
    struct member_value quota = {0};
    const struct member table[] = {
        {"name", MEMBER_TEXT, true, false, 1, WORKSPACE_NAME_MAX, &name},
        {"quota", MEMBER_OBJECT, false, false, 0, 0, &quota},
    };
    scoped(members_release) json_t *body = NULL;
    struct quota_limits limits = req->app->settings.default_limits;
    struct workspace_wish wish = {.id = app_new_id(req->app), .limits = &limits};
    struct workspace workspace;

    if (!members_read(req, false, &body, err) || !members_take(body, table, COUNT_OF(table), err) ||
        (quota.given && !quota_input_limits(quota.object, &limits, err)) ||
        !idempotent_entry(req, who, body, wish.id, &wish.once, err))
        return false;
    wish.name = name.text;
    if (!workspaces_make(req->app, &wish, req->mem, &workspace, err))
        return false;
    add_location(res, workspace.id);
    return answer_workspace(res, 201, &workspace, err);
}

static bool find_workspace(struct request *req, const struct caller *who, struct workspace *out,
                           struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           workspace_by_id(db, who->workspace_id, req->mem, out, err);
}

bool get_workspace(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    struct workspace workspace;

    return find_workspace(req, who, &workspace, err) && answer_workspace(res, 200, &workspace, err);
}

struct rename {
    struct uuid id;
    const char *name;
};

static bool rename_work(struct db *tx, void *context, struct error *err)
{
    const struct rename *rename = context;

    return workspace_rename(tx, rename->id, rename->name, err);
}

bool patch_workspace(struct request *req, const struct caller *who, struct response *res,
                     struct error *err)
{
    struct member_value name = {0};
    const struct member table[] = {
        {"name", MEMBER_TEXT, false, false, 1, WORKSPACE_NAME_MAX, &name}};
    scoped(members_release) json_t *body = NULL;
    struct rename rename = {.id = who->workspace_id};

    if (!members_read(req, false, &body, err) || !members_take(body, table, COUNT_OF(table), err))
        return false;
    rename.name = name.text;
    if (name.given && !database_write(req->app->database, rename_work, &rename, err))
        return false;
    return get_workspace(req, who, res, err);
}

bool delete_workspace(struct request *req, const struct caller *who, struct response *res,
                      struct error *err)
{
    bool force = false;

    return request_query_bool(req, "force", false, &force, err) &&
           workspaces_remove(req->app, who->workspace_id, who->user_id, force, err) &&
           response_empty(res, 204, err);
}
