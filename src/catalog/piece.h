/*
 * Bytes of sessions that stand in a store as objects, so that any node can go on with them. Table
 * staged_pieces. A row is there before its object is, and counts once the object is stored and the
 * part (catalog/part.h) recorded.
 */
#ifndef CATALOG_PIECE_H
#define CATALOG_PIECE_H

#include "catalog/part.h"

struct piece {
    struct uuid id; /* the stage's name, while it is being stored */
    struct uuid session_id;
    struct part part;
    const char *storage_name;
    const char *storage_path;
};

/* It is about to be stored, which is over by LATE_AT_US. ERR_CONFLICT if the session is gone. */
bool piece_add(struct db *tx, const struct piece *piece, int64_t now_us, int64_t late_at_us,
               struct error *err);
/* It was stored. ERR_NOT_FOUND if its session has ended. */
bool piece_count(struct db *tx, struct uuid id, struct error *err);
/* Those of a session that count, in the order of their bytes. They may overlap. */
bool piece_list(struct db *db, struct uuid session_id, struct arena *mem, struct piece **out,
                size_t *count, struct error *err);
/* Whether one stands, or will, at this path. */
bool piece_holds_path(struct db *db, const char *storage_name, const char *storage_path, bool *out,
                      struct error *err);
/* Whether the piece of this id is being stored. */
bool piece_is_stored(struct db *db, struct uuid id, bool *out, struct error *err);
/* Those of FROM that count are TO's, BY bytes further on. */
bool piece_move(struct db *tx, struct uuid from, struct uuid to, uint64_t by, struct error *err);
/* The session ends: all go on the garbage list. */
bool piece_drop_all(struct db *tx, struct uuid session_id, struct error *err);

#endif
