/*
 * Reads the server's stream of events (GET /v1/events), in the format of the WHATWG's EventSource
 * (HTML standard, section 9.2), as a sink for its bytes. Knows nothing of connections.
 */
#ifndef CLI_EVENT_READER_H
#define CLI_EVENT_READER_H

#include <jansson.h>

#include "base/buf.h"
#include "base/stream.h"

#define EVENT_ID_SIZE 24

struct event_reader {
    struct sink base;
    /* Takes one event, of TYPE, and says whether to go on: with an error in ERR or without. */
    bool (*each)(void *context, const char *type, const json_t *event, struct error *err);
    void *context;
    char last_id[EVENT_ID_SIZE]; /* of the last block that came whole; "": none yet */
    uint64_t retry_ms;           /* what the server says of coming back; 0: nothing yet */

    /* Of the block that is coming: */
    struct buf line; /* without its end, which has not come */
    struct buf type;
    struct buf data;
    char next_id[EVENT_ID_SIZE];
};

void event_reader_init(struct event_reader *reader);
void event_reader_done(struct event_reader *reader);
static inline void event_reader_release(struct event_reader *reader)
{
    event_reader_done(reader);
}
/* The connection broke: what has come of a block is worth nothing. */
void event_reader_restart(struct event_reader *reader);

#endif
