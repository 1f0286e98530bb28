#include "catalog/node.h"

#include "catalog/rows.h"

bool node_clock(struct db *db, int64_t *now_us, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_NODE_CLOCK, DB_NO_ARGS, &rows, err) || !db_one(rows, "time", err))
        return false;
    *now_us = db_column_time(rows, 0);
    return true;
}

/* ---- nodes ---- */

bool node_by_id(struct db *db, struct uuid id, struct arena *mem, struct node_row *out,
                struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_NODE_BY_ID, DB_ARGS(db_uuid(id)), &rows, err) ||
        !db_one(rows, "node", err))
        return false;
    *out = (struct node_row){.id = id,
                             .instance = db_column_uuid(rows, 0),
                             .host = db_column_text(rows, 1, mem),
                             .lease_until_us = db_column_time(rows, 2)};
    return true;
}

bool node_begin(struct db *tx, const struct node_row *node, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_NODE_START,
                      DB_ARGS(db_uuid(node->id), db_uuid(node->instance), db_text(node->host),
                              db_time(now_us), db_time(node->lease_until_us)),
                      NULL, err);
}

bool node_keep(struct db *tx, const struct node_row *node, bool *kept, struct error *err)
{
    uint64_t changed;

    if (!db_execute(
            tx, SQL_NODE_KEEP,
            DB_ARGS(db_uuid(node->id), db_uuid(node->instance), db_time(node->lease_until_us)),
            &changed, err))
        return false;
    *kept = changed > 0;
    return true;
}

static bool ids_of(struct db *db, enum sql_id statement, int64_t time_us, size_t limit,
                   struct arena *mem, struct uuid **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct uuid *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, statement, DB_ARGS(db_time(time_us), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = db_column_uuid(rows, 0);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool node_alive(struct db *db, int64_t now_us, size_t limit, struct arena *mem, struct uuid **out,
                size_t *count, struct error *err)
{
    return ids_of(db, SQL_NODE_ALIVE, now_us, limit, mem, out, count, err);
}

bool node_silent(struct db *db, int64_t before_us, size_t limit, struct arena *mem,
                 struct uuid **out, size_t *count, struct error *err)
{
    return ids_of(db, SQL_NODE_SILENT, before_us, limit, mem, out, count, err);
}

bool node_adopt(struct db *tx, struct uuid id, struct error *err)
{
    return db_execute(tx, SQL_NODE_ADOPT, DB_ARGS(db_uuid(id)), NULL, err);
}

/* ---- duties ---- */

bool duty_take(struct db *tx, const char *name, struct uuid instance, int64_t now_us,
               int64_t until_us, bool *taken, struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, SQL_DUTY_TAKE,
                    DB_ARGS(db_text(name), db_uuid(instance), db_time(until_us), db_time(now_us)),
                    &changed, err))
        return false;
    *taken = changed > 0;
    return true;
}

bool duty_is_held(struct db *db, const char *name, struct uuid instance, bool *out,
                  struct error *err)
{
    uint64_t count;

    if (!rows_count(db, SQL_DUTY_HELD, DB_ARGS(db_text(name), db_uuid(instance)), &count, err))
        return false;
    *out = count > 0;
    return true;
}

bool duty_leave(struct db *tx, const char *name, struct uuid instance, struct error *err)
{
    return db_execute(tx, SQL_DUTY_LEAVE, DB_ARGS(db_text(name), db_uuid(instance)), NULL, err);
}
