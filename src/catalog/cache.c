#include "catalog/cache.h"

#include <stdio.h>
#include <string.h>

#include "catalog/rows.h"

#define SHRINK_PAGE 100

/* ---- rows ---- */

static void take_text(const struct db_rows *rows, int column, char *out, size_t size,
                      struct arena *mem)
{
    const char *text = db_column_text(rows, column, mem);

    snprintf(out, size, "%s", text ? text : "");
}

static struct cache_entry entry_from_row(const struct db_rows *rows, struct uuid workspace_id,
                                         struct arena *mem)
{
    struct cache_entry entry = {
        .id = db_column_uuid(rows, 0),
        .key.workspace_id = workspace_id,
        .file_size = (uint64_t)db_column_int(rows, 2),
        .created_at_us = db_column_time(rows, 5),
        .accessed_at_us = db_column_time(rows, 6),
        .access_count = (uint64_t)db_column_int(rows, 7),
        .expires_at_us = db_column_time(rows, 8),
        .compressed = db_column_bool(rows, 9),
        .data_bytes = (uint64_t)db_column_int(rows, 10),
        .stored_bytes = (uint64_t)db_column_int(rows, 11),
        .processing_time_ms = (uint64_t)db_column_int(rows, 12),
    };

    take_text(rows, 1, entry.key.file_hash, sizeof entry.key.file_hash, mem);
    take_text(rows, 3, entry.key.options_hash, sizeof entry.key.options_hash, mem);
    take_text(rows, 4, entry.key.type, sizeof entry.key.type, mem);
    return entry;
}

/* ---- use ---- */

#define KEY_AT(key, now_us)                                                                        \
    DB_ARGS(db_uuid((key)->workspace_id), db_text((key)->file_hash), db_text((key)->options_hash), \
            db_text((key)->type), db_time(now_us))

/* The column's bytes, NULL if they are not EXPECTED. What a row tells of itself is not believed
 * before memory is taken. */
static const void *bytes_from_row(const struct db_rows *rows, int column, uint64_t expected,
                                  struct arena *mem)
{
    void *bytes;

    if (db_column_bytes(rows, column, NULL, 0) != expected)
        return NULL;
    bytes = arena_alloc(mem, expected);
    db_column_bytes(rows, column, bytes, expected);
    return bytes;
}

/* *FOUND is untouched on failure. */
static bool next_or_end(struct db_rows *rows, bool *found, struct error *err)
{
    bool there = db_next(rows);

    if (!there && !db_rows_ok(rows, err))
        return false;
    *found = there;
    return true;
}

bool cache_look(struct db *db, const struct cache_key *key, int64_t now_us, struct arena *mem,
                bool *found, struct cache_entry *out, const void **stored, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_CACHE_LOOK, KEY_AT(key, now_us), &rows, err) ||
        !next_or_end(rows, found, err))
        return false;
    if (!*found)
        return true;
    *out = entry_from_row(rows, key->workspace_id, mem);
    *stored = bytes_from_row(rows, 13, out->stored_bytes, mem);
    return true;
}

bool cache_use(struct db *tx, const struct cache_key *key, int64_t now_us,
               struct cache_entry *entry, bool *found, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(tx, SQL_CACHE_HIT, KEY_AT(key, now_us), &rows, err) ||
        !next_or_end(rows, found, err))
        return false;
    if (!*found)
        return true;
    if (uuid_equal(db_column_uuid(rows, 0), entry->id)) {
        entry->accessed_at_us = db_column_time(rows, 1);
        entry->access_count = (uint64_t)db_column_int(rows, 2);
    }
    return true;
}

bool cache_miss(struct db *tx, const struct cache_key *key, struct error *err)
{
    return db_execute(
        tx, SQL_CACHE_MISS,
        DB_ARGS(db_uuid(key->workspace_id), db_text(key->type), db_int(CACHE_TYPES_MAX)), NULL,
        err);
}

/* ---- putting ---- */

bool cache_content_size(struct db *db, struct uuid workspace_id, const char *file_hash,
                        uint64_t *out, struct error *err)
{
    if (rows_count(db, SQL_CACHE_CONTENT_SIZE, DB_ARGS(db_uuid(workspace_id), db_text(file_hash)),
                   out, err))
        return true;
    return err->kind == ERR_NOT_FOUND
               ? error_set(err, ERR_CONTENT_UNKNOWN, "no upload of content %s", file_hash)
               : false;
}

static bool type_fits(struct db *tx, const struct cache_key *key, struct error *err)
{
    uint64_t others;

    if (!rows_count(tx, SQL_CACHE_OTHER_TYPES,
                    DB_ARGS(db_uuid(key->workspace_id), db_text(key->type)), &others, err))
        return false;
    return others < CACHE_TYPES_MAX ||
           error_tell(err, ERR_CONFLICT, "the workspace's cache has %d types already",
                      CACHE_TYPES_MAX);
}

bool cache_put_row(struct db *tx, const struct cache_entry *entry, const void *stored,
                   struct error *err)
{
    const struct cache_key *key = &entry->key;
    int64_t ratio_milli = (int64_t)(cache_compression_ratio(entry) * 1000.0 + 0.5);

    return type_fits(tx, key, err) &&
           db_execute(
               tx, SQL_CACHE_PUT,
               DB_ARGS(db_uuid(entry->id), db_uuid(key->workspace_id), db_text(key->file_hash),
                       db_int(entry->file_size), db_text(key->options_hash), db_text(key->type),
                       db_time(entry->created_at_us), db_time_or_null(entry->expires_at_us),
                       db_bool(entry->compressed), db_milli(ratio_milli), db_int(entry->data_bytes),
                       db_int(entry->stored_bytes), db_int(entry->processing_time_ms),
                       db_bytes(stored, entry->stored_bytes)),
               NULL, err);
}

/* ---- the limit ---- */

struct candidate {
    struct uuid id;
    uint64_t bytes;
};

static bool least_used(struct db *tx, struct uuid workspace_id, struct uuid kept,
                       struct candidate page[static SHRINK_PAGE], size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    size_t n = 0;

    if (!db_query(tx, SQL_CACHE_LEAST_USED,
                  DB_ARGS(db_uuid(workspace_id), db_uuid(kept), db_int(SHRINK_PAGE)), &rows, err))
        return false;
    while (n < SHRINK_PAGE && db_next(rows)) {
        page[n++] = (struct candidate){db_column_uuid(rows, 0),
                                       (uint64_t)db_column_int(rows, 1) + CACHE_ENTRY_BYTES};
    }
    *count = n;
    return db_rows_ok(rows, err);
}

/* Removes entries of one page until *USED is no more than MAX_BYTES. *LEFT: there may be others. */
static bool shrink_page(struct db *tx, struct uuid workspace_id, struct uuid kept,
                        uint64_t max_bytes, uint64_t *used, bool *left, struct error *err)
{
    struct candidate page[SHRINK_PAGE];
    size_t count;

    if (!least_used(tx, workspace_id, kept, page, &count, err))
        return false;
    for (size_t i = 0; i<count && * used> max_bytes; i++) {
        if (!db_execute(tx, SQL_CACHE_REMOVE_ID, DB_ARGS(db_uuid(page[i].id)), NULL, err))
            return false;
        *used -= page[i].bytes;
    }
    *left = count == SHRINK_PAGE;
    return true;
}

bool cache_shrink(struct db *tx, struct uuid workspace_id, struct uuid kept, uint64_t max_bytes,
                  struct error *err)
{
    bool left = true;
    uint64_t used;

    if (!rows_count(tx, SQL_CACHE_USED, DB_ARGS(db_uuid(workspace_id), db_int(CACHE_ENTRY_BYTES)),
                    &used, err))
        return false;
    while (left && used > max_bytes)
        if (!shrink_page(tx, workspace_id, kept, max_bytes, &used, &left, err))
            return false;
    return true;
}

/* ---- removing ---- */

bool cache_remove_key(struct db *tx, const struct cache_key *key, bool *removed, struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, SQL_CACHE_REMOVE_KEY,
                    DB_ARGS(db_uuid(key->workspace_id), db_text(key->file_hash),
                            db_text(key->options_hash), db_text(key->type)),
                    &changed, err))
        return false;
    *removed = changed > 0;
    return true;
}

bool cache_remove_of_content(struct db *tx, struct uuid workspace_id, const char *file_hash,
                             struct error *err)
{
    return db_execute(tx, SQL_CACHE_REMOVE_OF_CONTENT,
                      DB_ARGS(db_uuid(workspace_id), db_text(file_hash)), NULL, err);
}

bool cache_remove_some(struct db *tx, struct uuid workspace_id, const char *type, size_t limit,
                       uint64_t *removed, struct error *err)
{
    return db_execute(tx, SQL_CACHE_REMOVE_SOME,
                      DB_ARGS(db_uuid(workspace_id), db_text(type), db_int(limit)), removed, err);
}

bool cache_remove_expired(struct db *tx, int64_t now_us, size_t limit, uint64_t *removed,
                          struct error *err)
{
    return db_execute(tx, SQL_CACHE_REMOVE_EXPIRED, DB_ARGS(db_time(now_us), db_int(limit)),
                      removed, err);
}

bool cache_remove_workspace(struct db *tx, struct uuid workspace_id, struct error *err)
{
    return db_execute(tx, SQL_CACHE_REMOVE_ALL, DB_ARGS(db_uuid(workspace_id)), NULL, err) &&
           db_execute(tx, SQL_CACHE_FORGET_FIGURES, DB_ARGS(db_uuid(workspace_id)), NULL, err);
}

/* ---- figures ---- */

/* Six columns, from FIRST on. */
static struct cache_figures figures_from_row(const struct db_rows *rows, int first)
{
    return (struct cache_figures){
        .entries = (uint64_t)db_column_int(rows, first),
        .data_bytes = (uint64_t)db_column_int(rows, first + 1),
        .stored_bytes = (uint64_t)db_column_int(rows, first + 2),
        .hits = (uint64_t)db_column_int(rows, first + 3),
        .misses = (uint64_t)db_column_int(rows, first + 4),
        .time_saved_ms = (uint64_t)db_column_int(rows, first + 5),
    };
}

bool cache_figures_of(struct db *db, struct uuid workspace_id, struct arena *mem,
                      struct cache_figures **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct cache_figures *list = arena_array(mem, CACHE_TYPES_MAX, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_CACHE_FIGURES, DB_ARGS(db_uuid(workspace_id), db_int(CACHE_TYPES_MAX)),
                  &rows, err))
        return false;
    while (n < CACHE_TYPES_MAX && db_next(rows)) {
        list[n] = figures_from_row(rows, 1);
        take_text(rows, 0, list[n].type, sizeof list[n].type, mem);
        n++;
    }
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool cache_totals(struct db *db, struct cache_figures *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_CACHE_TOTALS, DB_NO_ARGS, &rows, err) || !db_one(rows, "figures", err))
        return false;
    *out = figures_from_row(rows, 0);
    return true;
}

bool cache_audit_all(struct db *db, struct arena *mem, struct cache_audit **out, size_t *count,
                     struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct cache_audit *list = NULL;
    size_t n = 0, room = 0;

    if (!db_query(db, SQL_CACHE_AUDIT, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(rows)) {
        if (n == room) {
            struct cache_audit *more = arena_array(mem, room = room ? 2 * room : 64, sizeof *more);

            if (n > 0)
                memcpy(more, list, n * sizeof *more);
            list = more;
        }
        list[n++] = (struct cache_audit){
            .workspace_id = db_column_uuid(rows, 0),
            .entries = (uint64_t)db_column_int(rows, 1),
            .rows_entries = (uint64_t)db_column_int(rows, 2),
            .stored_bytes = (uint64_t)db_column_int(rows, 3),
            .rows_stored_bytes = (uint64_t)db_column_int(rows, 4),
        };
    }
    return rows_listed(rows, list, n, (void **)out, count, err);
}
