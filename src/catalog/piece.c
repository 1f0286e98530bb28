#include "catalog/piece.h"

#include "catalog/rows.h"

bool piece_add(struct db *tx, const struct piece *piece, int64_t now_us, int64_t late_at_us,
               struct error *err)
{
    return db_execute(tx, SQL_PIECE_ADD,
                      DB_ARGS(db_uuid(piece->id), db_uuid(piece->session_id),
                              db_int(piece->part.start), db_int(piece->part.end),
                              db_text(piece->storage_name), db_text(piece->storage_path),
                              db_time(now_us), db_time(late_at_us)),
                      NULL, err);
}

bool piece_count(struct db *tx, struct uuid id, struct error *err)
{
    uint64_t changed;

    return db_execute(tx, SQL_PIECE_COUNT, DB_ARGS(db_uuid(id)), &changed, err) &&
           rows_touched(changed, "upload session", err);
}

static struct piece from_row(const struct db_rows *rows, struct uuid session_id, struct arena *mem)
{
    return (struct piece){
        .id = db_column_uuid(rows, 0),
        .session_id = session_id,
        .part = {(uint64_t)db_column_int(rows, 1), (uint64_t)db_column_int(rows, 2)},
        .storage_name = db_column_text(rows, 3, mem),
        .storage_path = db_column_text(rows, 4, mem)};
}

bool piece_list(struct db *db, struct uuid session_id, struct arena *mem, struct piece **out,
                size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct piece *list = NULL;
    size_t n = 0, room = 0;

    if (!db_query(db, SQL_PIECE_LIST, DB_ARGS(db_uuid(session_id)), &rows, err))
        return false;
    while (db_next(rows)) {
        if (n == room) {
            struct piece *more = arena_array(mem, room = room ? 2 * room : 8, sizeof *more);

            if (n > 0)
                memcpy(more, list, n * sizeof *more);
            list = more;
        }
        list[n++] = from_row(rows, session_id, mem);
    }
    return rows_listed(rows, list, n, (void **)out, count, err);
}

static bool is_one(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                   bool *out, struct error *err)
{
    uint64_t rows;

    if (!rows_count(db, id, args, count, &rows, err))
        return false;
    *out = rows > 0;
    return true;
}

bool piece_holds_path(struct db *db, const char *storage_name, const char *storage_path, bool *out,
                      struct error *err)
{
    return is_one(db, SQL_PIECE_HOLDS_PATH, DB_ARGS(db_text(storage_name), db_text(storage_path)),
                  out, err);
}

bool piece_is_stored(struct db *db, struct uuid id, bool *out, struct error *err)
{
    return is_one(db, SQL_PIECE_IS_STORED, DB_ARGS(db_uuid(id)), out, err);
}

bool piece_move(struct db *tx, struct uuid from, struct uuid to, uint64_t by, struct error *err)
{
    return db_execute(tx, SQL_PIECE_MOVE,
                      DB_ARGS(db_uuid(from), db_uuid(to), db_int(by), db_int(by)), NULL, err);
}

bool piece_drop_all(struct db *tx, struct uuid session_id, struct error *err)
{
    return db_execute(tx, SQL_PIECE_TO_GARBAGE, DB_ARGS(db_uuid(session_id)), NULL, err) &&
           db_execute(tx, SQL_PIECE_REMOVE_ALL, DB_ARGS(db_uuid(session_id)), NULL, err);
}
