#include "catalog/upload_list.h"

#include <ctype.h>
#include <string.h>

#include "catalog/rows.h"
#include "catalog/upload_row.h"

/* Behind every name that can be: names have at most 500 bytes, and none sorts behind U+10FFFF. */
#define LAST_CHARACTER "\xf4\x8f\xbf\xbf"
#define LAST_REPEATED 126

/* What audio_uploads.duration_order has for those without a duration. */
#define DURATION_UNKNOWN_MS (-1000)

/* What a page walks along: one of the orders, or what is of one content or status, in the order of
 * time. */
enum walk {
    WALK_BY_TIME = UPLOAD_BY_TIME,
    WALK_BY_SIZE = UPLOAD_BY_SIZE,
    WALK_BY_DURATION = UPLOAD_BY_DURATION,
    WALK_BY_NAME = UPLOAD_BY_NAME,
    WALK_CONTENT,
    WALK_STATUS,
};

static const enum sql_id pages[][2] = {
    [WALK_BY_TIME] = {SQL_UPLOAD_LIST_BY_TIME_ASCENDING, SQL_UPLOAD_LIST_BY_TIME_DESCENDING},
    [WALK_BY_SIZE] = {SQL_UPLOAD_LIST_BY_SIZE_ASCENDING, SQL_UPLOAD_LIST_BY_SIZE_DESCENDING},
    [WALK_BY_DURATION] = {SQL_UPLOAD_LIST_BY_DURATION_ASCENDING,
                          SQL_UPLOAD_LIST_BY_DURATION_DESCENDING},
    [WALK_BY_NAME] = {SQL_UPLOAD_LIST_BY_NAME_ASCENDING, SQL_UPLOAD_LIST_BY_NAME_DESCENDING},
    [WALK_CONTENT] = {SQL_UPLOAD_LIST_BY_CONTENT_ASCENDING, SQL_UPLOAD_LIST_BY_CONTENT_DESCENDING},
    [WALK_STATUS] = {SQL_UPLOAD_LIST_BY_STATUS_ASCENDING, SQL_UPLOAD_LIST_BY_STATUS_DESCENDING},
};
/* Of one content are few: there is none for it. */
static const enum sql_id ends[][2] = {
    [WALK_BY_TIME] = {SQL_UPLOAD_END_BY_TIME_ASCENDING, SQL_UPLOAD_END_BY_TIME_DESCENDING},
    [WALK_BY_SIZE] = {SQL_UPLOAD_END_BY_SIZE_ASCENDING, SQL_UPLOAD_END_BY_SIZE_DESCENDING},
    [WALK_BY_DURATION] = {SQL_UPLOAD_END_BY_DURATION_ASCENDING,
                          SQL_UPLOAD_END_BY_DURATION_DESCENDING},
    [WALK_BY_NAME] = {SQL_UPLOAD_END_BY_NAME_ASCENDING, SQL_UPLOAD_END_BY_NAME_DESCENDING},
    [WALK_STATUS] = {SQL_UPLOAD_END_BY_STATUS_ASCENDING, SQL_UPLOAD_END_BY_STATUS_DESCENDING},
};

struct query {
    struct uuid workspace_id;
    const struct upload_filter *filter;
    enum upload_order order;
    bool descending;
    enum walk walk;
    struct upload_position from, to;
    size_t limit;
};

static const char *lower(const char *text, struct arena *mem)
{
    char *copy = arena_strdup(mem, text);

    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p < 0x80)
            *p = (char)tolower((unsigned char)*p);
    return copy;
}

static const char *last_name(struct arena *mem)
{
    char *name = arena_alloc(mem, LAST_REPEATED * strlen(LAST_CHARACTER) + 1);

    for (int i = 0; i < LAST_REPEATED; i++)
        memcpy(name + (size_t)i * strlen(LAST_CHARACTER), LAST_CHARACTER, strlen(LAST_CHARACTER));
    return name;
}

/* Before all rows, or behind them. */
static struct upload_position beginning(enum upload_order order, bool descending, struct arena *mem)
{
    struct upload_position position = {.number = descending ? INT64_MAX : INT64_MIN};

    if (order == UPLOAD_BY_DURATION) /* becomes seconds: no need to be exact, but to be in range */
        position.number /= 2;
    if (order == UPLOAD_BY_NAME)
        position.name = descending ? last_name(mem) : "";
    memset(position.id.bytes, descending ? 0xff : 0, sizeof position.id.bytes);
    return position;
}

/* The index by status leaves out those that are done, being most. */
static enum walk choose_walk(const struct upload_filter *filter, enum upload_order order)
{
    if (order == UPLOAD_BY_TIME && filter->sha256)
        return WALK_CONTENT;
    if (order == UPLOAD_BY_TIME && filter->has_status && filter->status != UPLOAD_COMPLETED)
        return WALK_STATUS;
    return (enum walk)order;
}

/* What is walked along and not wanted may be all there is. */
static bool may_be_far(const struct query *query)
{
    const struct upload_filter *filter = query->filter;

    if (query->walk == WALK_CONTENT)
        return false;
    if (filter->file_type || filter->name_contains)
        return true;
    if (query->order == UPLOAD_BY_TIME)
        return filter->has_status && query->walk != WALK_STATUS;
    return filter->has_status || filter->sha256 || filter->uploaded_after_us ||
           filter->uploaded_before_us;
}

static struct upload_position moment(int64_t at_us, uint8_t id_byte)
{
    struct upload_position position = {.set = true, .number = at_us};

    memset(position.id.bytes, id_byte, sizeof position.id.bytes);
    return position;
}

/* Along the time, the bounds of the filter are where the walk can begin and end. */
static void keep_to_bounds(struct query *query)
{
    int64_t after = query->filter->uploaded_after_us, before = query->filter->uploaded_before_us;
    struct upload_position *first = query->descending ? &query->to : &query->from;
    struct upload_position *last = query->descending ? &query->from : &query->to;

    if (after > first->number)
        *first = moment(after, 0xff);
    if (before != 0 && before < last->number)
        *last = moment(before, 0);
}

static struct db_value position_value(enum upload_order order,
                                      const struct upload_position *position)
{
    switch (order) {
    case UPLOAD_BY_NAME:
        return db_text(position->name);
    case UPLOAD_BY_DURATION:
        return db_milli(position->number);
    case UPLOAD_BY_TIME:
        return db_time(position->number);
    default:
        return db_int(position->number);
    }
}

static struct upload_position read_position(const struct db_rows *rows, enum upload_order order,
                                            struct arena *mem)
{
    struct upload_position position = {.set = true, .id = db_column_uuid(rows, 1)};

    switch (order) {
    case UPLOAD_BY_NAME:
        position.name = db_column_text(rows, 0, mem);
        break;
    case UPLOAD_BY_DURATION:
        position.number = db_column_milli(rows, 0);
        break;
    case UPLOAD_BY_TIME:
        position.number = db_column_time(rows, 0);
        break;
    default:
        position.number = db_column_int(rows, 0);
    }
    return position;
}

/* Ends the walk at the last of the next UPLOAD_PAGE_LOOKS; *SHORTENED if there are so many. */
static bool find_end(struct db *db, struct query *query, struct arena *mem, bool *shortened,
                     struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct db_value args[] = {
        db_uuid(query->workspace_id),
        position_value(query->order, &query->from),
        db_uuid(query->from.id),
        position_value(query->order, &query->to),
        db_uuid(query->to.id),
        db_int(UPLOAD_PAGE_LOOKS - 1),
        db_text(upload_status_name(query->filter->status)),
    };
    size_t count = COUNT_OF(args) - (query->walk != WALK_STATUS);

    if (!db_query(db, ends[query->walk][query->descending], args, count, &rows, err))
        return false;
    *shortened = db_next(rows);
    if (*shortened)
        query->to = read_position(rows, query->order, mem);
    return db_rows_ok(rows, err);
}

/* *MORE: others that are wanted follow, before the end of the walk. */
static bool read_page(struct db *db, const struct query *query, struct arena *mem,
                      struct upload **out, size_t *count, bool *more, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    const struct upload_filter *filter = query->filter;
    int64_t before = filter->uploaded_before_us;
    struct upload *list = arena_array(mem, query->limit, sizeof *list);
    size_t n = 0, metadata_bytes = 0;
    struct db_value args[] = {
        db_uuid(query->workspace_id),
        position_value(query->order, &query->from),
        db_uuid(query->from.id),
        db_text(filter->has_status ? upload_status_name(filter->status) : NULL),
        db_text(filter->file_type),
        db_text(lower(filter->name_contains, mem)),
        db_time(filter->uploaded_after_us),
        db_time(before ? before : INT64_MAX),
        db_int(query->limit + 1), /* to see whether others follow */
        db_text(filter->sha256),
        position_value(query->order, &query->to),
        db_uuid(query->to.id),
    };

    if (!db_query(db, pages[query->walk][query->descending], args, COUNT_OF(args), &rows, err))
        return false;
    while ((*more = db_next(rows)) && n < query->limit &&
           metadata_bytes < UPLOAD_PAGE_METADATA_BYTES) {
        list[n] = upload_from_row(rows, mem);
        metadata_bytes += list[n].metadata ? strlen(list[n].metadata) : 0;
        n++;
    }
    return rows_listed(rows, list, n, (void **)out, count, err);
}

/* The position behind UPLOAD. */
static struct upload_position position_of(const struct upload *upload, enum upload_order order)
{
    struct upload_position position = {.set = true, .id = upload->id};

    switch (order) {
    case UPLOAD_BY_TIME:
        position.number = upload->uploaded_at_us;
        break;
    case UPLOAD_BY_SIZE:
        position.number = (int64_t)upload->file_size;
        break;
    case UPLOAD_BY_DURATION:
        position.number = upload->has_facts ? upload->duration_ms : DURATION_UNKNOWN_MS;
        break;
    case UPLOAD_BY_NAME:
        position.name = upload->original_filename;
        break;
    }
    return position;
}

bool upload_list(struct db *db, struct uuid workspace_id, const struct upload_filter *filter,
                 enum upload_order order, bool descending, const struct upload_position *position,
                 size_t limit, struct arena *mem, struct upload **out, size_t *count,
                 struct upload_position *next, struct error *err)
{
    struct query query = {
        .workspace_id = workspace_id,
        .filter = filter,
        .order = order,
        .descending = descending,
        .walk = choose_walk(filter, order),
        .from = position->set ? *position : beginning(order, descending, mem),
        .to = beginning(order, !descending, mem),
        .limit = limit,
    };
    bool more = false, shortened = false;

    if (order == UPLOAD_BY_TIME)
        keep_to_bounds(&query);
    if (may_be_far(&query) && !find_end(db, &query, mem, &shortened, err))
        return false;
    if (!read_page(db, &query, mem, out, count, &more, err))
        return false;
    *next = (struct upload_position){0};
    if (more)
        *next = position_of(&(*out)[*count - 1], order);
    else if (shortened)
        *next = query.to;
    return true;
}
