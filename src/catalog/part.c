#include "catalog/part.h"

#include "catalog/rows.h"

/* ---- rows ---- */

static bool find_touching(struct db *tx, struct uuid session_id, struct part *part,
                          struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(tx, SQL_PART_TOUCHING,
                  DB_ARGS(db_uuid(session_id), db_int(part->start), db_int(part->end)), &rows,
                  err) ||
        !db_one(rows, "parts", err))
        return false;
    if (db_column_is_null(rows, 0))
        return true;
    if ((uint64_t)db_column_int(rows, 0) < part->start)
        part->start = (uint64_t)db_column_int(rows, 0);
    if ((uint64_t)db_column_int(rows, 1) > part->end)
        part->end = (uint64_t)db_column_int(rows, 1);
    return true;
}

bool part_add(struct db *tx, struct uuid session_id, struct part part, struct error *err)
{
    if (!find_touching(tx, session_id, &part, err))
        return false;
    struct db_value args[] = {db_uuid(session_id), db_int(part.start), db_int(part.end)};

    return db_execute(tx, SQL_PART_REMOVE, args, COUNT_OF(args), NULL, err) &&
           db_execute(tx, SQL_PART_INSERT, args, COUNT_OF(args), NULL, err);
}

bool part_list(struct db *db, struct uuid session_id, struct arena *mem, struct part_set *out,
               struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct part *list = NULL;
    size_t n = 0, room = 0;

    if (!db_query(db, SQL_PART_LIST, DB_ARGS(db_uuid(session_id)), &rows, err))
        return false;
    while (db_next(rows)) {
        if (n == room) {
            struct part *more = arena_array(mem, room = room ? 2 * room : 8, sizeof *more);

            if (n > 0)
                memcpy(more, list, n * sizeof *more);
            list = more;
        }
        list[n++] =
            (struct part){(uint64_t)db_column_int(rows, 0), (uint64_t)db_column_int(rows, 1)};
    }
    if (!db_rows_ok(rows, err))
        return false;
    *out = (struct part_set){list, n};
    return true;
}

bool part_remove_all(struct db *tx, struct uuid session_id, struct error *err)
{
    return db_execute(tx, SQL_PART_REMOVE_ALL, DB_ARGS(db_uuid(session_id)), NULL, err);
}

/* ---- sets ---- */

uint64_t part_set_prefix(const struct part_set *set)
{
    return set->count > 0 && set->parts[0].start == 0 ? set->parts[0].end : 0;
}

uint64_t part_set_bytes(const struct part_set *set)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < set->count; i++)
        sum += set->parts[i].end - set->parts[i].start;
    return sum;
}

/* The first part that ends behind OFFSET; COUNT if there is none. */
static size_t part_behind(const struct part_set *set, uint64_t offset)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->parts[middle].end > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool part_set_holds(const struct part_set *set, struct part part)
{
    size_t at = part_behind(set, part.start);

    return at < set->count && set->parts[at].start <= part.start && set->parts[at].end >= part.end;
}

uint64_t part_set_run(const struct part_set *set, uint64_t offset, uint64_t most, bool *is_there)
{
    size_t at = part_behind(set, offset);
    uint64_t until = UINT64_MAX;

    *is_there = at < set->count && set->parts[at].start <= offset;
    if (*is_there)
        until = set->parts[at].end;
    else if (at < set->count)
        until = set->parts[at].start;
    return until - offset < most ? until - offset : most;
}

/* Chunks that lie wholly inside PART. The last one is short, and ends with the file. */
static uint64_t chunks_inside(struct part part, uint64_t file_size, uint64_t chunk_size)
{
    uint64_t first = part.start / chunk_size + (part.start % chunk_size != 0);
    uint64_t behind = part.end / chunk_size + (part.end == file_size && part.end % chunk_size != 0);

    return behind > first ? behind - first : 0;
}

uint64_t part_set_chunks(const struct part_set *set, uint64_t file_size, uint64_t chunk_size)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < set->count; i++)
        sum += chunks_inside(set->parts[i], file_size, chunk_size);
    return sum;
}
