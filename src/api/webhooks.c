/* Webhooks: who is told of events. Their deliveries are in webhook_deliveries.c. */
#include "catalog/webhook.h"

#include "api/idempotent.h"
#include "api/lists.h"
#include "api/members.h"
#include "api/resources.h"
#include "catalog/event.h"
#include "service/receivers.h"
#include "service/watch.h"
#include "service/webhook_message.h"

#define EVENT_TYPES_TEXT_MAX 256
#define PREVIOUS_SECRET_GOOD_US US_PER_DAY

/* ---- answers ---- */

static void emit_types(struct emitter *json, const char *types)
{
    struct str rest = str_from(types), one;
    char text[EVENT_TYPES_TEXT_MAX];

    emit_open_list(json, "event_types");
    while (rest.len > 0 && str_split(&rest, ',', &one)) {
        snprintf(text, sizeof text, "%.*s", (int)one.len, one.ptr);
        emit_text(json, NULL, text);
    }
    emit_close_list(json);
}

/* SECRET: show it, this once. */
static void view_webhook(struct emitter *json, const struct webhook *webhook, bool secret)
{
    char text[WEBHOOK_SECRET_TEXT_SIZE];

    emit_open_object(json, NULL);
    emit_uuid(json, "id", webhook->id);
    emit_uuid(json, "workspace_id", webhook->workspace_id);
    emit_text(json, "url", webhook->url);
    emit_text(json, "description", webhook->description);
    emit_types(json, webhook->event_types);
    emit_bool(json, "enabled", webhook->enabled);
    emit_time(json, "created_at", webhook->created_at_us);
    emit_time(json, "updated_at", webhook->updated_at_us);
    emit_time(json, "previous_secret_expires_at", webhook->previous_secret_expires_at_us);
    if (secret) {
        webhook_secret_format(&webhook->secret, text);
        emit_text(json, "secret", text);
    }
    emit_close_object(json);
}

static bool answer_webhook(struct response *res, int status, const struct webhook *webhook,
                           bool secret, struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_SMALL_BYTES);
    view_webhook(&json, webhook, secret);
    if (secret)
        response_header(res, "Cache-Control", "no-store");
    return view_send(res, status, &out, err);
}

/* ---- reading ---- */

static bool find_webhooks(struct request *req, const struct caller *who, const struct page *page,
                          struct webhook **items, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           webhook_list(db, who->workspace_id, page->cursor.id, page->limit + 1, req->mem, items,
                        count, err);
}

bool get_webhooks(struct request *req, const struct caller *who, struct response *res,
                  struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct webhook *items = NULL;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!page_read(req, ORDER_IDS, &page, err) ||
        !find_webhooks(req, who, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].id, req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_webhook(&listing.json, &items[i], false);
    return listing_send(&listing, next, res, err);
}

static bool find_webhook(struct request *req, const struct caller *who, struct webhook *out,
                         struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid id;

    return endpoint_id(req, &id, err) && database_read(req->app->database, &db, err) &&
           webhook_by_id(db, who->workspace_id, id, req->mem, out, err);
}

bool get_webhook(struct request *req, const struct caller *who, struct response *res,
                 struct error *err)
{
    struct webhook webhook;

    return find_webhook(req, who, &webhook, err) && answer_webhook(res, 200, &webhook, false, err);
}

/* ---- what is wanted ---- */

struct webhook_wish {
    struct member_value url, description, event_types, enabled, secret, rotate_secret;
};

/* ["upload.status", …] as text with commas, each once and known; an empty list is every type. */
static bool join_types(const json_t *list, struct arena *mem, const char **out, struct error *err)
{
    const char *joined = "";
    event_types types = 0, one;
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(item);

        if (!name || !*name || strchr(name, ','))
            return error_tell(err, ERR_INVALID, "event_types must hold types of events");
        if (!event_types_parse(name, &one, err))
            return false;
        if (types & one)
            return error_tell(err, ERR_INVALID, "event_types holds a type twice");
        types |= one;
        joined = arena_printf(mem, "%s%s%s", joined, *joined ? "," : "", name);
    }
    *out = joined;
    return true;
}

/* The table of members knows no lists, so this one is looked at by itself. */
static bool take_types(struct request *req, json_t *body, struct webhook *webhook,
                       struct error *err)
{
    const json_t *list = json_object_get(body, "event_types");

    if (!list)
        return true;
    if (!json_is_array(list))
        return error_tell(err, ERR_INVALID, "event_types must be a list");
    if (!join_types(list, req->mem, &webhook->event_types, err))
        return false;
    json_object_del(body, "event_types");
    return true;
}

static bool take_url(struct request *req, const struct webhook_wish *wish, struct webhook *webhook,
                     struct error *err)
{
    if (!wish->url.given)
        return true;
    webhook->url = wish->url.text;
    return receivers_check(req->app->receivers, webhook->url, err);
}

static bool read_wish(struct request *req, json_t *body, bool is_new, struct webhook_wish *wish,
                      struct webhook *webhook, struct error *err)
{
    const struct member table[] = {
        {"url", MEMBER_TEXT, is_new, false, 1, WEBHOOK_URL_MAX, &wish->url},
        {"description", MEMBER_TEXT, false, false, 0, WEBHOOK_DESCRIPTION_MAX, &wish->description},
        {"enabled", MEMBER_BOOL, false, false, 0, 0, &wish->enabled},
        {"secret", MEMBER_TEXT, false, false, 1, WEBHOOK_SECRET_TEXT_SIZE, &wish->secret},
        /* The last: nothing is changed by being made. */
        {"rotate_secret", MEMBER_BOOL, false, false, 0, 0, &wish->rotate_secret},
    };

    if (!take_types(req, body, webhook, err) ||
        !members_take(body, table, COUNT_OF(table) - is_new, err) ||
        !take_url(req, wish, webhook, err))
        return false;
    if (wish->description.given)
        webhook->description = wish->description.text;
    if (wish->enabled.given)
        webhook->enabled = wish->enabled.yes;
    return true;
}

/* ---- making ---- */

struct making {
    struct idempotency once;
    struct webhook webhook;
    bool is_known; /* WEBHOOK is what the same request has made before */
    uint64_t most;
    struct arena *mem;
};

/* It is told of what happens from now on. */
static bool insert_new(struct db *tx, struct making *making, struct error *err)
{
    uint64_t count;

    if (!webhook_count(tx, making->webhook.workspace_id, &count, err))
        return false;
    if (count >= making->most)
        return error_tell(err, ERR_CONFLICT, "the workspace has as many webhooks as it may have");
    return event_last(tx, &making->webhook.from_sequence, err) &&
           webhook_insert(tx, &making->webhook, err);
}

static bool make_work(struct db *tx, void *context, struct error *err)
{
    struct making *making = context;
    struct uuid id;

    if (!idempotency_claim(tx, &making->once, &making->is_known, &id, err))
        return false;
    return making->is_known ? webhook_by_id(tx, making->webhook.workspace_id, id, making->mem,
                                            &making->webhook, err)
                            : insert_new(tx, making, err);
}

static bool choose_secret(struct request *req, const struct webhook_wish *wish,
                          struct webhook *webhook, struct error *err)
{
    if (wish->secret.given)
        return webhook_secret_parse(wish->secret.text, &webhook->secret, err);
    webhook_secret_make(req->app->random, &webhook->secret);
    return true;
}

bool post_webhooks(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct app *app = req->app;
    struct webhook_wish wish = {0};
    struct making making = {.most = app->settings.webhooks.workspace_max, .mem = req->mem};
    int64_t now_us = app_now_us(app);

    making.webhook = (struct webhook){.id = app_new_id(app),
                                      .workspace_id = who->workspace_id,
                                      .description = "",
                                      .event_types = "",
                                      .enabled = true,
                                      .created_at_us = now_us,
                                      .updated_at_us = now_us};
    if (!members_read(req, false, &body, err) ||
        !idempotent_entry(req, who, body, making.webhook.id, &making.once, err) ||
        !read_wish(req, body, true, &wish, &making.webhook, err) ||
        !choose_secret(req, &wish, &making.webhook, err) ||
        !database_write(app->database, make_work, &making, err))
        return false;
    if (making.is_known)
        return answer_webhook(res, 200, &making.webhook, false, err);
    watch_tell(app->webhook_changes);
    return answer_webhook(res, 201, &making.webhook, true, err);
}

/* ---- changing ---- */

struct changing {
    struct webhook webhook;
    bool begins; /* it was not enabled, and is now */
};

/* What happened while it was not enabled it is not told. */
static bool change_work(struct db *tx, void *context, struct error *err)
{
    struct changing *changing = context;

    return (!changing->begins || event_last(tx, &changing->webhook.from_sequence, err)) &&
           webhook_change(tx, &changing->webhook, err);
}

/* The one before signs too for a day, until all who check have the new one. */
static void rotate(struct webhook *webhook, int64_t now_us)
{
    webhook->previous_secret = webhook->secret;
    webhook->previous_secret_expires_at_us = now_us + PREVIOUS_SECRET_GOOD_US;
}

bool patch_webhook(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct app *app = req->app;
    struct webhook_wish wish = {0};
    struct changing changing;
    bool was_enabled, new_secret;

    if (!find_webhook(req, who, &changing.webhook, err) || !members_read(req, false, &body, err))
        return false;
    was_enabled = changing.webhook.enabled;
    if (!read_wish(req, body, false, &wish, &changing.webhook, err))
        return false;
    changing.begins = changing.webhook.enabled && !was_enabled;
    changing.webhook.updated_at_us = app_now_us(app);
    new_secret = wish.secret.given || (wish.rotate_secret.given && wish.rotate_secret.yes);
    if (new_secret) {
        rotate(&changing.webhook, changing.webhook.updated_at_us);
        if (!choose_secret(req, &wish, &changing.webhook, err))
            return false;
    }
    if (!database_write(app->database, change_work, &changing, err))
        return false;
    watch_tell(app->webhook_changes);
    return answer_webhook(res, 200, &changing.webhook, new_secret, err);
}

/* ---- removing ---- */

struct removal {
    struct uuid workspace_id;
    struct uuid id;
    int64_t now_us;
};

static bool remove_work(struct db *tx, void *context, struct error *err)
{
    const struct removal *removal = context;

    return webhook_remove(tx, removal->workspace_id, removal->id, removal->now_us, err);
}

bool delete_webhook(struct request *req, const struct caller *who, struct response *res,
                    struct error *err)
{
    struct removal removal = {.workspace_id = who->workspace_id, .now_us = app_now_us(req->app)};

    if (!endpoint_id(req, &removal.id, err) ||
        !database_write(req->app->database, remove_work, &removal, err))
        return false;
    watch_tell(req->app->webhook_changes);
    return response_empty(res, 204, err);
}
