#include "api/lists.h"
#include "api/resources.h"
#include "catalog/usage.h"

static bool find_usage(struct request *req, const struct caller *who, const struct page *page,
                       struct usage **items, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           usage_list(db, who->workspace_id, page->cursor.id, page->limit + 1, req->mem, items,
                      count, err);
}

bool get_usage(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct usage *items = NULL;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!page_read(req, ORDER_IDS, &page, err) || !find_usage(req, who, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].workspace_id, req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_usage(&listing.json, &items[i]);
    return listing_send(&listing, next, res, err);
}
