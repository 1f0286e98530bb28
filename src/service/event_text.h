/*
 * An event as those who watch read it: one line of JSON, the same in streams and in webhooks.
 *
 *   {"id":7,"type":"upload.status","timestamp":"…","workspace_id":"…","data":{…}}
 */
#ifndef SERVICE_EVENT_TEXT_H
#define SERVICE_EVENT_TEXT_H

#include "base/buf.h"
#include "catalog/event.h"

/* All of these fail if OUT has no room for the whole; its `overflow` is then set, and what was
 * added is the caller's to take away. */

/* The object that is an event's data: ids, the old and the new status, the error's code. */
bool event_data(struct buf *out, const struct event *event);
/* The line. A sequence of 0 gives an id of null. DATA is an object as event_data writes it. */
bool event_line(struct buf *out, int64_t sequence, const char *type, int64_t at_us,
                struct uuid workspace_id, const char *data);
/* Both. */
bool event_text(struct buf *out, const struct event *event);

#endif
