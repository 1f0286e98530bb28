#include "catalog/user.h"

#include "api/idempotent.h"
#include "api/lists.h"
#include "api/members.h"
#include "api/resources.h"

static bool find_users(struct request *req, const struct caller *who, const struct page *page,
                       struct user **items, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           user_list(db, who->workspace_id, page->cursor.id, page->limit + 1, req->mem, items,
                     count, err);
}

bool get_users(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct user *items = NULL;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!page_read(req, ORDER_IDS, &page, err) || !find_users(req, who, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].id, req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_user(&listing.json, &items[i]);
    return listing_send(&listing, next, res, err);
}

struct user_insertion {
    struct idempotency once;
    struct user user;
    struct arena *mem;
};

/* The user that the same request has made before, or a new one. */
static bool insert_work(struct db *tx, void *context, struct error *err)
{
    struct user_insertion *insertion = context;
    struct uuid id;
    bool found;

    if (!idempotency_claim(tx, &insertion->once, &found, &id, err))
        return false;
    if (!found)
        return user_insert(tx, &insertion->user, err);
    return user_by_id(tx, insertion->user.workspace_id, id, insertion->mem, &insertion->user, err);
}

static bool answer_user(struct response *res, int status, const struct user *user,
                        struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_SMALL_BYTES);
    view_user(&json, user);
    return view_send(res, status, &out, err);
}

bool post_users(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    struct member_value name = {0};
    const struct member table[] = {{"name", MEMBER_TEXT, true, false, 1, USER_NAME_MAX, &name}};
    scoped(members_release) json_t *body = NULL;
    struct user_insertion made = {.user = {.id = app_new_id(req->app),
                                           .workspace_id = who->workspace_id,
                                           .created_at_us = app_now_us(req->app)},
                                  .mem = req->mem};

    if (!members_read(req, false, &body, err) || !members_take(body, table, COUNT_OF(table), err) ||
        !idempotent_entry(req, who, body, made.user.id, &made.once, err))
        return false;
    made.user.name = name.text;
    return database_write(req->app->database, insert_work, &made, err) &&
           answer_user(res, 201, &made.user, err);
}

bool get_user(struct request *req, const struct caller *who, struct response *res,
              struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct user user;
    struct uuid id;

    return endpoint_id(req, &id, err) && database_read(req->app->database, &db, err) &&
           user_by_id(db, who->workspace_id, id, req->mem, &user, err) &&
           answer_user(res, 200, &user, err);
}

/* ---- disabling and removing ---- */

struct user_change {
    struct uuid workspace_id;
    struct uuid id;
    bool disabled;
    int64_t now_us;
};

static bool change_work(struct db *tx, void *context, struct error *err)
{
    const struct user_change *change = context;

    return user_set_disabled(tx, change->workspace_id, change->id, change->disabled, change->now_us,
                             err);
}

static bool remove_work(struct db *tx, void *context, struct error *err)
{
    const struct user_change *change = context;

    return user_remove(tx, change->workspace_id, change->id, change->now_us, err);
}

/* Who locked themselves out could not undo it. Operators can: their tokens are no user's. */
static bool read_target(struct request *req, const struct caller *who, struct user_change *out,
                        struct error *err)
{
    *out = (struct user_change){.workspace_id = who->workspace_id, .now_us = app_now_us(req->app)};
    if (!endpoint_id(req, &out->id, err))
        return false;
    return who->role == ROLE_OPERATOR || !uuid_equal(out->id, who->user_id) ||
           error_tell(err, ERR_CONFLICT, "nobody disables or removes themselves");
}

bool patch_user(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    struct member_value disabled = {0};
    const struct member table[] = {{"disabled", MEMBER_BOOL, false, false, 0, 0, &disabled}};
    scoped(members_release) json_t *body = NULL;
    struct user_change change;

    if (!members_read(req, false, &body, err) || !members_take(body, table, COUNT_OF(table), err))
        return false;
    if (!disabled.given)
        return get_user(req, who, res, err);
    if (!read_target(req, who, &change, err))
        return false;
    change.disabled = disabled.yes;
    return database_write(req->app->database, change_work, &change, err) &&
           get_user(req, who, res, err);
}

bool delete_user(struct request *req, const struct caller *who, struct response *res,
                 struct error *err)
{
    struct user_change change;

    return read_target(req, who, &change, err) &&
           database_write(req->app->database, remove_work, &change, err) &&
           response_empty(res, 204, err);
}
