/*
 * The processing cache's rows: results of processing by workspace, content, options and type, and
 * the figures of their use. Knows nothing of what is in a result, nor how it is packed.
 */
#ifndef CATALOG_CACHE_H
#define CATALOG_CACHE_H

#include "db/db.h"

#define CACHE_TYPE_MAX 50   /* bytes of a type's name */
#define CACHE_TYPES_MAX 100 /* of a workspace */
/* What an entry takes besides its data, as the limit by bytes has it: without it a cache of tiny
 * results would have none. */
#define CACHE_ENTRY_BYTES 512

#define CACHE_HASH_SIZE 65 /* SHA-256 in hex, with its NUL */

struct cache_key {
    struct uuid workspace_id;
    char file_hash[CACHE_HASH_SIZE]; /* of the content; lower case */
    char options_hash[CACHE_HASH_SIZE];
    char type[CACHE_TYPE_MAX + 1];
};

/* A row, but for its data. */
struct cache_entry {
    struct uuid id; /* another one once the result was replaced */
    struct cache_key key;
    uint64_t file_size; /* of the content */
    int64_t created_at_us, accessed_at_us;
    uint64_t access_count;
    int64_t expires_at_us; /* 0: never */
    bool compressed;
    uint64_t data_bytes;   /* of the JSON */
    uint64_t stored_bytes; /* as it is kept */
    uint64_t processing_time_ms;
};

/* How many times smaller it is kept than it is. */
static inline double cache_compression_ratio(const struct cache_entry *entry)
{
    return (double)entry->data_bytes / (double)entry->stored_bytes;
}

/*
 * Reads what is under KEY at NOW_US, and counts nothing. *FOUND: it is there and has not expired.
 * *STORED, in MEM, is the data as it is kept: out->stored_bytes of them, or NULL if they are not
 * as many.
 */
bool cache_look(struct db *db, const struct cache_key *key, int64_t now_us, struct arena *mem,
                bool *found, struct cache_entry *out, const void **stored, struct error *err);
/*
 * Looks KEY up at NOW_US; if it is there and has not expired, counts a use of it, in one statement.
 * *FOUND says whether. ENTRY, as cache_look has read it, is told of its use, unless another one has
 * taken its place.
 */
bool cache_use(struct db *tx, const struct cache_key *key, int64_t now_us,
               struct cache_entry *entry, bool *found, struct error *err);
/* Counts a miss of KEY. */
bool cache_miss(struct db *tx, const struct cache_key *key, struct error *err);

/* The size of a content that the workspace has an upload of, live or in the trash. Fails with
 * ERR_CONTENT_UNKNOWN. */
bool cache_content_size(struct db *db, struct uuid workspace_id, const char *file_hash,
                        uint64_t *out, struct error *err);

/*
 * Puts ENTRY with its STORED data in place of what was under its key. Its id, times and sizes are
 * the caller's to say; access_count begins at 0. Fails with ERR_CONFLICT if that would be more
 * types than CACHE_TYPES_MAX.
 */
bool cache_put_row(struct db *tx, const struct cache_entry *entry, const void *stored,
                   struct error *err);
/* Removes what was used the longest time ago, but never KEPT, until the workspace's entries take no
 * more than MAX_BYTES. */
bool cache_shrink(struct db *tx, struct uuid workspace_id, struct uuid kept, uint64_t max_bytes,
                  struct error *err);

/* *REMOVED: there was something. */
bool cache_remove_key(struct db *tx, const struct cache_key *key, bool *removed, struct error *err);
/* Everything about a content of which the workspace has no record any more; nothing if it has. */
bool cache_remove_of_content(struct db *tx, struct uuid workspace_id, const char *file_hash,
                             struct error *err);
/* At most LIMIT entries of TYPE (NULL: of any). */
bool cache_remove_some(struct db *tx, struct uuid workspace_id, const char *type, size_t limit,
                       uint64_t *removed, struct error *err);
/* At most LIMIT entries of any workspace that have expired at NOW_US. */
bool cache_remove_expired(struct db *tx, int64_t now_us, size_t limit, uint64_t *removed,
                          struct error *err);
/* All there is of a workspace, figures as well. */
bool cache_remove_workspace(struct db *tx, struct uuid workspace_id, struct error *err);

struct cache_figures {
    char type[CACHE_TYPE_MAX + 1]; /* "" for a sum */
    uint64_t entries, data_bytes, stored_bytes;
    uint64_t hits, misses;
    uint64_t time_saved_ms; /* what the results that were used had taken, once for each use */
};

/* The types of a workspace that were ever asked for, in order: CACHE_TYPES_MAX at most. */
bool cache_figures_of(struct db *db, struct uuid workspace_id, struct arena *mem,
                      struct cache_figures **out, size_t *count, struct error *err);
/* The sum over all workspaces. */
bool cache_totals(struct db *db, struct cache_figures *out, struct error *err);

/* A workspace's figures beside the sums of its rows. */
struct cache_audit {
    struct uuid workspace_id;
    uint64_t entries, rows_entries;
    uint64_t stored_bytes, rows_stored_bytes;
};
/* Every workspace of which there is anything. Looks at every row. */
bool cache_audit_all(struct db *db, struct arena *mem, struct cache_audit **out, size_t *count,
                     struct error *err);

#endif
