/* Lists about uploads: the uploads themselves, the history of one, its chunks. */
#include "api/lists.h"
#include "api/resources.h"
#include "catalog/upload_list.h"

struct upload_query {
    struct upload_filter filter;
    const char *sort; /* as asked for: the cursor holds for it alone */
    enum upload_order order;
    bool descending;
    struct page page;
};

static bool read_status(struct request *req, struct upload_filter *out, struct error *err)
{
    const char *text = NULL;

    if (!request_query(req, "status", &text, err))
        return false;
    out->has_status = text != NULL;
    if (text && !upload_status_parse(text, &out->status))
        return error_tell(err, ERR_INVALID, "status is not one that an upload can have");
    return true;
}

/* Digests are kept in lower case. */
static bool read_sha256(struct request *req, struct upload_filter *out, struct error *err)
{
    uint8_t bytes[32];
    const char *text = NULL;
    char *lower;

    if (!request_query(req, "sha256", &text, err))
        return false;
    if (!text)
        return true;
    if (!hex_decode(str_from(text), bytes, sizeof(bytes)))
        return error_tell(err, ERR_INVALID, "sha256 must be 64 hexadecimal digits");
    lower = arena_alloc(req->mem, HEX_SIZE(sizeof(bytes)));
    hex_encode(bytes, sizeof(bytes), lower);
    out->sha256 = lower;
    return true;
}

static bool read_moment(struct request *req, const char *name, int64_t *out, struct error *err)
{
    const char *text = NULL;

    if (!request_query(req, name, &text, err))
        return false;
    if (text && !time_from_rfc3339(str_from(text), out))
        return error_tell(err, ERR_INVALID, "%s must be a time of RFC 3339", name);
    return true;
}

static bool read_filter(struct request *req, struct upload_filter *out, struct error *err)
{
    return read_status(req, out, err) && read_sha256(req, out, err) &&
           request_query(req, "file_type", &out->file_type, err) &&
           request_query(req, "q", &out->name_contains, err) &&
           read_moment(req, "uploaded_after", &out->uploaded_after_us, err) &&
           read_moment(req, "uploaded_before", &out->uploaded_before_us, err);
}

static bool read_sort(struct request *req, struct upload_query *out, struct error *err)
{
    static const char *const names[] = {[UPLOAD_BY_TIME] = "uploaded_at",
                                        [UPLOAD_BY_SIZE] = "file_size",
                                        [UPLOAD_BY_DURATION] = "duration",
                                        [UPLOAD_BY_NAME] = "original_filename"};
    const char *text = NULL;

    if (!request_query(req, "sort", &text, err))
        return false;
    out->sort = text ? text : "-uploaded_at";
    out->descending = *out->sort == '-';
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(out->sort + out->descending, names[i]) == 0) {
            out->order = (enum upload_order)i;
            return true;
        }
    return error_tell(err, ERR_INVALID,
                      "sort must be uploaded_at, file_size, duration or "
                      "original_filename, with - before it for descending");
}

static bool read_query(struct request *req, struct upload_query *out, struct error *err)
{
    return read_filter(req, &out->filter, err) && read_sort(req, out, err) &&
           page_read(req, out->sort, &out->page, err);
}

/* A cursor holds text where, and only where, the order is by text. */
static bool find_position(const struct upload_query *query, struct upload_position *out,
                          struct error *err)
{
    const struct cursor *cursor = &query->page.cursor;

    if (!query->page.continued)
        return true;
    if ((cursor->text != NULL) != (query->order == UPLOAD_BY_NAME))
        return error_set(err, ERR_BAD_CURSOR, "cursor with another kind of value");
    *out = (struct upload_position){
        .set = true, .number = cursor->number, .name = cursor->text, .id = cursor->id};
    return true;
}

/* NULL behind the last page. */
static const char *next_cursor(const struct upload_query *query, const struct upload_position *next,
                               struct arena *mem)
{
    struct cursor cursor = {.order = query->sort, .number = next->number, .id = next->id};

    if (query->order == UPLOAD_BY_NAME)
        cursor.text = next->name;
    return next->set ? cursor_encode(&cursor, mem) : NULL;
}

static bool find_uploads(struct request *req, const struct caller *who,
                         const struct upload_query *query, struct upload **items, size_t *count,
                         struct upload_position *next, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct upload_position position = {0};

    return find_position(query, &position, err) && database_read(req->app->database, &db, err) &&
           upload_list(db, who->workspace_id, &query->filter, query->order, query->descending,
                       &position, query->page.limit, req->mem, items, count, next, err);
}

bool get_uploads(struct request *req, const struct caller *who, struct response *res,
                 struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct upload_query query = {0};
    struct upload *items = NULL;
    struct upload_position next = {0};
    size_t count = 0;

    if (!read_query(req, &query, err) ||
        !find_uploads(req, who, &query, &items, &count, &next, err))
        return false;
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_upload(&listing.json, NULL, &items[i]);
    return listing_send(&listing, next_cursor(&query, &next, req->mem), res, err);
}

/* The connection to the catalog goes back before anything is sent: clients may be slow. */
static bool find_history(struct request *req, const struct caller *who, const struct upload *upload,
                         const struct page *page, struct history_entry **items, size_t *count,
                         struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           history_list(db, who->workspace_id, upload->id, page->cursor.id, page->limit + 1,
                        req->mem, items, count, err);
}

bool get_upload_history(struct request *req, const struct caller *who, struct response *res,
                        struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct history_entry *items = NULL;
    struct upload upload;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!endpoint_upload(req, who, &upload, err) || !page_read(req, ORDER_IDS, &page, err) ||
        !find_history(req, who, &upload, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].id, req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_history(&listing.json, &items[i]);
    return listing_send(&listing, next, res, err);
}

#define ORDER_CHUNKS "chunk_index"

/* The index that the page begins with. */
static bool read_chunk_page(struct request *req, struct page *out, uint32_t *from,
                            struct error *err)
{
    if (!page_read(req, ORDER_CHUNKS, out, err))
        return false;
    if (out->cursor.text || out->cursor.number < 0 || out->cursor.number > UINT32_MAX)
        return error_set(err, ERR_BAD_CURSOR, "cursor of chunks");
    *from = (uint32_t)out->cursor.number;
    return true;
}

static bool find_chunks(struct request *req, const struct upload *upload, uint32_t from,
                        size_t limit, struct chunk **items, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           chunk_list(db, upload->id, from, limit, req->mem, items, count, err);
}

bool get_upload_chunks(struct request *req, const struct caller *who, struct response *res,
                       struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct chunk *items = NULL;
    struct upload upload;
    const char *next = NULL;
    uint32_t from = 0;
    struct page page;
    size_t count = 0;

    if (!endpoint_upload(req, who, &upload, err) || !read_chunk_page(req, &page, &from, err) ||
        !find_chunks(req, &upload, from, page.limit + 1, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_encode(&(struct cursor){.order = ORDER_CHUNKS,
                                              .number = items[count].chunk_index,
                                              .id = items[count].id},
                             req->mem);
    }
    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_chunk(&listing.json, &items[i]);
    return listing_send(&listing, next, res, err);
}
