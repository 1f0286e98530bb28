#include "jobs/webhook_fan_out.h"

#include "catalog/delivery.h"
#include "catalog/event.h"
#include "catalog/webhook.h"
#include "service/event_text.h"
#include "service/node.h"

#define EVENTS_AT_ONCE 200 /* others write as well */
#define WEBHOOKS_MAX 10000
#define DATA_MAX_BYTES ((size_t)64 * 1024)

struct listener {
    const struct webhook *webhook;
    event_types types;
};

/* Types that this program does not know any more are not told. */
static struct listener *listeners_of(const struct webhook *webhooks, size_t count,
                                     struct arena *mem)
{
    struct listener *list = arena_array(mem, count, sizeof *list);
    struct error ignored;

    for (size_t i = 0; i < count; i++) {
        list[i].webhook = &webhooks[i];
        if (!event_types_parse(webhooks[i].event_types, &list[i].types, &ignored))
            list[i].types = ~(event_types)0 << 31;
    }
    return list;
}

static bool wants(const struct listener *listener, const struct event *event)
{
    return uuid_equal(listener->webhook->workspace_id, event->workspace_id) &&
           event->sequence > listener->webhook->from_sequence &&
           event_types_hold(listener->types, event->type);
}

static bool insert(struct db *tx, const struct app *app, const struct webhook *webhook,
                   const struct event *event, const char *data, struct error *err)
{
    int64_t now_us = app_now_us(app);
    char lane[UUID_TEXT_SIZE];
    struct delivery delivery = {.id = app_new_id(app),
                                .webhook_id = webhook->id,
                                .workspace_id = event->workspace_id,
                                .upload_id = event->upload_id,
                                .event_sequence = event->sequence,
                                .event_type = event->type,
                                .event_data = data,
                                .event_at_us = event->created_at_us,
                                .lane = lane,
                                .retry_until_us = now_us + app->settings.webhooks.retry_for_us,
                                .created_at_us = now_us};

    uuid_format(event->upload_id, lane);
    return delivery_insert(tx, &delivery, err);
}

/* Where to begin: nobody is told of what came before the first of them was made. */
static int64_t start_of(const struct webhook *webhooks, size_t count, int64_t position)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < count; i++)
        if (webhooks[i].from_sequence < first)
            first = webhooks[i].from_sequence;
    return count > 0 && first > position ? first : position;
}

/* The event may be gone before it is sent: its data is written down. */
static bool tell(struct db *tx, struct fan_out *fan_out, const struct listener *listeners,
                 size_t listener_count, const struct event *event, struct error *err)
{
    scoped(buf_release) struct buf data = {0};

    buf_init(&data, DATA_MAX_BYTES);
    for (size_t i = 0; i < listener_count; i++) {
        if (!wants(&listeners[i], event))
            continue;
        if (data.length == 0 && !event_data(&data, event))
            return error_set(err, ERR_INTERNAL, "an event's data is too long");
        if (!insert(tx, fan_out->app, listeners[i].webhook, event, data.bytes, err))
            return false;
        fan_out->deliveries++;
    }
    return true;
}

bool webhook_fan_out(struct db *tx, void *context, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct fan_out *fan_out = context;
    struct webhook *webhooks = NULL;
    struct event *events = NULL;
    size_t webhook_count = 0, event_count = 0;
    struct listener *listeners;

    fan_out->deliveries = 0;
    if (!node_must_have(tx, fan_out->app, DUTY_WEBHOOKS, err) ||
        !webhook_list_enabled(tx, WEBHOOKS_MAX, mem, &webhooks, &webhook_count, err) ||
        !event_delivered(tx, &fan_out->position, err))
        return false;
    fan_out->position = start_of(webhooks, webhook_count, fan_out->position);
    if (!event_list(tx, fan_out->position, EVENTS_AT_ONCE, mem, &events, &event_count, err))
        return false;
    listeners = listeners_of(webhooks, webhook_count, mem);
    for (size_t i = 0; i < event_count; i++) {
        if (!tell(tx, fan_out, listeners, webhook_count, &events[i], err))
            return false;
        fan_out->position = events[i].sequence;
    }
    /* Those that are left may all have been removed. */
    if (event_count == 0 && !event_last(tx, &fan_out->position, err))
        return false;
    return event_set_delivered(tx, fan_out->position, err);
}
