#include "catalog/user.h"

#include "catalog/rows.h"

static struct user from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct user){
        .id = db_column_uuid(rows, 0),
        .workspace_id = db_column_uuid(rows, 1),
        .name = db_column_text(rows, 2, mem),
        .created_at_us = db_column_time(rows, 3),
        .disabled_at_us = db_column_time(rows, 4),
    };
}

bool user_insert(struct db *tx, const struct user *user, struct error *err)
{
    uint64_t added; /* asked for: whether the name is taken must be known here */

    if (db_execute(tx, SQL_USER_INSERT,
                   DB_ARGS(db_uuid(user->id), db_uuid(user->workspace_id), db_text(user->name),
                           db_time(user->created_at_us)),
                   &added, err))
        return true;
    if (err->kind == ERR_EXISTS)
        error_client(err, "the workspace has a user \"%.100s\" already", user->name);
    return false;
}

bool user_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                struct user *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_USER_BY_ID, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), &rows, err) ||
        !db_one(rows, "user", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

static bool revoke_tokens(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                          struct error *err)
{
    return db_execute(tx, SQL_TOKEN_REVOKE_USER,
                      DB_ARGS(db_uuid(workspace_id), db_uuid(id), db_time(now_us)), NULL, err);
}

static bool disable(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                    struct error *err)
{
    uint64_t changed;

    return db_execute(tx, SQL_USER_DISABLE,
                      DB_ARGS(db_uuid(workspace_id), db_uuid(id), db_time(now_us)), &changed,
                      err) &&
           rows_touched(changed, "user", err) && revoke_tokens(tx, workspace_id, id, now_us, err);
}

static bool enable(struct db *tx, struct uuid workspace_id, struct uuid id, struct error *err)
{
    uint64_t changed;

    return db_execute(tx, SQL_USER_ENABLE, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), &changed,
                      err) &&
           rows_touched(changed, "user", err);
}

bool user_set_disabled(struct db *tx, struct uuid workspace_id, struct uuid id, bool disabled,
                       int64_t now_us, struct error *err)
{
    return disabled ? disable(tx, workspace_id, id, now_us, err)
                    : enable(tx, workspace_id, id, err);
}

bool user_remove(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                 struct error *err)
{
    struct uuid first;
    uint64_t changed;

    if (!user_first(tx, workspace_id, &first, err))
        return false;
    if (uuid_equal(first, id))
        return error_tell(err, ERR_CONFLICT,
                          "what operators do belongs to the workspace's first user: it can be "
                          "disabled, but not removed");
    return db_execute(tx, SQL_USER_REMOVE,
                      DB_ARGS(db_uuid(workspace_id), db_uuid(id), db_time(now_us)), &changed,
                      err) &&
           rows_touched(changed, "user", err) && revoke_tokens(tx, workspace_id, id, now_us, err);
}

bool user_first(struct db *db, struct uuid workspace_id, struct uuid *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_USER_FIRST, DB_ARGS(db_uuid(workspace_id)), &rows, err) ||
        !db_one(rows, "user", err))
        return false;
    *out = db_column_uuid(rows, 0);
    return true;
}

bool user_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
               struct arena *mem, struct user **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct user *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_USER_LIST, DB_ARGS(db_uuid(workspace_id), db_uuid(after), db_int(limit)),
                  &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}
