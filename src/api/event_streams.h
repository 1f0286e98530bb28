/*
 * Streams of events that are open (GET /v1/events), in the format of the WHATWG's EventSource.
 *
 * They are feeds of the HTTP layer: one thread writes them all. What is new is read from the log
 * once for all of them; a stream that lies further back reads for itself until it has caught up.
 */
#ifndef API_EVENT_STREAMS_H
#define API_EVENT_STREAMS_H

#include "catalog/event.h"
#include "http/feed.h"
#include "service/app.h"

struct event_streams;

struct event_streams *event_streams_new(struct app *app);
/* All streams have ended. */
void event_streams_free(struct event_streams *streams);
DEFINE_RELEASE(event_streams, struct event_streams)

struct event_wish {
    struct uuid workspace_id;
    struct uuid token_id;  /* the stream ends when it is no longer good */
    struct uuid upload_id; /* nil: events of all */
    event_types types;
    bool continues; /* behind AFTER, else with what happens from now on */
    int64_t after;
};

/* Opens one. *OUT is the caller's until response_feed takes it. Fails with ERR_TOO_MANY if as many
 * are open as may be. */
bool event_streams_open(struct event_streams *streams, const struct event_wish *wish,
                        struct feed **out, struct error *err);
/* How many are open. */
uint64_t event_streams_count(struct event_streams *streams);

#endif
