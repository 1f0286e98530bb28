#include "service/cache.h"

#include <jansson.h>

#include "base/canonical_json.h"
#include "base/json_check.h"
#include "base/json_text.h"
#include "base/log.h"
#include "catalog/job.h"
#include "crypto/digest.h"
#include "service/cache_pack.h"

/* Entries removed in one transaction: others wait for no more than that. */
#define REMOVED_AT_ONCE 200

/* ---- keys ---- */

static bool hash_options(struct str options, char out[static CACHE_HASH_SIZE], struct error *err)
{
    scoped(json_decrefp) json_t *value = NULL;
    scoped(buf_release) struct buf text = {0};
    uint8_t digest[SHA256_BYTES];

    if (options.len == 0)
        options = STR_LITERAL("{}");
    if (options.len > CACHE_OPTIONS_MAX)
        return error_tell(err, ERR_INVALID, "the options are larger than %zu bytes",
                          CACHE_OPTIONS_MAX);
    if (!canonical_json_read(options.ptr, options.len, &value, err))
        return false;
    if (!json_is_object(value))
        return error_tell(err, ERR_INVALID, "the options must be a JSON object");
    buf_init(&text, 8 * CACHE_OPTIONS_MAX); /* 1e20 becomes 21 digits, a control 6 characters */
    if (!canonical_json_write(value, &text, err))
        return false;
    sha256_of(text.bytes, text.length, digest);
    hex_encode(digest, sizeof digest, out);
    return true;
}

static bool is_type(const char *type)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.";
    size_t length = strlen(type);

    return length > 0 && length <= CACHE_TYPE_MAX && strspn(type, first) > 0 &&
           strspn(type, others) == length;
}

bool cache_key_make(struct uuid workspace_id, const char *file_hash, const char *type,
                    struct str options, struct cache_key *out, struct error *err)
{
    struct cache_key key = {.workspace_id = workspace_id};
    uint8_t digest[SHA256_BYTES];

    if (!hex_decode(str_from(file_hash), digest, sizeof digest))
        return error_tell(err, ERR_INVALID, "content is named by its SHA-256, 64 hex digits");
    if (!is_type(type))
        return error_tell(err, ERR_INVALID,
                          "a type has 1 to %d of a-z, 0-9, '_', '-', '.', a letter or digit first",
                          CACHE_TYPE_MAX);
    if (!hash_options(options, key.options_hash, err))
        return false;
    hex_encode(digest, sizeof digest, key.file_hash);
    memcpy(key.type, type, strlen(type));
    *out = key;
    return true;
}

/* ---- finding ---- */

struct lookup {
    const struct cache_key *key;
    int64_t now_us;
    struct arena *mem;
    struct cache_entry read; /* as it was read */
    const void *stored;
    bool whole;               /* it was there, and its data is sound */
    struct cache_entry entry; /* as it is after its use */
    bool found;               /* it was still there when the use was counted */
};

static bool unpack(const struct lookup *lookup, struct str *out)
{
    const struct cache_entry *entry = &lookup->read;
    struct str stored = {lookup->stored, entry->stored_bytes};
    struct error ignored;

    if (!lookup->stored)
        return false;
    if (entry->compressed)
        return cache_unpack(stored, entry->data_bytes, lookup->mem, out);
    if (!json_check(stored, &ignored))
        return false;
    *out = (struct str){arena_strndup(lookup->mem, stored.ptr, stored.len), stored.len};
    return true;
}

/* Whether what is there is of use. */
static void judge(struct lookup *lookup, bool there, struct str *data)
{
    lookup->whole = there && unpack(lookup, data);
    if (there && !lookup->whole)
        log_event(LOG_WARN, "a result in the cache is damaged and passed over",
                  log_text("type", lookup->key->type), log_text("sha256", lookup->key->file_hash));
}

static void give(const struct lookup *lookup, struct str data, bool *found,
                 struct cache_result *result)
{
    *found = lookup->found;
    if (lookup->found)
        *result = (struct cache_result){lookup->entry, data};
}

static bool look_up(struct app *app, struct lookup *lookup, bool *found, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           cache_look(db, lookup->key, lookup->now_us, lookup->mem, found, &lookup->read,
                      &lookup->stored, err);
}

/* What was removed since it was read is not found: it may have been for good. */
static bool count_use(struct db *tx, void *context, struct error *err)
{
    struct lookup *lookup = context;

    lookup->entry = lookup->read;
    lookup->found = lookup->whole;
    if (lookup->whole &&
        !cache_use(tx, lookup->key, lookup->now_us, &lookup->entry, &lookup->found, err))
        return false;
    return lookup->found || cache_miss(tx, lookup->key, err);
}

/* A figure that cannot be written is no reason to withhold what was read: a full disk can still be
 * read. */
static void count(struct app *app, struct lookup *lookup)
{
    struct error err;

    lookup->found = lookup->whole;
    if (database_write(app->database, count_use, lookup, &err))
        return;
    lookup->entry = lookup->read;
    if (err.kind != ERR_STORAGE_FULL) /* of which /readyz tells */
        log_event(LOG_WARN, "a use of the cache was not counted", log_text("error", err.log));
}

bool cache_find(struct app *app, const struct cache_key *key, struct arena *mem, bool *found,
                struct cache_result *result, struct error *err)
{
    struct lookup lookup = {.key = key, .now_us = app_now_us(app), .mem = mem};
    struct str data = {0};
    bool there;

    if (!look_up(app, &lookup, &there, err))
        return false;
    judge(&lookup, there, &data);
    count(app, &lookup);
    give(&lookup, data, found, result);
    return true;
}

bool cache_find_in(struct db *tx, int64_t now_us, const struct cache_key *key, struct arena *mem,
                   bool *found, struct cache_result *result, struct error *err)
{
    struct lookup lookup = {.key = key, .now_us = now_us, .mem = mem};
    struct str data = {0};
    bool there;

    if (!cache_look(tx, key, now_us, mem, &there, &lookup.read, &lookup.stored, err))
        return false;
    judge(&lookup, there, &data);
    if (!count_use(tx, &lookup, err))
        return false;
    give(&lookup, data, found, result);
    return true;
}

bool cache_get(struct app *app, const struct cache_key *key, struct arena *mem,
               struct cache_result *result, struct error *err)
{
    bool found;

    if (!cache_find(app, key, mem, &found, result, err))
        return false;
    return found || error_set(err, ERR_CACHE_MISS, "no result of type %s", key->type);
}

/* ---- putting ---- */

/* When a result of TYPE that is made at NOW_US expires; 0: never. */
static int64_t expiry_of(const struct app *app, const char *type, int64_t now_us)
{
    const char *text = config_named_text(app->config, "cache_type", type, "ttl");
    int64_t ttl_us = app->settings.cache.ttl_us;
    uint64_t ms;

    if (text && str_to_ms(str_from(text), &ms)) /* settings_read has checked it */
        ttl_us = (int64_t)ms * 1000;
    return ttl_us > 0 ? now_us + ttl_us : 0;
}

static bool too_large(struct error *err, const char *what, uint64_t limit)
{
    error_tell(err, ERR_BODY_TOO_LARGE, "%s may have %llu bytes", what, (unsigned long long)limit);
    return error_limit(err, limit, limit);
}

bool cache_check_result(struct str data, struct error *err)
{
    scoped(json_decrefp) json_t *value = NULL;

    return data.len > JOB_RESULT_MAX ? json_check(data, err)
                                     : json_text_read(data.ptr, data.len, &value, err);
}

bool cache_prepare(struct app *app, const struct cache_wish *wish, struct arena *mem,
                   struct cache_parcel *out, struct error *err)
{
    const struct cache_settings *settings = &app->settings.cache;
    struct cache_parcel parcel = {
        .entry = {.id = app_new_id(app),
                  .key = *wish->key,
                  .created_at_us = app_now_us(app),
                  .data_bytes = wish->data.len,
                  .processing_time_ms = wish->processing_time_ms},
        .stored = wish->data,
        .max_bytes = settings->max_bytes,
    };

    if (wish->data.len > settings->max_entry_bytes)
        return too_large(err, "a result", settings->max_entry_bytes);
    if (!cache_check_result(wish->data, err))
        return false;
    parcel.entry.compressed = wish->data.len > settings->compress_above_bytes &&
                              cache_pack(wish->data, mem, &parcel.stored);
    parcel.entry.stored_bytes = parcel.stored.len;
    parcel.entry.accessed_at_us = parcel.entry.created_at_us;
    parcel.entry.expires_at_us = expiry_of(app, wish->key->type, parcel.entry.created_at_us);
    if (parcel.max_bytes > 0 && parcel.stored.len + CACHE_ENTRY_BYTES > parcel.max_bytes)
        return too_large(err, "all results of the workspace", parcel.max_bytes);
    *out = parcel;
    return true;
}

bool cache_put_in(struct db *tx, struct cache_parcel *parcel, struct error *err)
{
    struct cache_entry *entry = &parcel->entry;
    struct uuid workspace_id = entry->key.workspace_id;

    return cache_content_size(tx, workspace_id, entry->key.file_hash, &entry->file_size, err) &&
           cache_put_row(tx, entry, parcel->stored.ptr, err) &&
           (parcel->max_bytes == 0 ||
            cache_shrink(tx, workspace_id, entry->id, parcel->max_bytes, err));
}

static bool put_work(struct db *tx, void *context, struct error *err)
{
    return cache_put_in(tx, context, err);
}

bool cache_put(struct app *app, const struct cache_wish *wish, struct cache_entry *entry,
               struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct cache_parcel parcel;

    if (!cache_prepare(app, wish, mem, &parcel, err) ||
        !database_write(app->database, put_work, &parcel, err))
        return false;
    *entry = parcel.entry;
    return true;
}

bool cache_check_content(struct app *app, const struct cache_key *key, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    uint64_t size;

    return database_read(app->database, &db, err) &&
           cache_content_size(db, key->workspace_id, key->file_hash, &size, err);
}

/* ---- removing ---- */

struct removal {
    const struct cache_key *key; /* one, or */
    struct uuid workspace_id;    /* some of a workspace's, or, if that is nil, */
    const char *type;
    int64_t now_us; /* some that have expired */
    uint64_t removed;
};

static bool remove_one(struct db *tx, void *context, struct error *err)
{
    struct removal *removal = context;
    bool removed;

    if (!cache_remove_key(tx, removal->key, &removed, err))
        return false;
    removal->removed = removed;
    return true;
}

static bool remove_some(struct db *tx, void *context, struct error *err)
{
    struct removal *removal = context;

    return cache_remove_some(tx, removal->workspace_id, removal->type, REMOVED_AT_ONCE,
                             &removal->removed, err);
}

static bool remove_expired(struct db *tx, void *context, struct error *err)
{
    struct removal *removal = context;

    return cache_remove_expired(tx, removal->now_us, REMOVED_AT_ONCE, &removal->removed, err);
}

bool cache_delete(struct app *app, const struct cache_key *key, struct error *err)
{
    struct removal removal = {.key = key};

    if (!database_write(app->database, remove_one, &removal, err))
        return false;
    return removal.removed > 0 || error_set(err, ERR_CACHE_MISS, "no result to delete");
}

static bool remove_all(struct app *app, db_work *work, struct removal *removal, uint64_t *removed,
                       struct error *err)
{
    *removed = 0;
    do {
        if (!database_write(app->database, work, removal, err))
            return false;
        *removed += removal->removed;
    } while (removal->removed == REMOVED_AT_ONCE);
    return true;
}

bool cache_clear(struct app *app, struct uuid workspace_id, const char *type, uint64_t *removed,
                 struct error *err)
{
    struct removal removal = {.workspace_id = workspace_id, .type = type};

    return remove_all(app, remove_some, &removal, removed, err);
}

bool cache_sweep(struct app *app, uint64_t *removed, struct error *err)
{
    struct removal removal = {.now_us = app_now_us(app)};

    return remove_all(app, remove_expired, &removal, removed, err);
}
