/*
 * Writes JSON into a buffer, member by member, without building a tree: a page of a hundred records
 * costs one pass. The caller nests objects and lists properly; commas are the writer's business.
 *
 * All functions write where they are; what does not fit sets the buffer's `overflow`.
 */
#ifndef API_JSON_H
#define API_JSON_H

#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"

struct json_writer {
    struct buf *out;
    bool comma; /* something stands before, on this level */
};

static inline struct json_writer json_writer_to(struct buf *out)
{
    return (struct json_writer){.out = out};
}

/* NAME is NULL inside a list and at the top; else the member's name, which needs no escaping. */
void json_open_object(struct json_writer *json, const char *name);
void json_close_object(struct json_writer *json);
void json_open_list(struct json_writer *json, const char *name);
void json_close_list(struct json_writer *json);

/* TEXT is UTF-8; NULL writes null. Control characters, quotes and backslashes are escaped. */
void json_text(struct json_writer *json, const char *name, const char *text);
void json_int(struct json_writer *json, const char *name, int64_t value);
void json_count(struct json_writer *json, const char *name, uint64_t value);
/* Thousandths as a decimal with exactly three places: 1500 is 1.500. */
void json_milli(struct json_writer *json, const char *name, int64_t thousandths);
void json_bool(struct json_writer *json, const char *name, bool value);
void json_null(struct json_writer *json, const char *name);
void json_uuid(struct json_writer *json, const char *name, struct uuid id);
/* The nil UUID writes null. */
void json_uuid_or_null(struct json_writer *json, const char *name, struct uuid id);
/* RFC 3339; 0 writes null. */
void json_time(struct json_writer *json, const char *name, int64_t time_us);
/* Lower-case hex of at most 32 bytes. */
void json_hex(struct json_writer *json, const char *name, const void *bytes, size_t length);
/* TEXT is JSON already; NULL writes an empty object. */
void json_raw(struct json_writer *json, const char *name, const char *text);

#endif
