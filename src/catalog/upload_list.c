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

static const enum sql_id statements[][2] = {
    [UPLOAD_BY_TIME] = {SQL_UPLOAD_LIST_BY_TIME_ASCENDING, SQL_UPLOAD_LIST_BY_TIME_DESCENDING},
    [UPLOAD_BY_SIZE] = {SQL_UPLOAD_LIST_BY_SIZE_ASCENDING, SQL_UPLOAD_LIST_BY_SIZE_DESCENDING},
    [UPLOAD_BY_DURATION] = {SQL_UPLOAD_LIST_BY_DURATION_ASCENDING,
                            SQL_UPLOAD_LIST_BY_DURATION_DESCENDING},
    [UPLOAD_BY_NAME] = {SQL_UPLOAD_LIST_BY_NAME_ASCENDING, SQL_UPLOAD_LIST_BY_NAME_DESCENDING},
};
/* By time, of one content: few among many, found by their digest. */
static const enum sql_id statements_of_content[] = {SQL_UPLOAD_LIST_BY_CONTENT_ASCENDING,
                                                    SQL_UPLOAD_LIST_BY_CONTENT_DESCENDING};

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

/* Along the time, a bound of the filter that lies ahead is where the walk can begin. */
static void skip_to_bound(const struct upload_filter *filter, bool descending,
                          struct upload_position *position)
{
    int64_t before = filter->uploaded_before_us;

    if (descending && before != 0 && before < position->number) {
        position->number = before;
        position->id = (struct uuid){{0}};
    }
    if (!descending && filter->uploaded_after_us > position->number) {
        position->number = filter->uploaded_after_us;
        memset(position->id.bytes, 0xff, sizeof position->id.bytes);
    }
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

static bool read_page(struct db *db, enum sql_id statement, const struct db_value *args,
                      size_t arg_count, size_t limit, struct arena *mem, struct upload **out,
                      size_t *count, bool *more, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct upload *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0, metadata_bytes = 0;

    if (!db_query(db, statement, args, arg_count, &rows, err))
        return false;
    while ((*more = db_next(rows)) && n < limit && metadata_bytes < UPLOAD_PAGE_METADATA_BYTES) {
        list[n] = upload_from_row(rows, mem);
        metadata_bytes += list[n].metadata ? strlen(list[n].metadata) : 0;
        n++;
    }
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool upload_list(struct db *db, struct uuid workspace_id, const struct upload_filter *filter,
                 enum upload_order order, bool descending, const struct upload_position *position,
                 size_t limit, struct arena *mem, struct upload **out, size_t *count, bool *more,
                 struct error *err)
{
    enum sql_id statement = statements[order][descending];
    struct upload_position from = position->set ? *position : beginning(order, descending, mem);
    int64_t before = filter->uploaded_before_us;

    if (order == UPLOAD_BY_TIME) {
        skip_to_bound(filter, descending, &from);
        if (filter->sha256)
            statement = statements_of_content[descending];
    }
    struct db_value args[] = {
        db_uuid(workspace_id),
        position_value(order, &from),
        db_uuid(from.id),
        db_text(filter->has_status ? upload_status_name(filter->status) : NULL),
        db_text(filter->file_type),
        db_text(lower(filter->name_contains, mem)),
        db_time(filter->uploaded_after_us),
        db_time(before ? before : INT64_MAX),
        db_int(limit + 1), /* to see whether others follow */
        db_text(filter->sha256),
    };

    return read_page(db, statement, args, COUNT_OF(args), limit, mem, out, count, more, err);
}

struct upload_position upload_position_of(const struct upload *upload, enum upload_order order)
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
