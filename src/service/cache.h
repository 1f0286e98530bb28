/*
 * The processing cache: what processing has made of a content, kept by workspace, content
 * (SHA-256), kind of processing and options, so that nobody waits, or pays, for it twice.
 *
 * For a queue of jobs: before a job of kind K with options O on content H in workspace W is run,
 *
 *     cache_key_make(W, H, K, O, &key, err) && cache_find(app, &key, mem, &found, &result, err)
 *
 * and if FOUND the job is done: result.data is what it would have made. Otherwise it is run, and
 * its result kept with cache_put, or, where it must be kept in the very transaction that completes
 * the job, with cache_prepare before it and cache_put_in inside it. A cache that cannot take a
 * result (ERR_BODY_TOO_LARGE, ERR_CONTENT_UNKNOWN, ERR_CONFLICT) is no reason for a job to fail.
 *
 * Options that say the same make one key: order of members, blanks, and ways to write a number or a
 * character do not count. An option that is left out and one that says the default are two keys, as
 * only the processor knows its defaults.
 *
 * Nothing of one workspace is ever found from another. Results go with the last record of their
 * content (trash_purge), unless [cache] keep_after_purge says otherwise.
 */
#ifndef SERVICE_CACHE_H
#define SERVICE_CACHE_H

#include "base/str.h"
#include "catalog/cache.h"
#include "service/app.h"

#define CACHE_OPTIONS_MAX ((size_t)64 * 1024) /* bytes of options */

struct cache_result {
    struct cache_entry entry;
    struct str data; /* JSON, as it came; with a NUL behind it */
};

/*
 * The key of what TYPE ("transcription": a-z, 0-9, '_', '-', '.', at most CACHE_TYPE_MAX) makes of
 * the content FILE_HASH (SHA-256 in hex) with OPTIONS, a JSON object; empty text is the empty
 * object.
 *
 * Fails with ERR_INVALID, ERR_BAD_JSON (canonical_json_read).
 */
bool cache_key_make(struct uuid workspace_id, const char *file_hash, const char *type,
                    struct str options, struct cache_key *out, struct error *err);

/* Looks KEY up, and counts a use or a miss, durably. What has expired, or is damaged, is a miss.
 * Where nothing can be written, as the disk is full, it is found all the same, and not counted.
 * RESULT lives in MEM. */
bool cache_find(struct app *app, const struct cache_key *key, struct arena *mem, bool *found,
                struct cache_result *result, struct error *err);
/* The same in a transaction of the caller's. */
bool cache_find_in(struct db *tx, int64_t now_us, const struct cache_key *key, struct arena *mem,
                   bool *found, struct cache_result *result, struct error *err);
/* As cache_find; fails with ERR_CACHE_MISS if it is not found. */
bool cache_get(struct app *app, const struct cache_key *key, struct arena *mem,
               struct cache_result *result, struct error *err);

/* What is to be kept: the key, the JSON, and how long it took to make. */
struct cache_wish {
    const struct cache_key *key;
    struct str data;
    uint64_t processing_time_ms;
};

/* A result that is ready to be put. */
struct cache_parcel {
    struct cache_entry entry;
    struct str stored;
    uint64_t max_bytes; /* of the workspace; 0: no limit */
};

/*
 * Whether DATA may be a result, however it comes: what could be that of a job is held to the rules
 * of those (json_text_read); what is larger than any of them (JOB_RESULT_MAX) is only kept, and
 * need be no more than JSON (json_check). Fails with ERR_BAD_JSON.
 */
bool cache_check_result(struct str data, struct error *err);
/*
 * Checks and packs a result; *OUT lives in MEM, or is what WISH holds.
 *
 * Fails with ERR_BAD_JSON if it is none (cache_check_result), ERR_BODY_TOO_LARGE if it is larger
 * than [cache] max_entry_bytes or than all that the workspace's results may take.
 */
bool cache_prepare(struct app *app, const struct cache_wish *wish, struct arena *mem,
                   struct cache_parcel *out, struct error *err);
/*
 * Puts it, in place of what was there, and removes what was used the longest time ago until the
 * workspace's results fit its limit. Sets parcel->entry.file_size.
 *
 * Fails with ERR_CONTENT_UNKNOWN if the workspace has no upload of the content, live or in the
 * trash, ERR_CONFLICT if it would be the workspace's type number CACHE_TYPES_MAX + 1.
 */
bool cache_put_in(struct db *tx, struct cache_parcel *parcel, struct error *err);
/* Both, in a transaction of its own. *ENTRY is what was put. */
bool cache_put(struct app *app, const struct cache_wish *wish, struct cache_entry *entry,
               struct error *err);

/* Whether the workspace has an upload of the content. Fails with ERR_CONTENT_UNKNOWN. */
bool cache_check_content(struct app *app, const struct cache_key *key, struct error *err);

/* Fails with ERR_CACHE_MISS if there is nothing. */
bool cache_delete(struct app *app, const struct cache_key *key, struct error *err);
/* Removes every result of TYPE, or of any if it is NULL; figures of use stay. *REMOVED is right
 * after a failure as well. */
bool cache_clear(struct app *app, struct uuid workspace_id, const char *type, uint64_t *removed,
                 struct error *err);
/* Removes what has expired, of all workspaces. *REMOVED as above. */
bool cache_sweep(struct app *app, uint64_t *removed, struct error *err);

#endif
