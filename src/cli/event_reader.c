#include "cli/event_reader.h"

#include <string.h>

#include "base/str.h"

#define LINE_MAX_BYTES ((size_t)1024 * 1024)
#define RETRY_MAX_MS (60 * 1000)

static bool too_long(struct error *err)
{
    return error_tell(err, ERR_INTERNAL, "the server sent an event that is too long");
}

static void copy_id(const char *from, char to[static EVENT_ID_SIZE])
{
    memcpy(to, from, EVENT_ID_SIZE);
}

/* An id is a number; what is none is left out, as what stands in it would go into a header. */
static void take_id(struct event_reader *reader, struct str value)
{
    uint64_t number;

    if (value.len >= EVENT_ID_SIZE || !str_to_u64(value, UINT64_MAX, &number))
        return;
    memcpy(reader->next_id, value.ptr, value.len);
    reader->next_id[value.len] = '\0';
}

static void take_retry(struct event_reader *reader, struct str value)
{
    uint64_t ms;

    if (str_to_u64(value, UINT64_MAX, &ms))
        reader->retry_ms = ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

/* Lines of data are joined by line ends. */
static bool take_data(struct event_reader *reader, struct str value)
{
    return (reader->data.length == 0 || buf_add_text(&reader->data, "\n")) &&
           buf_add(&reader->data, value.ptr, value.len);
}

static bool take_field(struct event_reader *reader, struct str line, struct error *err)
{
    struct str value = line, name;

    str_split(&value, ':', &name);
    if (value.len > 0 && *value.ptr == ' ')
        value = (struct str){value.ptr + 1, value.len - 1};
    if (str_equal_text(name, "id"))
        take_id(reader, value);
    else if (str_equal_text(name, "retry"))
        take_retry(reader, value);
    else if (str_equal_text(name, "data"))
        return take_data(reader, value) || too_long(err);
    else if (str_equal_text(name, "event")) {
        buf_clear(&reader->type);
        return buf_add(&reader->type, value.ptr, value.len) || too_long(err);
    }
    return true;
}

static bool give_event(struct event_reader *reader, struct error *err)
{
    json_t *event = json_loadb(reader->data.bytes, reader->data.length, 0, NULL);
    bool goes_on;

    if (!event)
        return error_tell(err, ERR_INTERNAL, "the server sent an event that is no JSON");
    goes_on = reader->each(reader->context,
                           reader->type.length > 0 ? reader->type.bytes : "message", event, err);
    json_decref(event);
    return goes_on;
}

/* The empty line behind a block. Its id counts even if nothing stands in it. */
static bool end_block(struct event_reader *reader, struct error *err)
{
    bool goes_on = true;

    copy_id(reader->next_id, reader->last_id);
    if (reader->data.length > 0)
        goes_on = give_event(reader, err);
    buf_clear(&reader->type);
    buf_clear(&reader->data);
    return goes_on;
}

static bool end_line(struct event_reader *reader, struct error *err)
{
    struct str line = {reader->line.bytes, reader->line.length};
    bool goes_on = true;

    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0)
        goes_on = end_block(reader, err);
    else if (*line.ptr != ':') /* a comment */
        goes_on = take_field(reader, line, err);
    buf_clear(&reader->line);
    return goes_on;
}

static bool take_bytes(struct sink *self, const void *bytes, size_t size, struct error *err)
{
    struct event_reader *reader = container_of(self, struct event_reader, base);
    const char *at = bytes, *end = at + size;

    while (at < end) {
        const char *mark = memchr(at, '\n', (size_t)(end - at));

        if (!buf_add(&reader->line, at, (size_t)((mark ? mark : end) - at)))
            return too_long(err);
        if (mark && !end_line(reader, err))
            return false;
        at = mark ? mark + 1 : end;
    }
    return true;
}

void event_reader_init(struct event_reader *reader)
{
    *reader = (struct event_reader){.base.write = take_bytes};
    buf_init(&reader->line, LINE_MAX_BYTES);
    buf_init(&reader->type, LINE_MAX_BYTES);
    buf_init(&reader->data, LINE_MAX_BYTES);
}

void event_reader_done(struct event_reader *reader)
{
    buf_done(&reader->line);
    buf_done(&reader->type);
    buf_done(&reader->data);
}

void event_reader_restart(struct event_reader *reader)
{
    buf_clear(&reader->line);
    buf_clear(&reader->type);
    buf_clear(&reader->data);
    copy_id(reader->last_id, reader->next_id);
}
