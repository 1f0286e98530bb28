#include "db/transfer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/canonical_json.h"
#include "db/transfer_tables.h"

#define BUSY_MS 30000
#define STATEMENT_MS (10 * 60 * 1000)
#define PAGE_ROWS 1000
#define PAGE_BYTES (UINT64_C(16) << 20) /* of one page in memory, but for its last row */
#define JSON_MAX_BYTES (UINT64_C(1) << 30)

struct mover {
    const struct transfer *transfer;
    struct transfer_tables tables;
    struct sql_set source_set, target_set;
    struct database *source, *target;
    struct db *from; /* sees one state of the source */
};

static void report(const struct mover *mover, const struct transfer_progress *progress)
{
    if (mover->transfer->report)
        mover->transfer->report(mover->transfer->context, progress);
}

/* ---- values ---- */

static uint64_t size_of(const struct db_value *value)
{
    switch (value->type) {
    case DB_TEXT:
        return strlen(value->text);
    case DB_BYTES:
        return value->length;
    default:
        return sizeof *value;
    }
}

/* The driver's own reading, so that bytes need no bound; copied into MEM. */
static struct db_value value_at(const struct db_rows *rows, size_t column, enum db_type type,
                                struct arena *mem)
{
    struct db_value value = rows->db->database->driver->column(rows, (int)column, type);

    if (value.type == DB_NULL)
        return value;
    value.type = type;
    if (type == DB_TEXT) {
        value.text = arena_strdup(mem, value.text);
    } else if (type == DB_BYTES) {
        void *copy = arena_alloc(mem, value.length + 1);
        if (value.length > 0)
            memcpy(copy, value.bytes, value.length);
        value.bytes = copy;
    }
    return value;
}

static struct db_value *read_row(const struct db_rows *rows, const struct transfer_table *table,
                                 struct arena *mem)
{
    struct db_value *row = arena_array(mem, table->column_count, sizeof *row);

    for (size_t i = 0; i < table->column_count; i++)
        row[i] = value_at(rows, i, table->types[i], mem);
    return row;
}

/* ---- checksums ---- */

static uint64_t add_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return hash;
}

/* JSONB keeps what a text says and not how it says it: both are read as the same text. */
static uint64_t add_json(uint64_t hash, const char *text)
{
    struct buf buf;
    json_t *value = NULL;
    struct error ignored;

    buf_init(&buf, JSON_MAX_BYTES);
    if (canonical_json_read(text, strlen(text), &value, &ignored) &&
        canonical_json_write(value, &buf, &ignored)) {
        hash = add_bytes(hash, buf.bytes, buf.length);
    } else { /* JSON, but no I-JSON: a number that no double is */
        json_t *loose = json_loads(text, JSON_DECODE_ANY, NULL);
        char *again = json_dumps(loose, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
        const char *plain = again ? again : text;
        hash = add_bytes(hash, plain, strlen(plain));
        free(again);
        json_decref(loose);
    }
    json_decref(value);
    buf_done(&buf);
    return hash;
}

static uint64_t add_value(uint64_t hash, const struct db_value *value, bool is_json)
{
    hash = add_bytes(hash, &value->type, sizeof value->type);
    switch (value->type) {
    case DB_NULL:
        return hash;
    case DB_TEXT:
        return is_json ? add_json(hash, value->text)
                       : add_bytes(hash, value->text, strlen(value->text));
    case DB_BYTES:
        return add_bytes(hash, value->bytes, value->length);
    default:
        return add_bytes(hash, &value->integer, sizeof value->integer);
    }
}

/* Rows are summed, so that their order does not matter. */
static uint64_t row_checksum(const struct transfer_table *table, const struct db_value *row)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < table->column_count; i++)
        hash = add_value(hash, &row[i], table->is_json[i]);
    hash ^= hash >> 31; /* spread, as sums of what differs in one bit would hide it */
    hash *= UINT64_C(0x7fb5d329728ea185);
    return hash ^ hash >> 27;
}

/* ---- copying ---- */

struct page {
    size_t index; /* of the table */
    const struct transfer_table *table;
    struct db_value *rows[PAGE_ROWS];
    size_t count;
    uint64_t behind; /* rows that are there with this page */
    bool is_last;
    bool by_row; /* each is waited for: the one that fails is known */
};

static bool add_page(struct db *tx, void *context, struct error *err)
{
    const struct page *page = context;
    uint64_t added;

    for (size_t i = 0; i < page->count; i++)
        if (!db_execute(tx, transfer_sql(page->index, TABLE_ADD), page->rows[i],
                        page->table->column_count, page->by_row ? &added : NULL, err))
            return !page->by_row
                       ? false
                       : error_context(err, "row %" PRIu64, page->behind - page->count + i + 1);
    return db_execute(tx, (enum sql_id)TRANSFER_NOTE,
                      DB_ARGS(db_text(page->table->name), db_int(page->behind)), NULL, err);
}

/* What fails is tried once more, to find the row. */
static bool copy_page(struct database *target, struct page *page, struct error *err)
{
    page->by_row = false;
    if (database_write(target, add_page, page, err))
        return true;
    page->by_row = true;
    return database_write(target, add_page, page, err);
}

/* The next rows, as many as a page takes. */
static bool fill_page(struct db_rows *rows, struct page *page, struct arena *mem, struct error *err)
{
    uint64_t bytes = 0;

    page->count = 0;
    while (page->count < PAGE_ROWS && bytes < PAGE_BYTES && !page->is_last) {
        page->is_last = !db_next(rows);
        if (page->is_last)
            break;
        struct db_value *row = read_row(rows, page->table, mem);

        for (size_t i = 0; i < page->table->column_count; i++)
            bytes += size_of(&row[i]);
        page->rows[page->count++] = row;
    }
    page->behind += page->count;
    return !page->is_last || db_rows_ok(rows, err);
}

static bool count_of(struct db *db, enum sql_id id, const struct db_value *args, size_t arg_count,
                     uint64_t *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, id, args, arg_count, &rows, err))
        return false;
    *out = db_next(rows) ? (uint64_t)db_column_int(rows, 0) : 0;
    return db_rows_ok(rows, err);
}

/* How many rows the source has, and how many of them are there already. */
static bool look(struct mover *mover, size_t index, uint64_t *total, uint64_t *copied,
                 struct error *err)
{
    scoped(db_release) struct db *to = NULL;
    const char *name = mover->tables.list[index].name;

    return count_of(mover->from, transfer_sql(index, TABLE_COUNT), DB_NO_ARGS, total, err) &&
           database_read(mover->target, &to, err) &&
           count_of(to, (enum sql_id)TRANSFER_COPIED, DB_ARGS(db_text(name)), copied, err);
}

static bool copy_table(struct mover *mover, size_t index, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    struct page page = {.index = index, .table = &mover->tables.list[index]};
    struct transfer_progress progress = {.stage = TRANSFER_COPYING, .table = page.table->name};

    if (!look(mover, index, &progress.total, &page.behind, err) ||
        !db_query(mover->from, transfer_sql(index, TABLE_READ), DB_ARGS(db_int(page.behind)), &rows,
                  err))
        return false;
    do {
        arena_reset(mem);
        progress.rows = page.behind;
        report(mover, &progress);
        if (!fill_page(rows, &page, mem, err) || !copy_page(mover->target, &page, err))
            return false;
    } while (!page.is_last);
    return true;
}

/* ---- comparing ---- */

struct sum {
    uint64_t rows;
    uint64_t checksum;
};

static void add_row(struct sum *sum, const struct transfer_table *table, const struct db_value *row)
{
    sum->rows++;
    sum->checksum += row_checksum(table, row);
}

static bool sum_source(struct mover *mover, size_t index, struct sum *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    const struct transfer_table *table = &mover->tables.list[index];

    if (!db_query(mover->from, transfer_sql(index, TABLE_READ), DB_ARGS(db_int(0)), &rows, err))
        return false;
    while (db_next(rows)) {
        arena_reset(mem);
        add_row(out, table, read_row(rows, table, mem));
    }
    return db_rows_ok(rows, err);
}

/* One page; KEY, unless nothing was read yet, is of the row before, and becomes that of the last.
 */
static bool sum_page(struct db *to, const struct transfer_table *table, size_t index,
                     struct db_value *key, bool *more, struct arena **mem, struct sum *out,
                     struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    scoped(arena_release) struct arena *next = arena_new();
    struct db_value *row = NULL;

    if (!(out->rows == 0 ? db_query(to, transfer_sql(index, TABLE_PAGE), DB_NO_ARGS, &rows, err)
                         : db_query(to, transfer_sql(index, TABLE_PAGE_BEHIND), key,
                                    table->key_count, &rows, err)))
        return false;
    while (db_next(rows)) {
        row = read_row(rows, table, next);
        add_row(out, table, row);
    }
    for (size_t i = 0; row && i < table->key_count; i++)
        key[i] = row[table->key[i]];
    *more = row != NULL;
    struct arena *read = *mem;
    *mem = take(next);
    next = read;
    return db_rows_ok(rows, err);
}

static bool sum_target(struct mover *mover, size_t index, uint64_t total, struct sum *out,
                       struct error *err)
{
    scoped(db_release) struct db *to = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    const struct transfer_table *table = &mover->tables.list[index];
    struct transfer_progress progress = {
        .stage = TRANSFER_COMPARING, .table = table->name, .total = total};
    struct db_value key[TRANSFER_COLUMNS_MOST];
    bool more = true;

    if (!database_read(mover->target, &to, err))
        return false;
    while (more) {
        progress.rows = out->rows;
        report(mover, &progress);
        if (!sum_page(to, table, index, key, &more, &mem, out, err))
            return false;
    }
    return true;
}

static bool compare_table(struct mover *mover, size_t index, struct error *err)
{
    struct sum here = {0}, there = {0};
    const char *name = mover->tables.list[index].name;

    if (!sum_source(mover, index, &here, err) || !sum_target(mover, index, here.rows, &there, err))
        return false;
    if (here.rows != there.rows || here.checksum != there.checksum)
        return error_set(err, ERR_CONFLICT,
                         "the target has %" PRIu64 " rows of checksum %016" PRIx64 " for %" PRIu64
                         " of %016" PRIx64,
                         there.rows, there.checksum, here.rows, here.checksum);
    report(mover, &(struct transfer_progress){.stage = TRANSFER_DONE,
                                              .table = name,
                                              .rows = here.rows,
                                              .total = here.rows,
                                              .checksum = here.checksum});
    return true;
}

/* ---- the whole ---- */

static bool finish_work(struct db *tx, void *context, struct error *err)
{
    (void)context;
    return tx->database->driver->script(tx, transfer_finish, err);
}

static bool open_both(struct mover *mover, struct error *err)
{
    struct database_options source = {
        .url = mover->transfer->from, .readers = 1, .busy_ms = BUSY_MS};
    struct database_options target = {
        .url = mover->transfer->to, .readers = 1, .busy_ms = BUSY_MS, .statement_ms = STATEMENT_MS};

    if (!database_open_set(&source, &mover->source_set, DATABASE_EXISTING, &mover->source, err))
        return error_context(err, "source");
    if (!database_open_set(&target, &mover->target_set, DATABASE_CREATE, &mover->target, err))
        return error_context(err, "target");
    return true;
}

static void close_both(struct mover *mover)
{
    db_return(take(mover->from));
    database_free(take(mover->source));
    database_free(take(mover->target));
}

/* Opens both to see what there is to be moved. */
static bool find_tables(struct mover *mover, struct arena *mem, struct error *err)
{
    scoped(db_release) struct db *to = NULL;

    mover->source_set = transfer_set(NULL, SQL_ENGINE_SQLITE, mem);
    mover->target_set = transfer_set(NULL, SQL_ENGINE_POSTGRES, mem);
    return open_both(mover, err) && database_snapshot(mover->source, &mover->from, err) &&
           database_read(mover->target, &to, err) &&
           transfer_tables_read(mover->from, to, mem, &mover->tables, err);
}

static bool move_all(struct mover *mover, struct error *err)
{
    if (!open_both(mover, err) || !database_snapshot(mover->source, &mover->from, err))
        return false;
    for (size_t i = 0; i < mover->tables.count; i++)
        if (!copy_table(mover, i, err))
            return error_context(err, "copy %s", mover->tables.list[i].name);
    for (size_t i = 0; i < mover->tables.count; i++)
        if (!compare_table(mover, i, err))
            return error_context(err, "compare %s", mover->tables.list[i].name);
    return database_write(mover->target, finish_work, NULL, err);
}

bool transfer_run(const struct transfer *transfer, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct mover mover = {.transfer = transfer};
    bool found = find_tables(&mover, mem, err), moved;

    close_both(&mover);
    if (!found)
        return false;
    mover.source_set = transfer_set(&mover.tables, SQL_ENGINE_SQLITE, mem);
    mover.target_set = transfer_set(&mover.tables, SQL_ENGINE_POSTGRES, mem);
    moved = move_all(&mover, err);
    close_both(&mover);
    return moved;
}
