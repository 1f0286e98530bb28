#include <string.h>

#include "base/str.h"
#include "service/app.h"
#include "service/cache_pack.h"
#include "service/cut_options.h"

/* Less, and libavformat cannot even start. */
#define MEDIA_MEMORY_MIN (UINT64_C(64) << 20)

static bool read_accept(const struct config *config, enum accept_policy *out, struct error *err)
{
    static const char *const names[] = {
        [ACCEPT_AUDIO] = "audio", [ACCEPT_MEDIA] = "media", [ACCEPT_ANY] = "any"};
    const char *text = config_text(config, "uploads", "accept");

    for (size_t i = 0; text && i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum accept_policy)i;
            return true;
        }
    return error_tell(err, ERR_INVALID, "uploads.accept: \"%s\" is not audio, media or any",
                      text ? text : "");
}

/* A number of an option, from MIN to MAX. */
static bool check_number(const struct config *config, const char *section, const char *key,
                         uint64_t min, uint64_t max, struct error *err)
{
    uint64_t number = config_number(config, section, key);

    return (number >= min && number <= max) ||
           error_tell(err, ERR_INVALID, "%s.%s: must be from %llu to %llu", section, key,
                      (unsigned long long)min, (unsigned long long)max);
}

/* A limit that is not set is no limit. Databases count to INT64_MAX. */
static bool read_limit(const struct config *config, const char *key, struct quota_limit *out,
                       struct error *err)
{
    if (!check_number(config, "quota", key, 0, INT64_MAX, err))
        return false;
    *out = config_text(config, "quota", key) ? quota_limit_of(config_number(config, "quota", key))
                                             : quota_unlimited();
    return true;
}

static bool read_limits(const struct config *config, struct quota_limits *out, struct error *err)
{
    return read_limit(config, "max_storage_bytes", &out->max_storage_bytes, err) &&
           read_limit(config, "max_file_count", &out->max_file_count, err) &&
           read_limit(config, "max_file_size", &out->max_file_size, err) &&
           read_limit(config, "max_monthly_uploads", &out->max_monthly_uploads, err);
}

/* A length of time as one writes it in the configuration: "1m". */
struct time_words {
    uint64_t count;
    const char *unit;
};

static struct time_words time_words(uint64_t ms)
{
    static const struct time_words units[] = {
        {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};

    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (ms > 0 && ms % units[i].count == 0)
            return (struct time_words){ms / units[i].count, units[i].unit};
    return (struct time_words){ms, "ms"};
}

static bool refuse_ms(const char *key, uint64_t min_ms, uint64_t max_ms, struct error *err)
{
    struct time_words min = time_words(min_ms), max = time_words(max_ms);

    return error_tell(err, ERR_INVALID, "uploads.%s: must be from %llu%s to %llu%s", key,
                      (unsigned long long)min.count, min.unit, (unsigned long long)max.count,
                      max.unit);
}

/* A length of time of [uploads], from MIN_MS to MAX_MS. */
static bool read_ms(const struct config *config, const char *key, uint64_t min_ms, uint64_t max_ms,
                    int64_t *out, struct error *err)
{
    uint64_t ms = config_number(config, "uploads", key);

    if (ms < min_ms || ms > max_ms)
        return refuse_ms(key, min_ms, max_ms, err);
    *out = (int64_t)ms;
    return true;
}

/* What is used where the media processes are started. */
static bool check_media(const struct config *config, struct error *err)
{
    return check_number(config, "media", "processes", 1, 256, err) &&
           check_number(config, "media", "memory", MEDIA_MEMORY_MIN, UINT64_C(1) << 40, err) &&
           check_number(config, "media", "timeout", 1000, 86400000, err) &&
           check_number(config, "media", "work_timeout", 1000, 86400000, err);
}

/* ---- the cache ---- */

#define CACHE_TTL_MAX_MS (UINT64_C(100) * 365 * 86400000)

static bool check_type_ttl(const struct config *config, const char *type, struct error *err)
{
    const char *text = config_named_text(config, "cache_type", type, "ttl");
    uint64_t ms;

    return !text || (str_to_ms(str_from(text), &ms) && ms <= CACHE_TTL_MAX_MS) ||
           error_tell(err, ERR_INVALID,
                      "[cache_type \"%s\"] ttl: \"%.50s\" is not a time such as 30d", type, text);
}

static bool read_cache(const struct config *config, struct cache_settings *out, struct error *err)
{
    const char *type;

    for (size_t i = 0; config_named_at(config, "cache_type", i, &type); i++)
        if (!check_type_ttl(config, type, err))
            return false;
    if (!check_number(config, "cache", "ttl", 0, CACHE_TTL_MAX_MS, err) ||
        !check_number(config, "cache", "max_bytes_per_workspace", 0, INT64_MAX, err) ||
        !check_number(config, "cache", "max_entry_bytes", 1024, CACHE_DATA_MAX, err) ||
        !check_number(config, "cache", "compress_above", 0, INT64_MAX, err))
        return false;
    *out = (struct cache_settings){
        .ttl_us = (int64_t)config_number(config, "cache", "ttl") * 1000,
        .max_bytes = config_number(config, "cache", "max_bytes_per_workspace"),
        .max_entry_bytes = config_number(config, "cache", "max_entry_bytes"),
        .compress_above_bytes = config_number(config, "cache", "compress_above"),
        .keep_after_purge = config_bool(config, "cache", "keep_after_purge"),
    };
    return true;
}

/* ---- events and webhooks ---- */

static bool read_events(const struct config *config, struct event_settings *out, struct error *err)
{
    if (!check_number(config, "events", "keep_days", 1, 3650, err) ||
        !check_number(config, "events", "max_streams", 0, 100000, err) ||
        !check_number(config, "events", "max_streams_per_workspace", 0, 100000, err))
        return false;
    *out = (struct event_settings){
        .keep_us = (int64_t)config_number(config, "events", "keep_days") * US_PER_DAY,
        .streams_max = config_number(config, "events", "max_streams"),
        .workspace_streams_max = config_number(config, "events", "max_streams_per_workspace"),
    };
    return true;
}

static bool read_webhooks(const struct config *config, struct webhook_settings *out,
                          struct error *err)
{
    const uint64_t day_ms = 86400000;

    if (!check_number(config, "webhooks", "timeout", 100, 300000, err) ||
        !check_number(config, "webhooks", "retry_for", 0, 30 * day_ms, err) ||
        !check_number(config, "webhooks", "retry_first", 10, day_ms, err) ||
        !check_number(config, "webhooks", "keep_days", 1, 3650, err) ||
        !check_number(config, "webhooks", "max_per_workspace", 0, 1000, err) ||
        !check_number(config, "webhooks", "at_once", 1, 64, err))
        return false;
    *out = (struct webhook_settings){
        .timeout_ms = (int64_t)config_number(config, "webhooks", "timeout"),
        .retry_for_us = (int64_t)config_number(config, "webhooks", "retry_for") * 1000,
        .retry_first_us = (int64_t)config_number(config, "webhooks", "retry_first") * 1000,
        .keep_us = (int64_t)config_number(config, "webhooks", "keep_days") * US_PER_DAY,
        .workspace_max = config_number(config, "webhooks", "max_per_workspace"),
        .at_once = config_number(config, "webhooks", "at_once"),
    };
    return true;
}

bool settings_read(const struct config *config, struct settings *out, struct error *err)
{
    const uint64_t day_ms = 86400000;
    struct settings settings = {
        .formats = config_text(config, "uploads", "formats"),
        .max_file_size_bytes = config_number(config, "uploads", "max_file_size"),
        .work_timeout_ms = config_number(config, "media", "work_timeout"),
    };
    int64_t ttl_ms = 0;

    if (!check_media(config, err) || !read_limits(config, &settings.default_limits, err) ||
        !read_cache(config, &settings.cache, err) || !read_events(config, &settings.events, err) ||
        !read_webhooks(config, &settings.webhooks, err) ||
        !read_accept(config, &settings.accept, err) ||
        !read_ms(config, "chunk_threshold", 1000, 365 * day_ms, &settings.chunk_threshold_ms,
                 err) ||
        !read_ms(config, "max_chunk_duration", 1000, day_ms, &settings.max_chunk_duration_ms,
                 err) ||
        !cut_settings_read(config, (uint64_t)settings.max_chunk_duration_ms, &settings.cut, err) ||
        !check_number(config, "server", "node_lease", 1000, 3600000, err) ||
        !check_number(config, "server", "sweep_every", 100, day_ms, err) ||
        !read_ms(config, "session_ttl", 60000, 365 * day_ms, &ttl_ms, err))
        return false;
    settings.session_ttl_us = ttl_ms * 1000;
    settings.shared_staging = config_bool(config, "uploads", "shared_staging");
    settings.sweep_every_us = (int64_t)config_number(config, "server", "sweep_every") * 1000;
    settings.node_lease_us = (int64_t)config_number(config, "server", "node_lease") * 1000;
    *out = settings;
    return true;
}
