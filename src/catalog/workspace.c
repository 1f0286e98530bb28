#include "catalog/workspace.h"

#include "catalog/rows.h"

static struct workspace from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct workspace){
        .id = db_column_uuid(rows, 0),
        .name = db_column_text(rows, 1, mem),
        .created_at_us = db_column_time(rows, 2),
    };
}

static bool name_error(const char *name, struct error *err)
{
    if (err->kind == ERR_EXISTS)
        error_client(err, "there is a workspace \"%.100s\" already", name);
    return error_context(err, "workspace \"%.100s\"", name);
}

bool workspace_insert(struct db *tx, const struct workspace *workspace, struct error *err)
{
    uint64_t added; /* asked for: whether the name is taken must be known here */

    return db_execute(tx, SQL_WORKSPACE_INSERT,
                      DB_ARGS(db_uuid(workspace->id), db_text(workspace->name),
                              db_time(workspace->created_at_us)),
                      &added, err) ||
           name_error(workspace->name, err);
}

bool workspace_by_id(struct db *db, struct uuid id, struct arena *mem, struct workspace *out,
                     struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_WORKSPACE_BY_ID, DB_ARGS(db_uuid(id)), &rows, err) ||
        !db_one(rows, "workspace", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

bool workspace_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                    struct workspace **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct workspace *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_WORKSPACE_LIST, DB_ARGS(db_uuid(after), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool workspace_rename(struct db *tx, struct uuid id, const char *name, struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, SQL_WORKSPACE_RENAME, DB_ARGS(db_uuid(id), db_text(name)), &changed, err))
        return name_error(name, err);
    return rows_touched(changed, "workspace", err);
}

bool workspace_delete(struct db *tx, struct uuid id, int64_t now_us, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct workspace there;
    uint64_t changed;

    if (!workspace_by_id(tx, id, mem, &there, err) ||
        !db_execute(tx, SQL_WORKSPACE_DELETE, DB_ARGS(db_uuid(id), db_time(now_us)), &changed, err))
        return false;
    if (changed == 0)
        return error_tell(err, ERR_CONFLICT,
                          "the workspace holds uploads, or some are in progress");
    return db_execute(tx, SQL_WORKSPACE_REVOKE_TOKENS, DB_ARGS(db_uuid(id), db_time(now_us)), NULL,
                      err);
}

bool workspace_only(struct db *db, struct uuid *out, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct workspace *list;
    size_t count;

    if (!workspace_list(db, (struct uuid){{0}}, 2, mem, &list, &count, err))
        return false;
    if (count != 1)
        return error_tell(err, ERR_INVALID, "name the workspace with ?workspace_id=");
    *out = list[0].id;
    return true;
}
