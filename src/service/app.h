/*
 * What every service works with: the database, the stores, the media processes, the settings, time
 * and chance. Made once at start, shared by all threads, never changed afterwards but for the
 * counters.
 */
#ifndef SERVICE_APP_H
#define SERVICE_APP_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/followed_clock.h"
#include "base/random.h"
#include "catalog/quota.h"
#include "crypto/signed_link.h"
#include "db/db.h"
#include "media/media.h"
#include "media/work.h"
#include "service/costly.h"
#include "store/store.h"

struct abandoned;
struct hash_pool;
struct live;
struct node;
struct http_metrics;
struct event_streams;
struct queue;
struct shared_stages;
struct sightings;
struct readiness;
struct receivers;
struct known_tokens;
struct token_uses;
struct watch;

/* Which content is taken. */
enum accept_policy {
    ACCEPT_AUDIO, /* audio only; a moving picture is refused */
    ACCEPT_MEDIA, /* the audio of videos too */
    ACCEPT_ANY    /* anything; what is not audio has no facts and no chunks */
};

/* What the processing cache keeps, and for how long. */
struct cache_settings {
    int64_t ttl_us;     /* of types without one of their own; 0: for ever */
    uint64_t max_bytes; /* of one workspace; 0: no limit */
    uint64_t max_entry_bytes;
    uint64_t compress_above_bytes;
    bool keep_after_purge; /* results outlive the last upload of their content */
};

struct event_settings {
    int64_t keep_us;      /* events older than this are removed */
    uint64_t streams_max; /* open at once */
    uint64_t workspace_streams_max;
};

struct webhook_settings {
    int64_t timeout_ms;     /* of one attempt */
    int64_t retry_for_us;   /* from its first failure on */
    int64_t retry_first_us; /* after the first failure; then it doubles */
    int64_t keep_us;        /* deliveries that have ended, in the log */
    uint64_t workspace_max; /* webhooks of one workspace */
    uint64_t at_once;       /* deliveries under way to one webhook */
};

/* The configuration, read and checked. Text is the configuration's and lives as long as it. */
struct settings {
    enum accept_policy accept;
    const char *formats;          /* comma-separated file types that are taken; NULL: all */
    uint64_t max_file_size_bytes; /* for any workspace; 0: no limit */
    int64_t chunk_threshold_ms;
    int64_t max_chunk_duration_ms;
    struct media_cut cut; /* how chunks are cut where nobody says otherwise */
    int64_t session_ttl_us;
    bool shared_staging; /* other nodes may go on with uploads of several requests */
    int64_t sweep_every_us;
    int64_t node_lease_us;    /* how long a node may be silent */
    uint64_t work_timeout_ms; /* of work on a whole file, and a tenth of its duration more */
    struct quota_limits default_limits;
    struct cache_settings cache;
    struct event_settings events;
    struct webhook_settings webhooks;
};

struct http_metrics; /* of http/metrics.h */

struct app_counters {
    atomic_uint_fast64_t uploads_stored;
    atomic_uint_fast64_t uploads_shared;
    atomic_uint_fast64_t uploads_refused;
    atomic_uint_fast64_t upload_bytes;
    atomic_uint_fast64_t uploads_active;
    atomic_uint_fast64_t deliveries_done;   /* attempts that went well */
    atomic_uint_fast64_t deliveries_failed; /* that are tried again */
    atomic_uint_fast64_t deliveries_dead;   /* that were the last */
};

struct app {
    const struct config *config;
    struct settings settings;
    struct database *database;
    struct store **stores; /* the first takes new uploads */
    size_t store_count;
    struct media_pool *media;
    struct media_pool *works; /* what is done to whole files (media/work.h) */
    struct hash_pool *hashers;
    struct live *live; /* sessions that requests are working on */
    struct shared_stages *shared_stages;
    struct sightings *transfers; /* that are nobody's: the sweep's */
    struct abandoned *abandoned; /* sessions that could not be ended when they should have been */
    struct token_uses *token_uses;
    struct known_tokens *known_tokens;
    struct readiness *readiness;
    struct queue *queue;           /* which kinds of jobs there are, and who waits for them */
    struct watch *commits;         /* told after each commit of this process */
    struct watch *webhook_changes; /* told when webhooks or their deliveries were changed by hand */
    struct receivers *receivers;   /* which addresses webhooks may reach */
    struct uuid node_id;           /* of the data folder (service/node.h); nil: it has none */
    struct node *node;             /* set by who serves, as are the next two; else NULL */
    struct event_streams *streams;
    const struct http_metrics *http;   /* set by who serves; NULL without a server */
    struct followed_clock shared_time; /* of all who share the database (service/shared_clock.h) */
    const struct clock *clock;         /* shows it */
    int64_t opened_at_us;
    const struct random_source *random;
    uint8_t link_key[SIGNED_LINK_KEY_BYTES];
    struct app_counters counters;
    struct costly delivery_backlog; /* for /metrics */
};

/* Reads SETTINGS out of CONFIG. Fails with ERR_INVALID, naming the option, if a value makes no
 * sense. */
bool settings_read(const struct config *config, struct settings *out, struct error *err);

struct app_options {
    const char *data;    /* the data folder, made if its parent exists */
    bool existing_only;  /* change nothing: fail where something is missing */
    bool without_media;  /* start no media process */
    bool without_stores; /* open none: the catalog alone is wanted */
    const char *program; /* for media processes; NULL: this binary */
};

/*
 * Opens everything that CONFIG names. A new data folder gets a catalog, a store, the workspace
 * "default" with its user "admin", and an operator token in DATA/operator-token (mode 0600).
 * CONFIG must outlive the app.
 */
bool app_open(const struct config *config, const struct app_options *options, struct app **out,
              struct error *err);
void app_free(struct app *app);
DEFINE_RELEASE(app, struct app)

/* The store of that name; NULL if none is configured under it. */
struct store *app_store(const struct app *app, const char *name);
/* The same, where it is needed. Fails with ERR_UNAVAILABLE if none is configured under it. */
bool app_find_store(const struct app *app, const char *name, struct store **out, struct error *err);

static inline int64_t app_now_us(const struct app *app)
{
    return clock_now_us(app->clock);
}
static inline struct uuid app_new_id(const struct app *app)
{
    return uuid_new(app->clock, app->random);
}

#endif
