#include "service/event_text.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* ---- members ---- */

/* TEXT is UTF-8; NULL writes null. */
static void add_text(struct buf *out, const char *name, const char *text)
{
    bool is_first = out->length > 0 && out->bytes[out->length - 1] == '{';

    buf_printf(out, "%s\"%s\":%s", is_first ? "" : ",", name, text ? "\"" : "null");
    for (; text && *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte < 0x20)
            buf_printf(out, "\\u%04x", byte);
        else
            buf_printf(out, "%s%c", byte == '"' || byte == '\\' ? "\\" : "", byte);
    }
    if (text)
        buf_add_text(out, "\"");
}

static void add_id(struct buf *out, const char *name, struct uuid id)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(id, text);
    add_text(out, name, uuid_is_nil(id) ? NULL : text);
}

static bool is_of(const struct event *event, const char *noun)
{
    return str_starts_with(str_from(event->type), noun);
}

/* ---- events ---- */

static void add_subject(struct buf *out, const struct event *event)
{
    if (is_of(event, "chunk.")) {
        add_id(out, "chunk_id", event->subject_id);
        buf_printf(out, ",\"chunk_index\":%s", event->subject);
    } else if (is_of(event, "job.")) {
        add_id(out, "job_id", event->subject_id);
        add_text(out, "kind", event->subject);
    } else if (!event->old_status) {
        add_id(out, "duplicate_of", event->subject_id);
    }
}

bool event_data(struct buf *out, const struct event *event)
{
    buf_add_text(out, "{");
    add_id(out, "upload_id", event->upload_id);
    add_subject(out, event);
    add_text(out, "old_status", event->old_status);
    add_text(out, "status", event->status);
    add_text(out, "error_code", event->error_code);
    return buf_add_text(out, "}") && !out->overflow;
}

/* Up to its data. */
static void add_head(struct buf *out, int64_t sequence, const char *type, int64_t at_us,
                     struct uuid workspace_id)
{
    char id[24] = "null", workspace[UUID_TEXT_SIZE], at[TIME_RFC3339_SIZE];

    if (sequence > 0)
        snprintf(id, sizeof id, "%lld", (long long)sequence);
    uuid_format(workspace_id, workspace);
    time_to_rfc3339(at_us, at);
    buf_printf(out,
               "{\"id\":%s,\"type\":\"%s\",\"timestamp\":\"%s\",\"workspace_id\":\"%s\","
               "\"data\":",
               id, type, at, workspace);
}

bool event_line(struct buf *out, int64_t sequence, const char *type, int64_t at_us,
                struct uuid workspace_id, const char *data)
{
    add_head(out, sequence, type, at_us, workspace_id);
    return buf_printf(out, "%s}", data) && !out->overflow;
}

bool event_text(struct buf *out, const struct event *event)
{
    add_head(out, event->sequence, event->type, event->created_at_us, event->workspace_id);
    return event_data(out, event) && buf_add_text(out, "}");
}
