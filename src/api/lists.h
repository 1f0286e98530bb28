/* Pages: how many items, from where, and the frame {"items": […], "next_cursor": …}. */
#ifndef API_LISTS_H
#define API_LISTS_H

#include "api/emit.h"
#include "api/views.h"
#include "http/request.h"

#define LIST_LIMIT_USUAL 100
#define LIST_LIMIT_MAX 1000

/* Where a page ends: what a cursor says, sealed only by being checked when it comes back. */
struct cursor {
    const char *order; /* what the list is sorted by: a cursor holds for one order alone */
    int64_t number;
    const char *text; /* NULL: sorted by NUMBER */
    struct uuid id;
};

/* base64url of JSON, in MEM. */
const char *cursor_encode(const struct cursor *cursor, struct arena *mem);
/* Fails with ERR_BAD_CURSOR if TEXT is not what cursor_encode gave for ORDER. */
bool cursor_decode(const char *text, const char *order, struct arena *mem, struct cursor *out,
                   struct error *err);

/* Most lists are in the order of their ids, which is the order of making. */
#define ORDER_IDS "id"
const char *cursor_of_id(struct uuid id, struct arena *mem);

struct page {
    size_t limit;
    bool continued;       /* CURSOR is set */
    struct cursor cursor; /* all zero where the list begins */
};

/* Reads ?limit= and ?cursor=. Fails with ERR_INVALID and ERR_BAD_CURSOR. */
bool page_read(struct request *req, const char *order, struct page *out, struct error *err);

/* A list being written. Most lists ask the catalog for one item more than LIMIT, to know if there
 * is a next page. */
struct listing {
    struct buf out;
    struct emitter json;
};
void listing_open(struct listing *listing);
/* NEXT is NULL after the last page. */
bool listing_send(struct listing *listing, const char *next, struct response *res,
                  struct error *err);
static inline void listing_release(struct listing *listing)
{
    buf_done(&listing->out);
}

#endif
