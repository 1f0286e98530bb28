#include "catalog/result.h"

#include <string.h>

#include "catalog/rows.h"

bool result_put(struct db *tx, const struct result *result, struct error *err)
{
    struct db_value end = result->part == RESULT_WHOLE ? db_null() : db_milli(result->end_ms);

    return db_execute(
               tx, SQL_RESULT_DROP_OTHERS,
               DB_ARGS(db_uuid(result->upload_id), db_text(result->kind), db_int(result->part)),
               NULL, err) &&
           db_execute(tx, SQL_RESULT_PUT,
                      DB_ARGS(db_uuid(result->id), db_uuid(result->upload_id),
                              rows_uuid(result->chunk_id), db_text(result->kind),
                              db_int(result->part), db_milli(result->start_ms), end,
                              db_uuid(result->job_id), db_text(result->options),
                              db_bool(result->from_cache), db_int(result->processing_time_ms),
                              db_time(result->completed_at_us), db_text(result->json)),
                      NULL, err);
}

bool result_of_chunk(struct db *tx, struct uuid chunk_id, struct uuid result_id, struct error *err)
{
    return db_execute(tx, SQL_RESULT_OF_CHUNK, DB_ARGS(db_uuid(chunk_id), db_uuid(result_id)), NULL,
                      err);
}

static struct result from_row(const struct db_rows *rows, struct arena *mem)
{
    struct result result = {
        .id = db_column_uuid(rows, 0),
        .chunk_id = db_column_uuid(rows, 1),
        .part = db_column_int(rows, 2),
        .start_ms = db_column_milli(rows, 3),
        .end_ms = db_column_milli(rows, 4),
        .job_id = db_column_uuid(rows, 5),
        .options = db_column_text(rows, 6, mem),
        .from_cache = db_column_bool(rows, 7),
        .processing_time_ms = db_column_int(rows, 8),
        .completed_at_us = db_column_time(rows, 9),
        .json = db_column_text(rows, 10, mem),
    };

    result.before_end_ms =
        db_column_is_null(rows, 11) ? result.start_ms : db_column_milli(rows, 11);
    result.behind_start_ms =
        db_column_is_null(rows, 12) ? result.end_ms : db_column_milli(rows, 12);
    return result;
}

bool result_list(struct db *db, struct uuid upload_id, const char *kind,
                 const struct result_page *page, struct arena *mem, struct result **out,
                 size_t *count, bool *more, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct result *list = arena_array(mem, page->limit, sizeof *list);
    size_t n = 0, bytes = 0;
    bool behind = false;

    if (!db_query(db, SQL_RESULT_LIST,
                  DB_ARGS(db_uuid(upload_id), db_text(kind), db_int(page->from_part),
                          db_int(page->limit + 1)),
                  &rows, err))
        return false;
    while (db_next(rows)) {
        behind = n == page->limit || bytes > page->bytes;
        if (behind)
            break;
        list[n] = from_row(rows, mem);
        list[n].upload_id = upload_id;
        list[n].kind = kind;
        bytes += strlen(list[n++].json);
    }
    if (!rows_listed(rows, list, n, (void **)out, count, err))
        return false;
    *more = behind;
    return true;
}

bool result_made_of(struct db *db, struct uuid upload_id, const char *kind,
                    void (*visit)(void *context, const struct result_origin *origin), void *context,
                    struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    scoped(arena_release) struct arena *mem = arena_new();

    if (!db_query(db, SQL_RESULT_MADE_OF, DB_ARGS(db_uuid(upload_id), db_text(kind)), &rows, err))
        return false;
    while (db_next(rows)) {
        visit(context, &(struct result_origin){.part = db_column_int(rows, 0),
                                               .options = db_column_text(rows, 1, mem),
                                               .chunk_sha256 = db_column_text(rows, 2, mem),
                                               .completed_at_us = db_column_time(rows, 3)});
        arena_reset(mem);
    }
    return db_rows_ok(rows, err);
}

bool result_kinds(struct db *db, struct uuid upload_id, const char *kind, size_t limit,
                  struct arena *mem, struct result_kind **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct result_kind *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_RESULT_KINDS, DB_ARGS(db_uuid(upload_id), db_text(kind), db_int(limit)),
                  &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = (struct result_kind){.kind = db_column_text(rows, 0, mem),
                                         .parts = (uint64_t)db_column_int(rows, 1),
                                         .parts_total = (uint64_t)db_column_int(rows, 2),
                                         .completed_at_us = db_column_time(rows, 3)};
    return rows_listed(rows, list, n, (void **)out, count, err);
}
