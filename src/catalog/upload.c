#include "catalog/upload.h"

#include <stdio.h>

#include "catalog/rows.h"
#include "catalog/upload_row.h"

#define FINDING_PATH_SIZE 64

bool upload_insert(struct db *tx, const struct upload *u, struct error *err)
{
    bool facts = u->has_facts;

    return db_execute(
        tx, SQL_UPLOAD_INSERT,
        DB_ARGS(db_uuid(u->id), db_uuid(u->workspace_id), db_uuid(u->user_id),
                db_text(u->original_filename), db_int(u->file_size), db_text(u->file_type),
                db_text(u->mime_type), facts ? db_milli(u->duration_ms) : db_null(),
                db_int_or_null(facts, u->sample_rate_hz), db_int_or_null(facts, u->channels),
                db_int_or_null(facts, u->bitrate_kbps), db_text(u->codec), db_text(u->metadata),
                db_text(u->storage_provider), db_text(u->storage_name), db_text(u->storage_class),
                db_text(u->storage_path), db_text(u->storage_url), db_text(u->storage_region),
                db_text(u->checksum_md5), db_text(u->checksum_sha256), db_text(u->compression_type),
                db_int(u->original_size),
                db_int_or_null(u->has_compressed_size, (int64_t)u->compressed_size),
                rows_uuid(u->duplicate_of), db_text(upload_status_name(u->status)),
                db_time(u->uploaded_at_us), db_time(u->updated_at_us), db_int(u->max_retries)),
        NULL, err);
}

static bool read_one(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                     struct arena *mem, struct upload *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, id, args, count, &rows, err) || !db_one(rows, "upload", err))
        return false;
    *out = upload_from_row(rows, mem);
    return true;
}

bool upload_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                  struct upload *out, struct error *err)
{
    return read_one(db, SQL_UPLOAD_BY_ID, DB_ARGS(db_uuid(workspace_id), db_uuid(id)), mem, out,
                    err);
}

bool upload_by_content(struct db *db, struct uuid workspace_id, const char *sha256,
                       uint64_t file_size, struct arena *mem, struct upload *out, struct error *err)
{
    return read_one(db, SQL_UPLOAD_BY_CONTENT,
                    DB_ARGS(db_uuid(workspace_id), db_text(sha256), db_int(file_size)), mem, out,
                    err);
}

bool upload_content_is_still(struct db *tx, struct uuid workspace_id, const char *sha256,
                             uint64_t file_size, const struct upload *found, struct error *err)
{
    static const struct db_refusal changed = {ERR_CONFLICT, "the same content came or went"};

    if (!found)
        return db_must(tx, SQL_UPLOAD_CONTENT_IS_NEW,
                       DB_ARGS(db_uuid(workspace_id), db_text(sha256), db_int(file_size)), &changed,
                       err);
    return db_must(tx, SQL_UPLOAD_CONTENT_IS_SAME,
                   DB_ARGS(db_uuid(workspace_id), db_text(sha256), db_int(file_size),
                           db_uuid(found->id), db_text(found->storage_name),
                           db_text(found->storage_path), db_text(found->storage_class),
                           db_time_or_null(found->deleted_at_us), rows_uuid(found->duplicate_of)),
                   &changed, err);
}

bool upload_anywhere(struct db *db, struct uuid id, struct arena *mem, struct upload *out,
                     struct error *err)
{
    return read_one(db, SQL_UPLOAD_ANYWHERE, DB_ARGS(db_uuid(id)), mem, out, err);
}

bool upload_by_signed_path(struct db *db, const char *storage_path, struct arena *mem,
                           struct upload *out, struct error *err)
{
    return read_one(db, SQL_UPLOAD_BY_PATH, DB_ARGS(db_text(storage_path)), mem, out, err);
}

bool upload_by_path(struct db *db, struct uuid workspace_id, const char *storage_path,
                    struct arena *mem, struct upload *out, struct error *err)
{
    struct upload found;

    if (!upload_by_signed_path(db, storage_path, mem, &found, err))
        return false;
    if (!uuid_equal(found.workspace_id, workspace_id))
        return error_tell(err, ERR_NOT_FOUND,
                          "upload does not exist"); /* as if it were not there */
    *out = found;
    return true;
}

bool upload_change(struct db *tx, struct uuid id, const char *original_filename,
                   const char *metadata, int64_t now_us, struct error *err)
{
    uint64_t changed;

    return db_execute(
               tx, SQL_UPLOAD_CHANGE,
               DB_ARGS(db_uuid(id), db_text(original_filename), db_text(metadata), db_time(now_us)),
               &changed, err) &&
           rows_touched(changed, "upload", err);
}

/* Runs STATEMENT on one upload of the workspace, which may leave it as it is but must find it. */
static bool change_state(struct db *tx, enum sql_id statement, struct uuid workspace_id,
                         struct uuid id, int64_t now_us, bool *changed, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct upload upload;
    uint64_t touched;

    if (!db_execute(tx, statement, DB_ARGS(db_uuid(workspace_id), db_uuid(id), db_time(now_us)),
                    &touched, err))
        return false;
    if (touched == 0 && !upload_by_id(tx, workspace_id, id, mem, &upload, err))
        return false;
    *changed = touched > 0;
    return true;
}

bool upload_set_finding(struct db *tx, struct uuid id, const char *name, const char *finding,
                        int64_t now_us, struct error *err)
{
    char path[FINDING_PATH_SIZE];

    snprintf(path, sizeof path, "$.%s", name);
    return db_execute(tx, SQL_UPLOAD_SET_FINDING,
                      DB_ARGS(db_uuid(id), db_text(path), db_text(finding), db_time(now_us)), NULL,
                      err);
}

bool upload_set_class(struct db *tx, const char *storage_name, const char *storage_path,
                      const char *storage_class, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_UPLOAD_SET_CLASS,
                      DB_ARGS(db_text(storage_name), db_text(storage_path), db_text(storage_class),
                              db_time(now_us)),
                      NULL, err);
}

bool upload_trash(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                  bool *changed, struct error *err)
{
    return change_state(tx, SQL_UPLOAD_TRASH, workspace_id, id, now_us, changed, err);
}

bool upload_undelete(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                     bool *changed, struct error *err)
{
    return change_state(tx, SQL_UPLOAD_UNDELETE, workspace_id, id, now_us, changed, err);
}

/* *FOUND and *NEXT: who takes the place of the original ID. */
static bool next_original(struct db *tx, struct uuid id, bool *found, struct uuid *next,
                          struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(tx, SQL_UPLOAD_NEXT_ORIGINAL, DB_ARGS(db_uuid(id)), &rows, err))
        return false;
    *found = db_next(rows);
    if (*found)
        *next = db_column_uuid(rows, 0);
    return db_rows_ok(rows, err);
}

bool upload_remove(struct db *tx, struct uuid id, struct error *err)
{
    struct uuid next = {{0}};
    bool found;

    if (!next_original(tx, id, &found, &next, err))
        return false;
    if (found && (!db_execute(tx, SQL_UPLOAD_MAKE_ORIGINAL, DB_ARGS(db_uuid(next)), NULL, err) ||
                  !db_execute(tx, SQL_UPLOAD_FOLLOW_ORIGINAL, DB_ARGS(db_uuid(id), db_uuid(next)),
                              NULL, err)))
        return false;
    return db_execute(tx, SQL_UPLOAD_REMOVE, DB_ARGS(db_uuid(id)), NULL, err);
}

bool upload_count_sharing(struct db *db, const char *storage_name, const char *storage_path,
                          uint64_t *out, struct error *err)
{
    return rows_count(db, SQL_UPLOAD_COUNT_SHARING,
                      DB_ARGS(db_text(storage_name), db_text(storage_path)), out, err);
}

bool upload_ids(struct db *db, struct uuid workspace_id, size_t limit, struct arena *mem,
                struct uuid **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct uuid *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_UPLOAD_IDS, DB_ARGS(db_uuid(workspace_id), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = db_column_uuid(rows, 0);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool upload_store_names(struct db *db, const char *after, size_t limit, struct arena *mem,
                        const char ***out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    const char **list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_UPLOAD_STORE_NAMES, DB_ARGS(db_text(after), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = db_column_text(rows, 0, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool upload_objects(struct db *db, const char *storage_name, const char *after, size_t limit,
                    struct arena *mem, struct upload_object **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct upload_object *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_UPLOAD_OBJECTS,
                  DB_ARGS(db_text(storage_name), db_text(after), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = (struct upload_object){
            .storage_path = db_column_text(rows, 0, mem),
            .stored_bytes = (uint64_t)db_column_int(rows, 1),
            .sha256 = db_column_text(rows, 2, mem),
            .rows = (uint64_t)db_column_int(rows, 3),
            .live_rows = (uint64_t)db_column_int(rows, 4),
        };
    return rows_listed(rows, list, n, (void **)out, count, err);
}
