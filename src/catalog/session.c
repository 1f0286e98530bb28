#include "catalog/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "catalog/part.h"
#include "catalog/piece.h"
#include "catalog/quota.h"
#include "catalog/rows.h"

static const char *const kind_names[] = {[SESSION_POST] = "post",
                                         [SESSION_CHUNKED] = "chunked",
                                         [SESSION_TUS] = "tus",
                                         [SESSION_DRAFT] = "draft"};
static const char *const status_names[] = {[SESSION_INITIATED] = "initiated",
                                           [SESSION_COMPLETED] = "completed",
                                           [SESSION_FAILED] = "failed"};
static const char *const concatenation_names[] = {
    [SESSION_WHOLE] = NULL, [SESSION_PARTIAL] = "partial", [SESSION_FINAL] = "final"};
static const char *const on_duplicate_names[] = {[ON_DUPLICATE_LINK] = "link",
                                                 [ON_DUPLICATE_RETURN] = "return",
                                                 [ON_DUPLICATE_REJECT] = "reject"};

const char *session_kind_name(enum session_kind kind)
{
    return kind_names[kind];
}

const char *session_status_name(enum session_status status)
{
    return status_names[status];
}

/* ---- rows ---- */

/* The index of the column's text among NAMES; SQL NULL stands for a name of NULL. */
static unsigned name_from_row(const struct db_rows *rows, int column, const char *const *names,
                              unsigned count, struct arena *mem)
{
    const char *name = db_column_text(rows, column, mem);

    for (unsigned i = 0; i < count; i++)
        if (name == names[i] || (name && names[i] && strcmp(name, names[i]) == 0))
            return i;
    return 0;
}
#define NAME_FROM_ROW(rows, column, names, mem) \
    name_from_row(rows, column, names, COUNT_OF(names), mem)

static uint64_t size_from_row(const struct db_rows *rows, int column)
{
    return db_column_is_null(rows, column) ? SESSION_SIZE_UNKNOWN
                                           : (uint64_t)db_column_int(rows, column);
}

/* At most MOST bytes of the column; NULL for SQL NULL. */
static const void *bytes_from_row(const struct db_rows *rows, int column, size_t most,
                                  struct arena *mem, size_t *length)
{
    void *bytes;

    *length = 0;
    if (db_column_is_null(rows, column))
        return NULL;
    bytes = arena_alloc(mem, most);
    *length = db_column_bytes(rows, column, bytes, most);
    return *length <= most ? bytes : NULL;
}

static struct session from_row(const struct db_rows *rows, struct arena *mem)
{
    struct session session = {
        .id = db_column_uuid(rows, 0),
        .workspace_id = db_column_uuid(rows, 1),
        .user_id = db_column_uuid(rows, 2),
        .upload_id = db_column_uuid(rows, 3),
        .kind = (enum session_kind)NAME_FROM_ROW(rows, 4, kind_names, mem),
        .filename = db_column_text(rows, 5, mem),
        .file_size = size_from_row(rows, 6),
        .reserved_bytes = (uint64_t)db_column_int(rows, 7),
        .storage_name = db_column_text(rows, 8, mem),
        .storage_path = db_column_text(rows, 9, mem),
        .idempotency_key = db_column_text(rows, 10, mem),
        .fingerprint = db_column_text(rows, 11, mem),
        .created_at_us = db_column_time(rows, 12),
        .expires_at_us = db_column_time(rows, 13),
        .status = (enum session_status)NAME_FROM_ROW(rows, 14, status_names, mem),
        .chunk_size = (uint64_t)db_column_int(rows, 15),
        .total_chunks = (uint64_t)db_column_int(rows, 16),
        .declared_type = db_column_text(rows, 17, mem),
        .on_duplicate = (enum on_duplicate)NAME_FROM_ROW(rows, 18, on_duplicate_names, mem),
        .metadata = db_column_text(rows, 21, mem),
        .hashed_bytes = (uint64_t)db_column_int(rows, 22),
        .concatenation =
            (enum session_concatenation)NAME_FROM_ROW(rows, 24, concatenation_names, mem),
        .partials = db_column_text(rows, 25, mem),
        .error_code = db_column_text(rows, 26, mem),
        .error_message = db_column_text(rows, 27, mem),
        .protocol_headers = db_column_text(rows, 28, mem),
        .node_id = db_column_uuid(rows, 29),
        .is_shared = db_column_int(rows, 30) == 1,
    };
    size_t length;

    session.claimed_md5 = bytes_from_row(rows, 19, SESSION_MD5_BYTES, mem, &length);
    session.claimed_sha256 = bytes_from_row(rows, 20, SESSION_SHA256_BYTES, mem, &length);
    session.digest_state =
        bytes_from_row(rows, 23, SESSION_DIGEST_STATE_MAX, mem, &session.digest_state_bytes);
    return session;
}

/* ---- beginning and growing ---- */

/* Whether another session has the same idempotency key. */
static bool check_key(struct db *tx, const struct session *session, struct arena *mem,
                      struct error *err)
{
    struct session other;

    if (!session->idempotency_key)
        return true;
    if (!session_by_key(tx, session->workspace_id, session->user_id, session->idempotency_key, mem,
                        &other, err))
        return err->kind == ERR_NOT_FOUND;
    if (other.fingerprint && session->fingerprint &&
        strcmp(other.fingerprint, session->fingerprint) != 0)
        return error_set(err, ERR_IDEMPOTENCY_REUSED, "idempotency key of another session");
    return error_set(err, ERR_IDEMPOTENCY_BUSY, "idempotency key of an open session");
}

static struct db_value bytes_or_null(const void *bytes, size_t length)
{
    return bytes ? db_bytes(bytes, length) : db_null();
}

/* The columns of its row, in the order of session_insert; behind them there may be more. */
#define COLUMNS 26
static void to_row(const struct session *session, struct db_value out[static COLUMNS])
{
    bool known = session->file_size != SESSION_SIZE_UNKNOWN;
    const struct db_value columns[COLUMNS] = {
        db_uuid(session->id),
        db_uuid(session->workspace_id),
        db_uuid(session->user_id),
        db_uuid(session->upload_id),
        db_text(kind_names[session->kind]),
        db_text(session->filename),
        db_int_or_null(known, (int64_t)session->file_size),
        db_int_or_null(session->chunk_size > 0, (int64_t)session->chunk_size),
        db_int_or_null(session->total_chunks > 0, (int64_t)session->total_chunks),
        db_int(session->reserved_bytes),
        db_text(session->storage_name),
        db_text(session->storage_path),
        db_text(session->declared_type),
        db_text(on_duplicate_names[session->on_duplicate]),
        bytes_or_null(session->claimed_md5, SESSION_MD5_BYTES),
        bytes_or_null(session->claimed_sha256, SESSION_SHA256_BYTES),
        db_text(session->metadata ? session->metadata : "{}"),
        db_text(concatenation_names[session->concatenation]),
        db_text(session->partials),
        db_text(session->idempotency_key),
        db_text(session->fingerprint),
        db_time(session->created_at_us),
        db_time(session->expires_at_us),
        db_text(session->protocol_headers),
        rows_uuid(session->node_id),
        db_int(session->is_shared ? 1 : 0),
    };

    memcpy(out, columns, sizeof columns);
}

static bool insert(struct db *tx, const struct session *session, struct error *err)
{
    struct db_value row[COLUMNS];

    to_row(session, row);
    return db_execute(tx, SQL_SESSION_INSERT, row, COUNT_OF(row), NULL, err);
}

bool session_begin(struct db *tx, const struct session *session, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    bool is_file = session->concatenation != SESSION_PARTIAL;
    struct quota quota;

    if (!check_key(tx, session, mem, err) ||
        !quota_read(tx, session->workspace_id, session->created_at_us, mem, &quota, err))
        return false;
    if (is_file ? !quota_check_file(&quota, session->reserved_bytes, err)
                : !quota_check_growth(&quota, 0, session->reserved_bytes, err))
        return false;
    return insert(tx, session, err);
}

bool session_begin_if_room(struct db *tx, const struct session *session, struct error *err)
{
    static const struct db_refusal no_room = {ERR_CONFLICT, "the quota may leave no room"};
    struct db_value values[COLUMNS + 2];
    char period[TIME_PERIOD_SIZE];

    assert(!session->idempotency_key && session->concatenation != SESSION_PARTIAL);
    time_to_period(session->created_at_us, period);
    to_row(session, values);
    values[COLUMNS] = db_text(period);
    values[COLUMNS + 1] = db_int(QUOTA_BYTES_MAX);
    return db_must(tx, SQL_SESSION_INSERT_IF_ROOM, values, COUNT_OF(values), &no_room, err);
}

/* Whether the session may hold BYTES in all. */
static bool check_growth(struct db *tx, struct uuid workspace_id, struct uuid id, uint64_t bytes,
                         int64_t now_us, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct quota quota;
    uint64_t held;

    return rows_count(tx, SQL_SESSION_RESERVED, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), &held,
                      err) &&
           quota_read(tx, workspace_id, now_us, mem, &quota, err) &&
           quota_check_growth(&quota, held, bytes, err);
}

bool session_grow(struct db *tx, struct uuid workspace_id, struct uuid id, uint64_t bytes,
                  int64_t now_us, struct error *err)
{
    uint64_t changed;

    if (!check_growth(tx, workspace_id, id, bytes, now_us, err) ||
        !db_execute(tx, SQL_SESSION_RESERVE, DB_ARGS(db_uuid(id), db_int(bytes)), &changed, err))
        return false;
    return changed > 0 || error_tell(err, ERR_CONFLICT, "the upload's length is known by now");
}

bool session_set_size(struct db *tx, struct uuid workspace_id, struct uuid id, uint64_t bytes,
                      int64_t now_us, struct error *err)
{
    uint64_t changed;

    if (!check_growth(tx, workspace_id, id, bytes, now_us, err) ||
        !db_execute(tx, SQL_SESSION_SET_SIZE, DB_ARGS(db_uuid(id), db_int(bytes), db_int(bytes)),
                    &changed, err))
        return false;
    return changed > 0 || error_tell(err, ERR_CONFLICT, "the upload's length is known already");
}

bool session_touch(struct db *tx, struct uuid id, int64_t expires_at_us, struct error *err)
{
    uint64_t changed;

    return db_execute(tx, SQL_SESSION_TOUCH, DB_ARGS(db_uuid(id), db_time(expires_at_us)), &changed,
                      err) &&
           rows_touched(changed, "upload session", err);
}

bool session_put_off(struct db *tx, struct uuid id, int64_t expires_at_us, struct error *err)
{
    return db_execute(tx, SQL_SESSION_TOUCH, DB_ARGS(db_uuid(id), db_time(expires_at_us)), NULL,
                      err);
}

bool session_set_node(struct db *tx, struct uuid id, struct uuid node_id, struct error *err)
{
    return db_execute(tx, SQL_SESSION_SET_NODE, DB_ARGS(db_uuid(id), rows_uuid(node_id)), NULL,
                      err);
}

bool session_set_unshared(struct db *tx, struct uuid id, struct error *err)
{
    return db_execute(tx, SQL_SESSION_NOT_SHARED, DB_ARGS(db_uuid(id)), NULL, err);
}

bool session_take_finish(struct db *tx, struct uuid id, struct uuid instance, int64_t now_us,
                         bool *mine, struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, SQL_SESSION_FINISHING,
                    DB_ARGS(db_uuid(id), db_uuid(instance), db_time(now_us)), &changed, err))
        return false;
    *mine = changed > 0;
    return true;
}

bool session_leave_finish(struct db *tx, struct uuid id, struct uuid instance, struct error *err)
{
    return db_execute(tx, SQL_SESSION_NOT_FINISHING, DB_ARGS(db_uuid(id), db_uuid(instance)), NULL,
                      err);
}

bool session_note_quota(struct db *tx, struct uuid id, const char *message, struct error *err)
{
    return db_execute(tx, SQL_SESSION_NOTE_QUOTA, DB_ARGS(db_uuid(id), db_text(message)), NULL,
                      err);
}

bool session_keep_digest(struct db *tx, struct uuid id, uint64_t bytes, const void *state,
                         size_t state_bytes, struct error *err)
{
    assert(state_bytes <= SESSION_DIGEST_STATE_MAX);
    return db_execute(tx, SQL_SESSION_HASHED,
                      DB_ARGS(db_uuid(id), db_int(bytes), bytes_or_null(state, state_bytes)), NULL,
                      err);
}

bool session_claim(struct db *tx, struct uuid id, const uint8_t *md5, const uint8_t *sha256,
                   struct error *err)
{
    return db_execute(tx, SQL_SESSION_CLAIM,
                      DB_ARGS(db_uuid(id), bytes_or_null(md5, SESSION_MD5_BYTES),
                              bytes_or_null(sha256, SESSION_SHA256_BYTES)),
                      NULL, err);
}

/* ---- ending ---- */

bool session_complete(struct db *tx, struct uuid id, struct uuid upload_id, uint64_t file_size,
                      int64_t now_us, int64_t expires_at_us, const struct db_refusal *otherwise,
                      struct error *err)
{
    return db_must(tx, SQL_SESSION_COMPLETE,
                   DB_ARGS(db_uuid(id), db_uuid(upload_id), db_time(now_us), db_time(expires_at_us),
                           db_int(file_size)),
                   otherwise, err) &&
           part_remove_all(tx, id, err) && piece_drop_all(tx, id, err);
}

bool session_fail(struct db *tx, struct uuid id, const struct error *cause, int64_t now_us,
                  int64_t expires_at_us, bool *there, struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, SQL_SESSION_FAIL,
                    DB_ARGS(db_uuid(id), db_text(error_code(cause)), db_text(error_detail(cause)),
                            db_time(now_us), db_time(expires_at_us),
                            cause->has_upload ? db_uuid(cause->upload_id) : db_null()),
                    &changed, err))
        return false;
    *there = changed > 0;
    return part_remove_all(tx, id, err) && piece_drop_all(tx, id, err);
}

bool session_end(struct db *tx, struct uuid id, bool *there, struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, SQL_SESSION_END, DB_ARGS(db_uuid(id)), &changed, err))
        return false;
    *there = changed > 0;
    return true;
}

bool session_must_end(struct db *tx, struct uuid id, const struct db_refusal *otherwise,
                      struct error *err)
{
    return db_must(tx, SQL_SESSION_END, DB_ARGS(db_uuid(id)), otherwise, err);
}

/* ---- reading ---- */

bool session_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                   struct session *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_SESSION_BY_ID, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), &rows, err) ||
        !db_one(rows, "upload session", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

bool session_by_key(struct db *db, struct uuid workspace_id, struct uuid user_id, const char *key,
                    struct arena *mem, struct session *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_SESSION_BY_IDEMPOTENCY_KEY,
                  DB_ARGS(db_uuid(workspace_id), db_uuid(user_id), db_text(key)), &rows, err) ||
        !db_one(rows, "upload session", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

bool session_final_of(struct db *db, struct uuid workspace_id, struct uuid user_id,
                      const char *partials, struct arena *mem, struct session *out,
                      struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_SESSION_FINAL_OF,
                  DB_ARGS(db_uuid(workspace_id), db_uuid(user_id), db_text(partials)), &rows,
                  err) ||
        !db_one(rows, "final upload", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

static bool list_of(struct db *db, enum sql_id id, const struct db_value *args, size_t arg_count,
                    size_t limit, struct arena *mem, struct session **out, size_t *count,
                    struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct session *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, id, args, arg_count, &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool session_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                  struct session **out, size_t *count, struct error *err)
{
    return list_of(db, SQL_SESSION_LIST, DB_ARGS(db_uuid(after), db_int(limit)), limit, mem, out,
                   count, err);
}

bool session_list_left(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                       struct session **out, size_t *count, struct error *err)
{
    return list_of(db, SQL_SESSION_LIST_LEFT, DB_ARGS(db_uuid(after), db_int(limit)), limit, mem,
                   out, count, err);
}

bool session_list_node(struct db *db, struct uuid node_id, struct uuid after, size_t limit,
                       struct arena *mem, struct session **out, size_t *count, struct error *err)
{
    return list_of(db, SQL_SESSION_LIST_NODE,
                   DB_ARGS(db_uuid(node_id), db_uuid(after), db_int(limit)), limit, mem, out, count,
                   err);
}

bool session_list_workspace(struct db *db, struct uuid workspace_id, struct uuid after,
                            size_t limit, struct arena *mem, struct session **out, size_t *count,
                            struct error *err)
{
    return list_of(db, SQL_SESSION_LIST_WORKSPACE,
                   DB_ARGS(db_uuid(workspace_id), db_uuid(after), db_int(limit)), limit, mem, out,
                   count, err);
}

bool session_expired(struct db *db, int64_t now_us, const struct session_expiry *after,
                     size_t limit, struct arena *mem, struct session **out, size_t *count,
                     struct error *err)
{
    return list_of(
        db, SQL_SESSION_EXPIRED,
        DB_ARGS(db_time(now_us), db_time(after->expires_at_us), db_uuid(after->id), db_int(limit)),
        limit, mem, out, count, err);
}

/* Makes room for one more, twice as much as before where there is none. */
static struct uuid *with_room(struct uuid *ids, size_t count, size_t *room, struct arena *mem)
{
    struct uuid *more;

    if (count < *room)
        return ids;
    *room = *room > 0 ? 2 * *room : 4;
    more = arena_array(mem, *room, sizeof *more);
    if (count > 0)
        memcpy(more, ids, count * sizeof *ids);
    return more;
}

bool session_finals_of(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                       struct uuid **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct uuid *found = NULL;
    size_t n = 0, room = 0;
    char text[UUID_TEXT_SIZE], pattern[UUID_TEXT_SIZE + 4];

    uuid_format(id, text);
    snprintf(pattern, sizeof pattern, "%%\"%s\"%%", text);
    if (!db_query(db, SQL_SESSION_FINALS, DB_ARGS(db_uuid(workspace_id), db_text(pattern)), &rows,
                  err))
        return false;
    while (db_next(rows)) {
        found = with_room(found, n, &room, mem);
        found[n++] = db_column_uuid(rows, 0);
    }
    if (!db_rows_ok(rows, err))
        return false;
    *out = found;
    *count = n;
    return true;
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
