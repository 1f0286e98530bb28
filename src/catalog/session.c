#include "catalog/session.h"

#include <string.h>

#include "catalog/quota.h"
#include "catalog/rows.h"

static const char *const kind_names[] = {
    [SESSION_POST] = "post", [SESSION_CHUNKED] = "chunked", [SESSION_TUS] = "tus"};

static enum session_kind kind_from_row(const struct db_rows *rows, int column, struct arena *mem)
{
    const char *name = db_column_text(rows, column, mem);

    for (size_t i = 0; i < COUNT_OF(kind_names); i++)
        if (strcmp(name, kind_names[i]) == 0)
            return (enum session_kind)i;
    return SESSION_POST;
}

static struct session from_row(const struct db_rows *rows, struct arena *mem)
{
    return (struct session){
        .id = db_column_uuid(rows, 0),
        .workspace_id = db_column_uuid(rows, 1),
        .user_id = db_column_uuid(rows, 2),
        .upload_id = db_column_uuid(rows, 3),
        .kind = kind_from_row(rows, 4, mem),
        .filename = db_column_text(rows, 5, mem),
        .file_size =
            db_column_is_null(rows, 6) ? SESSION_SIZE_UNKNOWN : (uint64_t)db_column_int(rows, 6),
        .reserved_bytes = (uint64_t)db_column_int(rows, 7),
        .storage_name = db_column_text(rows, 8, mem),
        .storage_path = db_column_text(rows, 9, mem),
        .idempotency_key = db_column_text(rows, 10, mem),
        .fingerprint = db_column_text(rows, 11, mem),
        .created_at_us = db_column_time(rows, 12),
        .expires_at_us = db_column_time(rows, 13),
    };
}

/* Whether an open session has the same idempotency key. */
static bool check_key(struct db *tx, const struct session *session, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    const char *fingerprint;

    if (!session->idempotency_key)
        return true;
    if (!db_query(tx, SQL_SESSION_BY_IDEMPOTENCY_KEY,
                  DB_ARGS(db_uuid(session->workspace_id), db_uuid(session->user_id),
                          db_text(session->idempotency_key)),
                  &rows, err))
        return false;
    if (!db_next(rows))
        return db_rows_ok(rows, err);
    fingerprint = db_column_text(rows, 0, mem);
    if (fingerprint && session->fingerprint && strcmp(fingerprint, session->fingerprint) != 0)
        return error_set(err, ERR_IDEMPOTENCY_REUSED, "idempotency key of another open session");
    return error_set(err, ERR_IDEMPOTENCY_BUSY, "idempotency key of an open session");
}

bool session_begin(struct db *tx, const struct session *session, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    bool known = session->file_size != SESSION_SIZE_UNKNOWN;
    struct quota quota;

    if (!check_key(tx, session, err) ||
        !quota_read(tx, session->workspace_id, session->created_at_us, mem, &quota, err) ||
        !quota_check_file(&quota, session->reserved_bytes, err))
        return false;
    return db_execute(tx, SQL_SESSION_INSERT,
                      DB_ARGS(db_uuid(session->id), db_uuid(session->workspace_id),
                              db_uuid(session->user_id), db_uuid(session->upload_id),
                              db_text(kind_names[session->kind]), db_text(session->filename),
                              db_int_or_null(known, (int64_t)session->file_size),
                              db_int(session->reserved_bytes), db_text(session->storage_name),
                              db_text(session->storage_path), db_text(session->idempotency_key),
                              db_text(session->fingerprint), db_time(session->created_at_us),
                              db_time(session->expires_at_us)),
                      NULL, err);
}

bool session_grow(struct db *tx, struct uuid workspace_id, struct uuid id, uint64_t bytes,
                  int64_t now_us, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct quota quota;
    uint64_t held;

    if (!rows_count(tx, SQL_SESSION_RESERVED, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), &held,
                    err) ||
        !quota_read(tx, workspace_id, now_us, mem, &quota, err) ||
        !quota_check_growth(&quota, held, bytes, err))
        return false;
    return db_execute(tx, SQL_SESSION_RESERVE, DB_ARGS(db_uuid(id), db_int(bytes)), NULL, err);
}

bool session_end(struct db *tx, struct uuid id, bool *there, struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, SQL_SESSION_END, DB_ARGS(db_uuid(id)), &changed, err))
        return false;
    *there = changed > 0;
    return true;
}

static bool list_of(struct db *db, enum sql_id id, struct db_value from, size_t limit,
                    struct arena *mem, struct session **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct session *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, id, DB_ARGS(from, db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool session_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                  struct session **out, size_t *count, struct error *err)
{
    return list_of(db, SQL_SESSION_LIST, db_uuid(after), limit, mem, out, count, err);
}

bool session_expired(struct db *db, int64_t now_us, size_t limit, struct arena *mem,
                     struct session **out, size_t *count, struct error *err)
{
    return list_of(db, SQL_SESSION_EXPIRED, db_time(now_us), limit, mem, out, count, err);
}

bool session_exists(struct db *db, struct uuid id, bool *out, struct error *err)
{
    uint64_t count;

    if (!rows_count(db, SQL_SESSION_EXISTS, DB_ARGS(db_uuid(id)), &count, err))
        return false;
    *out = count > 0;
    return true;
}

bool session_holds_path(struct db *db, const char *storage_name, const char *storage_path,
                        bool *out, struct error *err)
{
    uint64_t count;

    if (!rows_count(db, SQL_SESSION_HOLDS_PATH,
                    DB_ARGS(db_text(storage_name), db_text(storage_path)), &count, err))
        return false;
    *out = count > 0;
    return true;
}

bool session_figures(struct db *db, uint64_t *count, uint64_t *reserved_bytes, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_SESSION_FIGURES, DB_NO_ARGS, &rows, err) ||
        !db_one(rows, "sessions", err))
        return false;
    *count = (uint64_t)db_column_int(rows, 0);
    *reserved_bytes = (uint64_t)db_column_int(rows, 1);
    return true;
}
