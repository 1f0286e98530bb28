#include "catalog/upload_list.h"

#include <ctype.h>
#include <string.h>

#include "catalog/rows.h"
#include "catalog/upload_row.h"

/* Behind every name that can be: names have at most 500 bytes, and none sorts behind U+10FFFF. */
#define LAST_CHARACTER "\xf4\x8f\xbf\xbf"
#define LAST_REPEATED 126

static const enum sql_id statements[][2] = {
    [UPLOAD_BY_TIME] = {SQL_UPLOAD_LIST_BY_TIME_ASCENDING, SQL_UPLOAD_LIST_BY_TIME_DESCENDING},
    [UPLOAD_BY_SIZE] = {SQL_UPLOAD_LIST_BY_SIZE_ASCENDING, SQL_UPLOAD_LIST_BY_SIZE_DESCENDING},
    [UPLOAD_BY_DURATION] = {SQL_UPLOAD_LIST_BY_DURATION_ASCENDING,
                            SQL_UPLOAD_LIST_BY_DURATION_DESCENDING},
    [UPLOAD_BY_NAME] = {SQL_UPLOAD_LIST_BY_NAME_ASCENDING, SQL_UPLOAD_LIST_BY_NAME_DESCENDING},
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

/* The sort value of the position; from the start, one before or behind all. */
static struct db_value position_value(enum upload_order order, bool descending,
                                      const struct upload_position *position, struct arena *mem)
{
    if (order == UPLOAD_BY_NAME) {
        if (position->set)
            return db_text(position->name);
        return db_text(descending ? last_name(mem) : "");
    }
    if (order == UPLOAD_BY_DURATION) /* in thousandths; half of all int64 is beyond any duration */
        return db_milli(position->set ? position->number
                                      : (descending ? INT64_MAX / 2 : INT64_MIN / 2));
    return db_int(position->set ? position->number : (descending ? INT64_MAX : INT64_MIN));
}

static struct uuid position_id(bool descending, const struct upload_position *position)
{
    struct uuid id = position->id;

    if (!position->set)
        memset(id.bytes, descending ? 0xff : 0, sizeof id.bytes);
    return id;
}

bool upload_list(struct db *db, struct uuid workspace_id, const struct upload_filter *filter,
                 enum upload_order order, bool descending, const struct upload_position *position,
                 size_t limit, struct arena *mem, struct upload **out, size_t *count,
                 struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    enum sql_id statement = statements[order][descending];
    int64_t before = filter->uploaded_before_us;
    struct upload *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (filter->sha256) {
        statement = SQL_UPLOAD_LIST_BY_CONTENT;
        order = UPLOAD_BY_TIME;
        descending = true;
    }
    struct db_value args[] = {
        db_uuid(workspace_id),
        position_value(order, descending, position, mem),
        db_uuid(position_id(descending, position)),
        db_text(filter->has_status ? upload_status_name(filter->status) : NULL),
        db_text(filter->file_type),
        db_text(lower(filter->name_contains, mem)),
        db_time(filter->uploaded_after_us),
        db_time(before ? before : INT64_MAX),
        db_int(limit),
        db_text(filter->sha256),
    };

    if (!db_query(db, statement, args, COUNT_OF(args) - (filter->sha256 ? 0 : 1), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = upload_from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
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
        position.number = upload->has_facts ? upload->duration_ms : -1000;
        break;
    case UPLOAD_BY_NAME:
        position.name = upload->original_filename;
        break;
    }
    return position;
}
