#include "catalog/token.h"

#include <string.h>

#include "catalog/rows.h"

static const char *const role_names[] = {[ROLE_READER] = "reader",
                                         [ROLE_WRITER] = "writer",
                                         [ROLE_ADMIN] = "admin",
                                         [ROLE_OPERATOR] = "operator"};

const char *token_role_name(enum token_role role)
{
    return role_names[role];
}

bool token_role_parse(const char *name, enum token_role *out)
{
    for (size_t i = 0; name && i < COUNT_OF(role_names); i++)
        if (strcmp(name, role_names[i]) == 0) {
            *out = (enum token_role)i;
            return true;
        }
    return false;
}

/* An unknown role, which the table does not allow, is the weakest. */
static enum token_role role_from_row(const struct db_rows *rows, int column, struct arena *mem)
{
    enum token_role role = ROLE_READER;

    token_role_parse(db_column_text(rows, column, mem), &role);
    return role;
}

static struct token from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct token){
        .id = db_column_uuid(rows, 0),
        .user_id = db_column_uuid(rows, 1),
        .workspace_id = db_column_uuid(rows, 2),
        .role = role_from_row(rows, 3, mem),
        .name = db_column_text(rows, 4, mem),
        .prefix = db_column_text(rows, 5, mem),
        .created_at_us = db_column_time(rows, 6),
        .last_used_at_us = db_column_time(rows, 7),
        .expires_at_us = db_column_time(rows, 8),
        .revoked_at_us = db_column_time(rows, 9),
    };
}

bool token_insert(struct db *tx, const struct token *token,
                  const uint8_t hash[static TOKEN_HASH_BYTES], struct error *err)
{
    return db_execute(tx, SQL_TOKEN_INSERT,
                      DB_ARGS(db_uuid(token->id), rows_uuid(token->user_id),
                              rows_uuid(token->workspace_id), db_text(role_names[token->role]),
                              db_text(token->name), db_text(token->prefix),
                              db_bytes(hash, TOKEN_HASH_BYTES), db_time(token->created_at_us),
                              db_time_or_null(token->expires_at_us)),
                      NULL, err);
}

bool token_authenticate(struct db *db, const uint8_t hash[static TOKEN_HASH_BYTES], int64_t now_us,
                        struct arena *mem, struct token *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_TOKEN_AUTHENTICATE,
                  DB_ARGS(db_bytes(hash, TOKEN_HASH_BYTES), db_time(now_us)), &rows, err))
        return false;
    if (!db_next(rows)) {
        if (!db_rows_ok(rows, err))
            return false;
        return error_set(err, ERR_UNAUTHORIZED, "no good token of that hash");
    }
    *out = from_row(rows, mem);
    return true;
}

bool token_is_good(struct db *db, struct uuid id, int64_t now_us, bool *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_TOKEN_IS_GOOD, DB_ARGS(db_uuid(id), db_time(now_us)), &rows, err))
        return false;
    *out = db_next(rows);
    return db_rows_ok(rows, err);
}

bool token_must_be_good(struct db *tx, struct uuid id, int64_t now_us, struct error *err)
{
    static const struct db_refusal no_more = {ERR_UNAUTHORIZED, "a valid token is required"};

    return db_must(tx, SQL_TOKEN_IS_GOOD, DB_ARGS(db_uuid(id), db_time(now_us)), &no_more, err);
}

bool token_touch(struct db *tx, struct uuid id, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_TOKEN_TOUCH, DB_ARGS(db_uuid(id), db_time(now_us)), NULL, err);
}

bool token_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
                struct arena *mem, struct token **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct token *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;
    bool ok;

    if (uuid_is_nil(workspace_id))
        ok = db_query(db, SQL_TOKEN_OPERATOR_LIST, DB_ARGS(db_uuid(after), db_int(limit)), &rows,
                      err);
    else
        ok = db_query(db, SQL_TOKEN_LIST,
                      DB_ARGS(db_uuid(workspace_id), db_uuid(after), db_int(limit)), &rows, err);
    if (!ok)
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool token_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                 struct token *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    bool ok;

    if (uuid_is_nil(workspace_id))
        ok = db_query(db, SQL_TOKEN_OPERATOR_BY_ID, DB_ARGS(db_uuid(id)), &rows, err);
    else
        ok = db_query(db, SQL_TOKEN_BY_ID, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), &rows, err);
    if (!ok || !db_one(rows, "token", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

bool token_revoke(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                  struct error *err)
{
    uint64_t changed;
    bool ok;

    if (uuid_is_nil(workspace_id))
        ok = db_execute(tx, SQL_TOKEN_OPERATOR_REVOKE, DB_ARGS(db_uuid(id), db_time(now_us)),
                        &changed, err);
    else
        ok =
            db_execute(tx, SQL_TOKEN_REVOKE,
                       DB_ARGS(db_uuid(workspace_id), db_uuid(id), db_time(now_us)), &changed, err);
    return ok && rows_touched(changed, "token", err);
}

bool token_operator_revoke_hash(struct db *tx, const uint8_t hash[static TOKEN_HASH_BYTES],
                                int64_t now_us, uint64_t *changed, struct error *err)
{
    return db_execute(tx, SQL_TOKEN_OPERATOR_REVOKE_HASH,
                      DB_ARGS(db_bytes(hash, TOKEN_HASH_BYTES), db_time(now_us)), changed, err);
}

bool token_operator_revoke_all(struct db *tx, int64_t now_us, uint64_t *changed, struct error *err)
{
    return db_execute(tx, SQL_TOKEN_OPERATOR_REVOKE_ALL, DB_ARGS(db_time(now_us)), changed, err);
}
