/* GET /v1/events: what happens in a workspace, as it happens. */
#include "api/event_streams.h"
#include "api/resources.h"

static bool parse_id(const char *text, const char *name, struct event_wish *out, struct error *err)
{
    uint64_t number;

    if (!text)
        return true;
    if (!str_to_u64(str_trim(str_from(text)), INT64_MAX, &number))
        return error_tell(err, ERR_INVALID, "%s must be the id of an event", name);
    out->continues = true;
    out->after = (int64_t)number;
    return true;
}

/* The header comes from a client that comes back, and is newer than what stands in its address. */
static bool read_after(struct request *req, struct event_wish *out, struct error *err)
{
    const char *header = request_header(req, "Last-Event-ID");
    const char *query = NULL;

    if (!request_query(req, "last_event_id", &query, err))
        return false;
    if (header && *header)
        return parse_id(header, "Last-Event-ID", out, err);
    return parse_id(query, "last_event_id", out, err);
}

static bool read_filter(struct request *req, struct event_wish *out, struct error *err)
{
    const char *upload_id = NULL, *types = NULL;

    if (!request_query(req, "upload_id", &upload_id, err) ||
        !request_query(req, "types", &types, err))
        return false;
    if (upload_id && !uuid_parse(str_from(upload_id), &out->upload_id))
        return error_tell(err, ERR_INVALID, "upload_id must be a UUID");
    return event_types_parse(types, &out->types, err);
}

bool get_events(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    struct event_wish wish = {.workspace_id = who->workspace_id, .token_id = who->token_id};
    scoped(feed_release) struct feed *feed = NULL;

    if (!read_after(req, &wish, err) || !read_filter(req, &wish, err) ||
        !event_streams_open(req->app->streams, &wish, &feed, err))
        return false;
    response_header(res, "Content-Type", "text/event-stream");
    response_header(res, "Cache-Control", "no-store");
    response_header(res, "X-Accel-Buffering", "no"); /* nginx would hold small events back */
    if (!response_feed(res, feed, err))
        return false;
    (void)take(feed); /* the layer's, or freed already */
    return true;
}
