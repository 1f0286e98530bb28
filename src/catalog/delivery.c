#include "catalog/delivery.h"

#include <string.h>

#include "catalog/rows.h"

static struct delivery from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct delivery){
        .id = db_column_uuid(rows, 0),
        .webhook_id = db_column_uuid(rows, 1),
        .workspace_id = db_column_uuid(rows, 2),
        .upload_id = db_column_uuid(rows, 3),
        .event_sequence = db_column_int(rows, 4),
        .event_type = db_column_text(rows, 5, mem),
        .event_data = db_column_text(rows, 6, mem),
        .event_at_us = db_column_time(rows, 7),
        .lane = db_column_text(rows, 8, mem),
        .status = db_column_text(rows, 9, mem),
        .attempts = db_column_int(rows, 10),
        .next_attempt_at_us = db_column_time(rows, 11),
        .retry_until_us = db_column_time(rows, 12),
        .last_attempt_at_us = db_column_time(rows, 13),
        .duration_ms = db_column_int(rows, 14),
        .response_status = db_column_int(rows, 15),
        .error = db_column_text(rows, 16, mem),
        .created_at_us = db_column_time(rows, 17),
    };
}

bool delivery_insert(struct db *tx, const struct delivery *delivery, struct error *err)
{
    return db_execute(
        tx, SQL_DELIVERY_INSERT,
        DB_ARGS(db_uuid(delivery->id), db_uuid(delivery->webhook_id),
                rows_uuid(delivery->upload_id),
                db_int_or_null(delivery->event_sequence > 0, delivery->event_sequence),
                db_text(delivery->event_type), db_text(delivery->event_data),
                db_time(delivery->event_at_us), db_text(delivery->lane),
                db_time(delivery->retry_until_us), db_time(delivery->created_at_us)),
        NULL, err);
}

static bool list_rows(struct db_rows *rows, size_t limit, struct arena *mem, struct delivery **out,
                      size_t *count, struct error *err)
{
    struct delivery *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool delivery_due(struct db *db, struct uuid webhook_id, size_t limit, struct arena *mem,
                  struct delivery **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_DELIVERY_DUE, DB_ARGS(db_uuid(webhook_id), db_int(limit)), &rows,
                    err) &&
           list_rows(rows, limit, mem, out, count, err);
}

bool delivery_attempted(struct db *tx, const struct delivery *delivery, int64_t now_us,
                        struct error *err)
{
    if (!db_execute(
            tx, SQL_DELIVERY_ATTEMPTED,
            DB_ARGS(db_uuid(delivery->id), db_text(delivery->status),
                    db_time_or_null(delivery->next_attempt_at_us),
                    db_time(delivery->last_attempt_at_us), db_int(delivery->duration_ms),
                    db_int_or_null(delivery->response_status > 0, delivery->response_status),
                    db_text(delivery->error), db_time(delivery->retry_until_us)),
            NULL, err))
        return false;
    return strcmp(delivery->status, DELIVERY_PENDING) == 0 ||
           db_execute(
               tx, SQL_DELIVERY_FOLLOW,
               DB_ARGS(db_uuid(delivery->webhook_id), db_text(delivery->lane), db_time(now_us)),
               NULL, err);
}

bool delivery_again(struct db *tx, struct uuid webhook_id, struct uuid id, int64_t now_us,
                    int64_t retry_until_us, struct arena *mem, struct error *err)
{
    struct delivery found;
    uint64_t changed = 0;

    if (!db_execute(
            tx, SQL_DELIVERY_AGAIN,
            DB_ARGS(db_uuid(webhook_id), db_uuid(id), db_time(now_us), db_time(retry_until_us)),
            &changed, err))
        return false;
    if (changed == 0 &&
        !db_execute(tx, SQL_DELIVERY_HURRY,
                    DB_ARGS(db_uuid(webhook_id), db_uuid(id), db_time(now_us)), &changed, err))
        return false;
    if (changed > 0)
        return true;
    return delivery_by_id(tx, webhook_id, id, mem, &found, err) &&
           error_tell(err, ERR_CONFLICT, "it waits for an earlier delivery of its upload");
}

bool delivery_by_id(struct db *db, struct uuid webhook_id, struct uuid id, struct arena *mem,
                    struct delivery *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_DELIVERY_BY_ID, DB_ARGS(db_uuid(webhook_id), db_uuid(id)), &rows, err) ||
        !db_one(rows, "delivery", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

bool delivery_list(struct db *db, struct uuid webhook_id, struct uuid before, const char *status,
                   size_t limit, struct arena *mem, struct delivery **out, size_t *count,
                   struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct uuid last;

    memset(&last, 0xff, sizeof last);
    return db_query(db, SQL_DELIVERY_LIST,
                    DB_ARGS(db_uuid(webhook_id), db_uuid(uuid_is_nil(before) ? last : before),
                            db_text(status), db_int(limit)),
                    &rows, err) &&
           list_rows(rows, limit, mem, out, count, err);
}

bool delivery_backlog(struct db *db, uint64_t *out, struct error *err)
{
    return rows_count(db, SQL_DELIVERY_BACKLOG, DB_NO_ARGS, out, err);
}

bool delivery_forget(struct db *tx, struct uuid before, size_t limit, uint64_t *count,
                     struct error *err)
{
    return db_execute(tx, SQL_DELIVERY_FORGET, DB_ARGS(db_uuid(before), db_int(limit)), count, err);
}
