#include "store/s3.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "store/s3_early.h"

#define ID_FILE                                                                      \
    "bucket-id" /* in the staging folder: which store the stages are on their way to \
                 */

static void s3_free(struct store *store)
{
    struct s3_store *self = s3_store(store);

    s3_early_pool_free(self->early);
    store_free(self->spool);
    s3_client_free(self->client);
    arena_free(self->mem);
    free(self);
}

static bool s3_config_check(const struct store_config *config, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_settings settings;

    return s3_settings_read(config, mem, &settings, err);
}

static bool open_spool(struct s3_store *self, const char *name, bool create, struct error *err)
{
    struct store_config local = {.name = name, .provider = "local", .path = self->settings.staging};

    return store_open(&local, create, &self->spool, err) || error_context(err, "staging");
}

static const char *id_path(const struct s3_store *self, struct arena *mem)
{
    return arena_printf(mem, "%s/" ID_FILE, self->settings.staging);
}

/* The id that was kept, if one was. */
static bool recall_id(struct s3_store *self, struct arena *mem, struct error *err)
{
    size_t length;
    char *text;

    if (!fs_read_file(id_path(self, mem), S3_ID_SIZE, mem, &text, &length, err))
        return err->kind == ERR_NOT_FOUND;
    if (length != S3_ID_SIZE - 1)
        return error_set(err, ERR_UNAVAILABLE, ID_FILE " of the staging folder is not readable");
    memcpy(self->id, text, S3_ID_SIZE);
    return true;
}

static const char *s3_id(const struct store *store)
{
    return s3_store((struct store *)store)->id;
}

static bool open_bucket(struct s3_store *self, const struct store_config *config, bool create,
                        struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();

    if (!config->is_new && !recall_id(self, mem, err))
        return false;
    bool is_known = self->id[0] != '\0';
    if (!s3_marker_open(self, create && !is_known && !config->is_made, err)) {
        if (err->kind == ERR_NOT_FOUND && !config->is_made)
            err->kind = ERR_UNAVAILABLE; /* it was there once */
        return false;
    }
    return is_known || fs_write_file(id_path(self, mem), self->id, strlen(self->id), 0600, err);
}

static bool s3_open(const struct store_config *config, bool create, struct store **out,
                    struct error *err)
{
    struct s3_store *self = calloc(1, sizeof *self);

    assert(self);
    self->mem = arena_new();
    if (!s3_settings_read(config, self->mem, &self->settings, err)) {
        s3_free(&self->base);
        return false;
    }
    self->client = s3_client_new(&self->settings);
    self->early = s3_early_pool_new(2 * self->settings.parts_at_once);
    if (!open_spool(self, config->name, create, err) || !open_bucket(self, config, create, err)) {
        s3_free(&self->base);
        return false;
    }
    *out = &self->base;
    return true;
}

/* ---- looking after it ---- */

static bool call_probe(struct s3_store *self, const char *method, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    char key[S3_KEY_MAX + 1];
    struct s3_call call = {.method = method, .key = key};

    /* The settings' reader keeps a prefix short. */
    snprintf(key, sizeof key, "%.*s" S3_PROBE, (int)(S3_KEY_MAX - sizeof S3_PROBE),
             self->settings.prefix);
    call.body = (struct s3_body){.bytes = "probe", .length = 5};
    s3_reply_init(&reply);
    if (!s3_call(self->client, &call, &reply, err))
        return false;
    return reply.status < 300 || reply.status == 404 ||
           error_set(err, ERR_UNAVAILABLE, "the provider answered %ld to a probe", reply.status);
}

static bool s3_check(struct store *store, struct error *err)
{
    struct s3_store *self = s3_store(store);

    return store_check(self->spool, err) && s3_marker_check(self, 0, err) &&
           call_probe(self, "PUT", err) && call_probe(self, "DELETE", err);
}

/* A bucket has no bound; but all that goes there passes through the staging folder. */
static bool s3_space(struct store *store, uint64_t *free_bytes, uint64_t *total_bytes,
                     struct error *err)
{
    return store_space(s3_store(store)->spool, free_bytes, total_bytes, err);
}

static uint64_t s3_largest(struct store *store)
{
    uint64_t most = store_largest(s3_store(store)->spool);

    return most < S3_OBJECT_LARGEST ? most : S3_OBJECT_LARGEST;
}

static int64_t s3_late_us(const struct store *store)
{
    return (int64_t)s3_store((struct store *)(uintptr_t)store)->settings.late_ms * 1000;
}

/* ---- links ---- */

static bool s3_gives_links(const struct store *store)
{
    return s3_store((struct store *)(uintptr_t)store)->settings.redirects;
}

static bool s3_make_link(struct store *store, const char *key, const struct store_link *wish,
                         struct arena *mem, const char **out, struct error *err)
{
    struct s3_store *self = s3_store(store);
    struct s3_field query[3];
    char full[S3_KEY_MAX + 1];
    size_t count = 0;

    if (wish->cache_control)
        query[count++] = (struct s3_field){"response-cache-control", wish->cache_control};
    if (wish->disposition)
        query[count++] = (struct s3_field){"response-content-disposition", wish->disposition};
    if (wish->content_type)
        query[count++] = (struct s3_field){"response-content-type", wish->content_type};
    const struct s3_link link = {full, query, count, wish->longest_s};
    return s3_full_key(self, key, full, err) && s3_link(self->client, &link, mem, out, err);
}

/* ---- two of them ---- */

static bool prefix_holds(const char *outer, const char *inner)
{
    return strncmp(outer, inner, strlen(outer)) == 0;
}

/* Keys of the one may be keys of the other: an object there would be explained by nothing here. */
static bool s3_configs_overlap(const struct store_config *one, const struct store_config *other)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_settings a, b;
    struct error ignored;

    return s3_settings_read(one, mem, &a, &ignored) && s3_settings_read(other, mem, &b, &ignored) &&
           strcmp(a.bucket, b.bucket) == 0 && strcasecmp(a.provider, b.provider) == 0 &&
           (prefix_holds(a.prefix, b.prefix) || prefix_holds(b.prefix, a.prefix));
}

/* Where the prefix of the one begins with the other's, its marker can be seen from there. */
static bool s3_holds(struct store *store, struct store *other, bool *out, struct error *err)
{
    const struct s3_store *inner = s3_store(other);
    struct s3_store *self = s3_store(store);

    *out = false;
    return !prefix_holds(self->settings.prefix, inner->settings.prefix) ||
           s3_marker_seen(self, inner, out, err);
}

static const char *const keys[] = {"profile",
                                   "endpoint",
                                   "region",
                                   "bucket",
                                   "prefix",
                                   "style",
                                   "credentials",
                                   "access_key",
                                   "secret_key",
                                   "credentials_file",
                                   "credentials_profile",
                                   "role_arn",
                                   "web_identity_token_file",
                                   "sts_endpoint",
                                   "metadata_endpoint",
                                   "ca_file",
                                   "checksum",
                                   "conditional_writes",
                                   "storage_class",
                                   "encryption",
                                   "encryption_key",
                                   "download",
                                   "link_ttl",
                                   "link_endpoint",
                                   "part_size",
                                   "parts_at_once",
                                   "send_early",
                                   "copy_threshold",
                                   "timeout",
                                   "attempts",
                                   "late_writes",
                                   "staging",
                                   NULL};

const struct store_driver store_driver_s3 = {
    .name = "s3",
    .keys = keys,
    .config_check = s3_config_check,
    .configs_overlap = s3_configs_overlap,
    .open = s3_open,
    .free = s3_free,
    .holds = s3_holds,
    .id = s3_id,
    .stage_create = s3_stage_create,
    .stage_open = s3_stage_open,
    .stage_free = s3_stage_free,
    .stage_write = s3_stage_write,
    .stage_sync = s3_stage_sync,
    .stage_read = s3_stage_read,
    .stage_fd = s3_stage_fd,
    .stage_writable_fd = s3_stage_writable_fd,
    .stage_written = s3_stage_written,
    .stage_truncate = s3_stage_truncate,
    .stage_announce = s3_stage_announce,
    .stage_publish = s3_stage_publish,
    .stage_discard = s3_stage_discard,
    .get = s3_get,
    .scratch = s3_scratch,
    .head = s3_head,
    .remove = s3_remove,
    .copy = s3_copy,
    .set_class = s3_set_class,
    .restore = s3_restore,
    .gives_links = s3_gives_links,
    .link = s3_make_link,
    .list = s3_list,
    .list_stages = s3_list_stages,
    .list_unfinished = s3_list_unfinished,
    .abort_unfinished = s3_abort_unfinished,
    .check = s3_check,
    .space = s3_space,
    .largest = s3_largest,
    .late_us = s3_late_us,
    .lifecycle_read = s3_lifecycle_read,
    .lifecycle_write = s3_lifecycle_write,
};
