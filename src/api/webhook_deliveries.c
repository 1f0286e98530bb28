/* What webhooks were told, and how it went; tests, and deliveries once more by hand. */
#include "api/lists.h"
#include "api/resources.h"
#include "catalog/delivery.h"
#include "catalog/webhook.h"
#include "service/watch.h"

#define ORDER_NEWEST "-id"
#define TEST_TYPE "webhook.test"

static void view_delivery(struct emitter *json, const struct delivery *delivery)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", delivery->id);
    emit_uuid(json, "webhook_id", delivery->webhook_id);
    if (delivery->event_sequence > 0)
        emit_int(json, "event_id", delivery->event_sequence);
    else
        emit_null(json, "event_id");
    emit_text(json, "event_type", delivery->event_type);
    emit_uuid_or_null(json, "upload_id", delivery->upload_id);
    emit_text(json, "status", delivery->status);
    emit_int(json, "attempts", delivery->attempts);
    emit_time(json, "next_attempt_at", delivery->next_attempt_at_us);
    emit_time(json, "last_attempt_at", delivery->last_attempt_at_us);
    emit_int(json, "duration_ms", delivery->duration_ms);
    if (delivery->response_status > 0)
        emit_int(json, "response_status", delivery->response_status);
    else
        emit_null(json, "response_status");
    emit_text(json, "error", delivery->error);
    emit_time(json, "created_at", delivery->created_at_us);
    emit_close_object(json);
}

static bool answer_delivery(struct response *res, const struct delivery *delivery,
                            struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_SMALL_BYTES);
    view_delivery(&json, delivery);
    return view_send(res, 202, &out, err);
}

/* ---- the log ---- */

static bool read_status(struct request *req, const char **out, struct error *err)
{
    static const char *const all[] = {DELIVERY_PENDING, DELIVERY_DELIVERED, DELIVERY_DEAD};
    const char *text = NULL;

    if (!request_query(req, "status", &text, err))
        return false;
    *out = "";
    for (size_t i = 0; text && i < COUNT_OF(all); i++)
        if (strcmp(text, all[i]) == 0)
            *out = all[i];
    return !text || **out ||
           error_tell(err, ERR_INVALID, "status must be pending, delivered or dead");
}

/* The webhook first: of another workspace's nothing is said. */
static bool find_deliveries(struct request *req, const struct caller *who, const struct page *page,
                            const char *status, struct delivery **items, size_t *count,
                            struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct webhook webhook;
    struct uuid id;

    return endpoint_id(req, &id, err) && database_read(req->app->database, &db, err) &&
           webhook_by_id(db, who->workspace_id, id, req->mem, &webhook, err) &&
           delivery_list(db, id, page->cursor.id, status, page->limit + 1, req->mem, items, count,
                         err);
}

bool get_webhook_deliveries(struct request *req, const struct caller *who, struct response *res,
                            struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct delivery *items = NULL;
    const char *status, *next = NULL;
    struct page page;
    size_t count = 0;

    if (!page_read(req, ORDER_NEWEST, &page, err) || !read_status(req, &status, err) ||
        !find_deliveries(req, who, &page, status, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_encode(&(struct cursor){.order = ORDER_NEWEST, .id = items[count - 1].id},
                             req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_delivery(&listing.json, &items[i]);
    return listing_send(&listing, next, res, err);
}

/* ---- by hand ---- */

struct again {
    struct app *app;
    struct arena *mem;
    struct uuid workspace_id;
    struct uuid webhook_id;
    struct uuid delivery_id;
    struct delivery delivery; /* result */
};

static int64_t retry_until_us(const struct app *app, int64_t now_us)
{
    return now_us + app->settings.webhooks.retry_for_us;
}

static bool again_work(struct db *tx, void *context, struct error *err)
{
    struct again *again = context;
    int64_t now_us = app_now_us(again->app);
    struct webhook webhook;

    return webhook_by_id(tx, again->workspace_id, again->webhook_id, again->mem, &webhook, err) &&
           delivery_again(tx, again->webhook_id, again->delivery_id, now_us,
                          retry_until_us(again->app, now_us), again->mem, err) &&
           delivery_by_id(tx, again->webhook_id, again->delivery_id, again->mem, &again->delivery,
                          err);
}

static bool test_work(struct db *tx, void *context, struct error *err)
{
    struct again *again = context;
    int64_t now_us = app_now_us(again->app);
    char lane[UUID_TEXT_SIZE];
    struct delivery test = {.id = again->delivery_id,
                            .webhook_id = again->webhook_id,
                            .event_type = TEST_TYPE,
                            .event_data = "{}",
                            .event_at_us = now_us,
                            .lane = lane,
                            .retry_until_us = retry_until_us(again->app, now_us),
                            .created_at_us = now_us};
    struct webhook webhook;

    uuid_format(test.id, lane);
    if (!webhook_by_id(tx, again->workspace_id, again->webhook_id, again->mem, &webhook, err))
        return false;
    if (!webhook.enabled)
        return error_tell(err, ERR_CONFLICT, "the webhook is not enabled");
    return delivery_insert(tx, &test, err) &&
           delivery_by_id(tx, again->webhook_id, test.id, again->mem, &again->delivery, err);
}

static bool run_again(struct request *req, db_work *work, struct again *again, struct response *res,
                      struct error *err)
{
    if (!database_write(req->app->database, work, again, err))
        return false;
    watch_tell(req->app->webhook_changes);
    return answer_delivery(res, &again->delivery, err);
}

static bool delivery_id_of(const struct request *req, struct uuid *out, struct error *err)
{
    return uuid_parse(str_from(request_param(req, "delivery_id")), out) ||
           error_tell(err, ERR_NOT_FOUND, "there is no such delivery");
}

bool post_redelivery(struct request *req, const struct caller *who, struct response *res,
                     struct error *err)
{
    struct again again = {.app = req->app, .mem = req->mem, .workspace_id = who->workspace_id};

    return endpoint_id(req, &again.webhook_id, err) &&
           delivery_id_of(req, &again.delivery_id, err) &&
           run_again(req, again_work, &again, res, err);
}

bool post_webhook_test(struct request *req, const struct caller *who, struct response *res,
                       struct error *err)
{
    struct again again = {.app = req->app,
                          .mem = req->mem,
                          .workspace_id = who->workspace_id,
                          .delivery_id = app_new_id(req->app)};

    return endpoint_id(req, &again.webhook_id, err) && run_again(req, test_work, &again, res, err);
}
