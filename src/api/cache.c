/* The processing cache: /v1/cache and /v1/cache/{file_hash}/{cache_type}. */
#include "service/cache.h"

#include "api/resources.h"
#include "api/views.h"
#include "service/queue.h"

#define HEAD_MAX_BYTES ((size_t)4096)
#define TIME_MAX_MS (UINT64_C(1) << 53)

/* ---- one result ---- */

static bool read_key(struct request *req, const struct caller *who, struct cache_key *out,
                     struct error *err)
{
    const char *options = NULL;

    return request_query(req, "options", &options, err) &&
           cache_key_make(who->workspace_id, request_param(req, "file_hash"),
                          request_param(req, "cache_type"), str_from(options), out, err);
}

/* The entry's members; the object stays open for more. */
static void emit_entry(struct emitter *json, const struct cache_entry *entry)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", entry->id);
    emit_uuid(json, "workspace_id", entry->key.workspace_id);
    emit_text(json, "file_hash", entry->key.file_hash);
    emit_count(json, "file_size", entry->file_size);
    emit_text(json, "processing_options_hash", entry->key.options_hash);
    emit_text(json, "cache_type", entry->key.type);
    emit_time(json, "created_at", entry->created_at_us);
    emit_time(json, "accessed_at", entry->accessed_at_us);
    emit_count(json, "access_count", entry->access_count);
    emit_time(json, "expires_at", entry->expires_at_us);
    emit_bool(json, "compressed", entry->compressed);
    emit_milli(json, "compression_ratio", (int64_t)(cache_compression_ratio(entry) * 1000.0 + 0.5));
    emit_count(json, "data_bytes", entry->data_bytes);
    emit_count(json, "stored_bytes", entry->stored_bytes);
    emit_count(json, "processing_time_ms", entry->processing_time_ms);
}

/* Weak, as access_count and accessed_at change beneath it: it stands for the result. */
static bool is_known(struct request *req, const struct cache_entry *entry, struct response *res)
{
    char id[UUID_TEXT_SIZE];
    struct validators validators = {.exists = true};
    struct conditions conditions;

    uuid_format(entry->id, id);
    validators.etag = arena_printf(req->mem, "W/\"%s\"", id);
    response_header(res, "ETag", validators.etag);
    response_header(res, "Cache-Control", "private, no-cache");
    request_conditions(req, &conditions);
    return conditions_evaluate(&conditions, &validators, true) == CONDITION_NOT_MODIFIED;
}

/* The result goes out as it came, between what is known of it. */
static bool send_result(const struct cache_result *result, struct response *res, struct error *err)
{
    scoped(buf_release) struct buf head = {0};
    struct emitter json = emit_to(&head);
    struct sink *out;

    buf_init(&head, HEAD_MAX_BYTES);
    emit_entry(&json, &result->entry);
    emit_bool(&json, "cached", true);
    buf_add_text(&head, ",\"cache_data\":");
    response_header(res, "Content-Type", "application/json");
    return response_stream(res, 200, head.length + result->data.len + 1, &out, err) &&
           out->write(out, head.bytes, head.length, err) &&
           out->write(out, result->data.ptr, result->data.len, err) && out->write(out, "}", 1, err);
}

bool get_cached(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    struct cache_result result;
    struct cache_key key;

    if (!read_key(req, who, &key, err) || !cache_get(req->app, &key, req->mem, &result, err))
        return false;
    if (is_known(req, &result.entry, res))
        return response_empty(res, 304, err);
    return send_result(&result, res, err);
}

static bool send_entry(const struct cache_entry *entry, struct response *res, struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, HEAD_MAX_BYTES);
    emit_entry(&json, entry);
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}

static bool read_result(struct request *req, struct str *out, struct error *err)
{
    char *text;

    if (request_header(req, "Content-Type") && !request_has_type(req, "application/json"))
        return error_tell(err, ERR_MEDIA_TYPE, "the body must be application/json");
    if (!request_read_small(req, req->app->settings.cache.max_entry_bytes, &text, &out->len, err))
        return false;
    out->ptr = text;
    return true;
}

/* What the server finds goes into records as it is, so nobody else says what it was. */
static bool check_type(struct request *req, const struct cache_key *key, struct error *err)
{
    const struct queue_kind *kind = queue_kind(req->app->queue, key->type);

    return !kind || !kind->is_built_in ||
           error_tell(err, ERR_INVALID, "cache_type: results of \"%s\" are the server's own",
                      kind->name);
}

bool put_cached(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    struct cache_key key;
    struct cache_wish wish = {.key = &key};
    struct cache_entry entry;

    return read_key(req, who, &key, err) && check_type(req, &key, err) &&
           request_query_number(req, "processing_time_ms", 0, TIME_MAX_MS, 0,
                                &wish.processing_time_ms, err) &&
           cache_check_content(req->app, &key, err) && read_result(req, &wish.data, err) &&
           cache_put(req->app, &wish, &entry, err) && send_entry(&entry, res, err);
}

bool delete_cached(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    struct cache_key key;

    return read_key(req, who, &key, err) && cache_delete(req->app, &key, err) &&
           response_empty(res, 204, err);
}

/* ---- all of them ---- */

static void emit_figures(struct emitter *json, const struct cache_figures *figures)
{
    emit_count(json, "entries", figures->entries);
    emit_count(json, "data_bytes", figures->data_bytes);
    emit_count(json, "stored_bytes", figures->stored_bytes);
    emit_count(json, "hits", figures->hits);
    emit_count(json, "misses", figures->misses);
    emit_count(json, "time_saved_ms", figures->time_saved_ms);
}

static struct cache_figures sum_of(const struct cache_figures *types, size_t count)
{
    struct cache_figures sum = {0};

    for (size_t i = 0; i < count; i++) {
        sum.entries += types[i].entries;
        sum.data_bytes += types[i].data_bytes;
        sum.stored_bytes += types[i].stored_bytes;
        sum.hits += types[i].hits;
        sum.misses += types[i].misses;
        sum.time_saved_ms += types[i].time_saved_ms;
    }
    return sum;
}

static void emit_types(struct emitter *json, const struct cache_figures *types, size_t count)
{
    emit_open_list(json, "types");
    for (size_t i = 0; i < count; i++) {
        emit_open_object(json, NULL);
        emit_text(json, "cache_type", types[i].type);
        emit_figures(json, &types[i]);
        emit_close_object(json);
    }
    emit_close_list(json);
}

static bool read_types(struct request *req, const struct caller *who, struct cache_figures **types,
                       size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           cache_figures_of(db, who->workspace_id, req->mem, types, count, err);
}

/* What the limit is compared with. */
static uint64_t used_bytes(const struct cache_figures *sum)
{
    return sum->stored_bytes + sum->entries * CACHE_ENTRY_BYTES;
}

bool get_cache(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    uint64_t max_bytes = req->app->settings.cache.max_bytes;
    struct cache_figures *types, sum;
    size_t count;

    if (!read_types(req, who, &types, &count, err))
        return false;
    sum = sum_of(types, count);
    buf_init(&out, VIEW_SMALL_BYTES);
    emit_open_object(&json, NULL);
    emit_uuid(&json, "workspace_id", who->workspace_id);
    if (max_bytes > 0)
        emit_count(&json, "max_bytes", max_bytes);
    else
        emit_null(&json, "max_bytes");
    emit_count(&json, "used_bytes", used_bytes(&sum));
    emit_figures(&json, &sum);
    emit_types(&json, types, count);
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}

bool delete_cache(struct request *req, const struct caller *who, struct response *res,
                  struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    const char *type = NULL;
    uint64_t removed;

    if (!request_query(req, "cache_type", &type, err) ||
        !cache_clear(req->app, who->workspace_id, type, &removed, err))
        return false;
    buf_init(&out, HEAD_MAX_BYTES);
    emit_open_object(&json, NULL);
    emit_count(&json, "removed", removed);
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}
