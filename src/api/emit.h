/*
 * Writes JSON into a buffer, member by member, without building a tree: a page of a hundred records
 * costs one pass. The caller nests objects and lists properly; commas are the writer's business.
 *
 * All functions write where they are; what does not fit sets the buffer's `overflow`.
 */
#ifndef API_EMIT_H
#define API_EMIT_H

#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"

struct emitter {
    struct buf *out;
    bool comma; /* something stands before, on this level */
};

static inline struct emitter emit_to(struct buf *out)
{
    return (struct emitter){.out = out};
}

/* NAME is NULL inside a list and at the top; else the member's name, which needs no escaping. */
void emit_open_object(struct emitter *json, const char *name);
void emit_close_object(struct emitter *json);
void emit_open_list(struct emitter *json, const char *name);
void emit_close_list(struct emitter *json);

/* TEXT is UTF-8; NULL writes null. Control characters, quotes and backslashes are escaped. */
void emit_text(struct emitter *json, const char *name, const char *text);
void emit_int(struct emitter *json, const char *name, int64_t value);
void emit_count(struct emitter *json, const char *name, uint64_t value);
/* Thousandths as a decimal with exactly three places: 1500 is 1.500. */
void emit_milli(struct emitter *json, const char *name, int64_t thousandths);
void emit_bool(struct emitter *json, const char *name, bool value);
void emit_null(struct emitter *json, const char *name);
void emit_uuid(struct emitter *json, const char *name, struct uuid id);
/* The nil UUID writes null. */
void emit_uuid_or_null(struct emitter *json, const char *name, struct uuid id);
/* RFC 3339; 0 writes null. */
void emit_time(struct emitter *json, const char *name, int64_t time_us);
/* Lower-case hex of at most 32 bytes. */
void emit_hex(struct emitter *json, const char *name, const void *bytes, size_t length);
/* TEXT is JSON already; NULL writes an empty object. */
void emit_raw(struct emitter *json, const char *name, const char *text);

#endif
