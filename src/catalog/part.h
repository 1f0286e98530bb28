/*
 * What of a session has arrived: ranges of bytes on stable storage. A set, never a count. Table
 * chunked_upload_parts. Lists are in order, and their ranges neither overlap nor touch.
 */
#ifndef CATALOG_PART_H
#define CATALOG_PART_H

#include "db/db.h"

/* The bytes from START to before END. */
struct part {
    uint64_t start, end;
};

struct part_set {
    struct part *parts;
    size_t count;
};

/* Adds PART, which may overlap what is there. */
bool part_add(struct db *tx, struct uuid session_id, struct part part, struct error *err);
bool part_list(struct db *db, struct uuid session_id, struct arena *mem, struct part_set *out,
               struct error *err);
/* Forgets all of them. */
bool part_remove_all(struct db *tx, struct uuid session_id, struct error *err);

/* ---- sets in memory; pure ---- */

/* How many bytes from the start are there without a gap. */
uint64_t part_set_prefix(const struct part_set *set);
/* How many bytes are there in all. */
uint64_t part_set_bytes(const struct part_set *set);
/* Whether all of PART is there. */
bool part_set_holds(const struct part_set *set, struct part part);
/* How many bytes from OFFSET on are there (*IS_THERE), or are missing, before that changes; at most
 * MOST. */
uint64_t part_set_run(const struct part_set *set, uint64_t offset, uint64_t most, bool *is_there);
/* How many chunks of CHUNK_SIZE of a file of FILE_SIZE are there whole. */
uint64_t part_set_chunks(const struct part_set *set, uint64_t file_size, uint64_t chunk_size);

#endif
