#include "catalog/derived.h"

#include <string.h>

#include "catalog/rows.h"

static const char *const kind_names[] = {
    [DERIVED_CHUNK] = "chunk", [DERIVED_WAVEFORM] = "waveform"};

bool derived_add(struct db *tx, const struct derived *file, struct error *err)
{
    return db_execute(tx, SQL_DERIVED_ADD,
                      DB_ARGS(db_text(file->storage_name), db_text(file->storage_path),
                              db_uuid(file->upload_id), db_text(kind_names[file->kind]),
                              db_int(file->number), db_int(file->size), db_text(file->checksum_md5),
                              db_text(file->checksum_sha256), db_uuid(file->job_id),
                              db_int(file->lease_token), db_time(file->created_at_us)),
                      NULL, err);
}

bool derived_keep(struct db *tx, struct uuid job_id, int64_t lease_token, enum derived_kind kind,
                  struct error *err)
{
    return db_execute(tx, SQL_DERIVED_KEEP,
                      DB_ARGS(db_uuid(job_id), db_int(lease_token), db_text(kind_names[kind])),
                      NULL, err);
}

bool derived_share(struct db *tx, const struct derived *from, const struct derived_owner *to,
                   uint64_t *count, struct error *err)
{
    return db_execute(tx, SQL_DERIVED_SHARE,
                      DB_ARGS(db_uuid(to->upload_id), db_uuid(to->job_id), db_int(to->lease_token),
                              db_uuid(from->upload_id), db_uuid(from->job_id),
                              db_int(from->lease_token), db_text(kind_names[from->kind])),
                      count, err);
}

bool derived_remove(struct db *tx, const struct derived *file, bool *is_last, struct error *err)
{
    uint64_t others;

    if (!db_execute(tx, SQL_DERIVED_REMOVE,
                    DB_ARGS(db_text(file->storage_name), db_text(file->storage_path),
                            db_uuid(file->job_id), db_int(file->lease_token)),
                    NULL, err) ||
        !rows_count(tx, SQL_DERIVED_COUNT_SHARING,
                    DB_ARGS(db_text(file->storage_name), db_text(file->storage_path)), &others,
                    err))
        return false;
    *is_last = others == 0;
    return true;
}

static struct derived from_row(const struct db_rows *rows, struct arena *mem)
{
    const char *kind = db_column_text(rows, 3, mem);

    return (struct derived){
        .storage_name = db_column_text(rows, 0, mem),
        .storage_path = db_column_text(rows, 1, mem),
        .upload_id = db_column_uuid(rows, 2),
        .kind = strcmp(kind, kind_names[DERIVED_CHUNK]) == 0 ? DERIVED_CHUNK : DERIVED_WAVEFORM,
        .number = (uint32_t)db_column_int(rows, 4),
        .size = (uint64_t)db_column_int(rows, 5),
        .checksum_md5 = db_column_text(rows, 6, mem),
        .checksum_sha256 = db_column_text(rows, 7, mem),
        .job_id = db_column_uuid(rows, 8),
        .lease_token = db_column_int(rows, 9),
        .kept = db_column_bool(rows, 10),
        .created_at_us = db_column_time(rows, 11),
    };
}

/* ARGS_COUNT includes the limit. */
static bool list(struct db *db, enum sql_id statement, const struct db_value *args,
                 size_t args_count, size_t limit, struct arena *mem, struct derived **out,
                 size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct derived *files = arena_array(mem, limit, sizeof *files);
    size_t n = 0;

    if (!db_query(db, statement, args, args_count, &rows, err))
        return false;
    while (n < limit && db_next(rows))
        files[n++] = from_row(rows, mem);
    return rows_listed(rows, files, n, (void **)out, count, err);
}

bool derived_kept(struct db *db, struct uuid upload_id, enum derived_kind kind, uint32_t number,
                  size_t limit, struct arena *mem, struct derived **out, size_t *count,
                  struct error *err)
{
    return list(
        db, SQL_DERIVED_KEPT,
        DB_ARGS(db_uuid(upload_id), db_text(kind_names[kind]), db_int(number), db_int(limit)),
        limit, mem, out, count, err);
}

bool derived_of_content(struct db *db, struct uuid workspace_id, const char *sha256,
                        enum derived_kind kind, size_t limit, struct arena *mem,
                        struct derived **out, size_t *count, struct error *err)
{
    return list(
        db, SQL_DERIVED_OF_CONTENT,
        DB_ARGS(db_uuid(workspace_id), db_text(sha256), db_text(kind_names[kind]), db_int(limit)),
        limit, mem, out, count, err);
}

bool derived_alike(struct db *db, struct uuid workspace_id, const char *sha256,
                   const struct derived *like, size_t limit, struct arena *mem,
                   struct derived **out, size_t *count, struct error *err)
{
    return list(db, SQL_DERIVED_ALIKE,
                DB_ARGS(db_uuid(workspace_id), db_text(sha256), db_text(kind_names[like->kind]),
                        db_int(like->number), db_text(like->checksum_sha256), db_int(limit)),
                limit, mem, out, count, err);
}

bool derived_of_upload(struct db *db, struct uuid upload_id, size_t limit, struct arena *mem,
                       struct derived **out, size_t *count, struct error *err)
{
    return list(db, SQL_DERIVED_OF_UPLOAD, DB_ARGS(db_uuid(upload_id), db_int(limit)), limit, mem,
                out, count, err);
}

bool derived_loose(struct db *db, size_t limit, struct arena *mem, struct derived **out,
                   size_t *count, struct error *err)
{
    return list(db, SQL_DERIVED_LOOSE, DB_ARGS(db_int(limit)), limit, mem, out, count, err);
}

bool derived_at(struct db *db, const char *storage_name, const char *storage_path,
                struct arena *mem, struct derived *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_DERIVED_AT, DB_ARGS(db_text(storage_name), db_text(storage_path)), &rows,
                  err) ||
        !db_one(rows, "file", err))
        return false;
    *out = from_row(rows, mem);
    return true;
}

bool derived_has(struct db *db, struct uuid upload_id, const char *storage_name,
                 const char *storage_path, bool *out, struct error *err)
{
    uint64_t count;

    if (!rows_count(db, SQL_DERIVED_HAS,
                    DB_ARGS(db_text(storage_name), db_text(storage_path), db_uuid(upload_id)),
                    &count, err))
        return false;
    *out = count > 0;
    return true;
}

bool derived_walk(struct db *db, const char *storage_name, const char *after, size_t limit,
                  struct arena *mem, struct derived **out, size_t *count, struct error *err)
{
    return list(db, SQL_DERIVED_WALK, DB_ARGS(db_text(storage_name), db_text(after), db_int(limit)),
                limit, mem, out, count, err);
}

bool derived_bytes_beside(struct db *db, struct uuid workspace_id, struct uuid upload_id,
                          enum derived_kind kind, uint64_t *out, struct error *err)
{
    return rows_count(db, SQL_DERIVED_BYTES_BESIDE,
                      DB_ARGS(db_uuid(workspace_id), db_uuid(upload_id), db_text(kind_names[kind])),
                      out, err);
}

/* ---- recipes ---- */

bool derived_note_recipe(struct db *tx, struct uuid upload_id, enum derived_kind kind,
                         const char *options, int64_t now_us, struct error *err)
{
    return db_execute(
        tx, SQL_DERIVED_NOTE_RECIPE,
        DB_ARGS(db_uuid(upload_id), db_text(kind_names[kind]), db_text(options), db_time(now_us)),
        NULL, err);
}

bool derived_recipe(struct db *db, struct uuid upload_id, enum derived_kind kind, struct arena *mem,
                    const char **out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_DERIVED_RECIPE, DB_ARGS(db_uuid(upload_id), db_text(kind_names[kind])),
                  &rows, err) ||
        !db_one(rows, "recipe", err))
        return false;
    *out = db_column_text(rows, 0, mem);
    return true;
}
