#include "catalog/event.h"

#include <string.h>

#include "base/str.h"
#include "catalog/rows.h"

#define POSITION_REMOVED "removed"
#define POSITION_WEBHOOKS "webhooks"

/* ---- types ---- */

#define X(name) name,
static const char *const type_names[] = {EVENT_TYPES(X)};
#undef X

const char *event_type_at(size_t index)
{
    return index < COUNT_OF(type_names) ? type_names[index] : NULL;
}

/* COUNT_OF(type_names) if there is none of that name. */
static size_t type_index(struct str name)
{
    size_t i = 0;

    while (i < COUNT_OF(type_names) && !str_equal_text(name, type_names[i]))
        i++;
    return i;
}

bool event_types_parse(const char *text, event_types *out, struct error *err)
{
    struct str rest = str_from(text), one;
    event_types types = 0;

    while (rest.len > 0 && str_split(&rest, ',', &one)) {
        size_t index = type_index(one);

        if (index == COUNT_OF(type_names))
            return error_tell(err, ERR_INVALID, "there is no type of event \"%.*s\"",
                              (int)(one.len > 40 ? 40 : one.len), one.ptr);
        types |= (event_types)1 << index;
    }
    *out = types;
    return true;
}

bool event_types_hold(event_types types, const char *type)
{
    size_t index = type_index(str_from(type));

    return types == 0 || (index < COUNT_OF(type_names) && types & (event_types)1 << index);
}

/* ---- the log ---- */

static struct event from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct event){
        .sequence = db_column_int(rows, 0),
        .workspace_id = db_column_uuid(rows, 1),
        .upload_id = db_column_uuid(rows, 2),
        .type = db_column_text(rows, 3, mem),
        .subject_id = db_column_uuid(rows, 4),
        .subject = db_column_text(rows, 5, mem),
        .old_status = db_column_text(rows, 6, mem),
        .status = db_column_text(rows, 7, mem),
        .error_code = db_column_text(rows, 8, mem),
        .created_at_us = db_column_time(rows, 9),
    };
}

static bool number(struct db *db, enum sql_id id, const struct db_value *args, size_t arg_count,
                   int64_t *out, struct error *err)
{
    uint64_t value;

    if (!rows_count(db, id, args, arg_count, &value, err))
        return false;
    *out = (int64_t)value;
    return true;
}

bool event_last(struct db *db, int64_t *out, struct error *err)
{
    return number(db, SQL_EVENT_LAST, DB_NO_ARGS, out, err);
}

bool event_list(struct db *db, int64_t after, size_t limit, struct arena *mem, struct event **out,
                size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct event *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_EVENT_LIST, DB_ARGS(db_int(after), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

static bool position(struct db *db, const char *name, int64_t *out, struct error *err)
{
    return number(db, SQL_EVENT_POSITION, DB_ARGS(db_text(name)), out, err);
}

static bool advance(struct db *tx, const char *name, int64_t sequence, struct error *err)
{
    return db_execute(tx, SQL_EVENT_ADVANCE, DB_ARGS(db_text(name), db_int(sequence)), NULL, err);
}

bool event_removed(struct db *db, int64_t *out, struct error *err)
{
    return position(db, POSITION_REMOVED, out, err);
}

bool event_remove(struct db *tx, int64_t before_us, size_t limit, uint64_t *count,
                  struct error *err)
{
    int64_t last;

    *count = 0;
    if (!number(tx, SQL_EVENT_OLD, DB_ARGS(db_time(before_us), db_int(limit)), &last, err))
        return false;
    return last == 0 || (advance(tx, POSITION_REMOVED, last, err) &&
                         db_execute(tx, SQL_EVENT_REMOVE, DB_ARGS(db_int(last)), count, err));
}

bool event_delivered(struct db *db, int64_t *out, struct error *err)
{
    return position(db, POSITION_WEBHOOKS, out, err);
}

bool event_set_delivered(struct db *tx, int64_t sequence, struct error *err)
{
    return advance(tx, POSITION_WEBHOOKS, sequence, err);
}
