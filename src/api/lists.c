#include "api/lists.h"

#include <jansson.h>

#include "api/members.h"

#define CURSOR_MAX_BYTES 2048

const char *cursor_encode(const struct cursor *cursor, struct arena *mem)
{
    scoped(buf_release) struct buf text = {0};
    struct emitter json = emit_to(&text);
    char *out;

    buf_init(&text, CURSOR_MAX_BYTES);
    emit_open_object(&json, NULL);
    emit_text(&json, "sort", cursor->order);
    if (cursor->text)
        emit_text(&json, "value", cursor->text);
    else
        emit_int(&json, "value", cursor->number);
    emit_uuid(&json, "id", cursor->id);
    emit_close_object(&json);
    out = arena_alloc(mem, BASE64_SIZE(text.length));
    base64url_encode(text.bytes, text.length, out);
    return out;
}

const char *cursor_of_id(struct uuid id, struct arena *mem)
{
    return cursor_encode(&(struct cursor){.order = ORDER_IDS, .id = id}, mem);
}

static bool read_value(const json_t *value, struct arena *mem, struct cursor *out)
{
    if (json_is_string(value)) {
        out->text = arena_strdup(mem, json_string_value(value));
        return true;
    }
    out->number = json_integer_value(value);
    return json_is_integer(value);
}

static bool read_cursor(const json_t *root, const char *order, struct arena *mem,
                        struct cursor *out)
{
    const char *sort = json_string_value(json_object_get(root, "sort"));
    const char *id = json_string_value(json_object_get(root, "id"));

    return sort && strcmp(sort, order) == 0 && id && uuid_parse(str_from(id), &out->id) &&
           read_value(json_object_get(root, "value"), mem, out);
}

bool cursor_decode(const char *text, const char *order, struct arena *mem, struct cursor *out,
                   struct error *err)
{
    scoped(members_release) json_t *root = NULL;
    struct cursor cursor = {.order = order};
    char bytes[CURSOR_MAX_BYTES];
    size_t length = 0;

    if (base64url_decode(str_from(text), bytes, sizeof(bytes), &length))
        root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    if (!root || !read_cursor(root, order, mem, &cursor))
        return error_set(err, ERR_BAD_CURSOR, "cursor for %s", order);
    *out = cursor;
    return true;
}

bool page_read(struct request *req, const char *order, struct page *out, struct error *err)
{
    struct page page = {0};
    const char *cursor = NULL;
    uint64_t limit = 0;

    if (!request_query_number(req, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT_USUAL, &limit, err) ||
        !request_query(req, "cursor", &cursor, err))
        return false;
    page.limit = (size_t)limit;
    page.continued = cursor != NULL;
    if (cursor && !cursor_decode(cursor, order, req->mem, &page.cursor, err))
        return false;
    *out = page;
    return true;
}

void listing_open(struct listing *listing)
{
    buf_init(&listing->out, VIEW_PAGE_BYTES);
    listing->json = emit_to(&listing->out);
    emit_open_object(&listing->json, NULL);
    emit_open_list(&listing->json, "items");
}

bool listing_send(struct listing *listing, const char *next, struct response *res,
                  struct error *err)
{
    emit_close_list(&listing->json);
    emit_text(&listing->json, "next_cursor", next);
    emit_close_object(&listing->json);
    return view_send(res, 200, &listing->out, err);
}
