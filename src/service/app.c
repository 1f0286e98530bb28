#include "service/app.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "catalog/secret.h"
#include "catalog/token.h"
#include "service/abandon.h"
#include "service/hasher.h"
#include "service/known_tokens.h"
#include "service/live.h"
#include "service/node.h"
#include "service/operator_tokens.h"
#include "service/queue.h"
#include "service/readiness.h"
#include "service/receivers.h"
#include "service/shared_clock.h"
#include "service/shared_stage.h"
#include "service/sightings.h"
#include "service/store_ids.h"
#include "service/token_use.h"
#include "service/watch.h"
#include "service/workspaces.h"

#define LINK_KEY_NAME "link_key"
#define BUSY_MS 5000
#define READERS_KEPT 4
#define STORES_MAX 64
#define WORK_MEMORY_BYTES (UINT64_C(512) << 20)

/* ---- database ---- */

static void tell_commit(void *context)
{
    const struct app *app = context;

    watch_tell(app->commits);
}

/* What it was that another process did nobody knows: whoever waits for something looks. */
static void tell_notice(void *context)
{
    const struct app *app = context;

    watch_tell(app->commits);
    queue_signal(app->queue);
}

static bool open_database(struct app *app, const struct app_options *options, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *url = config_text(app->config, "server", "database");
    struct database_options wanted = {.readers = READERS_KEPT,
                                      .busy_ms = BUSY_MS,
                                      .committed = tell_commit,
                                      .committed_context = app,
                                      .noticed = tell_notice,
                                      .noticed_context = app};

    wanted.url = url ? url : arena_printf(mem, "sqlite:%s/catalog.db", options->data);
    if (options->existing_only ? !database_open_existing(&wanted, &app->database, err)
                               : !database_open(&wanted, &app->database, err))
        return false;
    app->token_uses = token_uses_new(app->database);
    app->known_tokens = known_tokens_new();
    return true;
}

/* ---- stores ---- */

/* A section [store "NAME"], or the local store of a server without any. */
struct store_section {
    struct store_config config;
    const struct config *source; /* NULL for the default */
};

static const char *section_option(const struct store_config *config, const char *key)
{
    const struct store_section *section = container_of(config, struct store_section, config);

    return section->source ? config_named_text(section->source, "store", config->name, key) : NULL;
}

/* Whether this store has been set up: a note in the data folder. A store that once was must not be
 * made anew, lest an unmounted disk pass for an empty one. */
static bool store_is_known(const char *note)
{
    return access(note, F_OK) == 0;
}

/* Against those before it: what stands in the one would be the other's, too. Nothing is noted of a
 * store before. */
static bool check_apart(const struct app *app, struct store *store, struct error *err)
{
    bool overlaps;

    for (size_t i = 0; app->stores[i] != store; i++) {
        if (!store_overlaps(app->stores[i], store, &overlaps, err))
            return false;
        if (overlaps)
            return error_tell(err, ERR_INVALID,
                              "store \"%s\" and store \"%s\" are the same place, or one lies in "
                              "the other",
                              store_name(app->stores[i]), store_name(store));
    }
    return true;
}

static bool open_store(struct app *app, const struct app_options *options,
                       struct store_section *section, struct arena *mem, struct error *err)
{
    const char *note = store_ids_note(options->data, section->config.name, mem);
    struct store_config *config = &section->config;
    bool is_first;
    struct store *store;

    config->is_new = !store_is_known(note);
    is_first = config->is_new && !options->existing_only;
    if (is_first && !store_ids_is_known(app, config->name, &config->is_made, err))
        return false;
    if (!store_open(config, is_first, &store, err))
        return config->is_made ? store_ids_is_absent(config, err) : false;
    app->stores[app->store_count++] = store;
    return check_apart(app, store, err) &&
           store_ids_match(app, store, !options->existing_only, err) &&
           (!is_first || fs_write_file(note, "", 0, 0600, err));
}

static bool open_configured(struct app *app, const struct app_options *options, struct arena *mem,
                            struct error *err)
{
    const char *name;

    for (size_t i = 0; config_named_at(app->config, "store", i, &name); i++) {
        struct store_section section = {.source = app->config};

        if (i == STORES_MAX)
            return error_tell(err, ERR_INVALID, "there are more than %d stores", STORES_MAX);
        section.config = (struct store_config){
            .name = name,
            .provider = config_named_text(app->config, "store", name, "provider"),
            .path = config_named_text(app->config, "store", name, "path"),
            .staging = arena_printf(mem, "%s/staging-%s", options->data, name),
            .option = section_option,
        };
        if (!open_store(app, options, &section, mem, err))
            return false;
    }
    return true;
}

static bool open_stores(struct app *app, const struct app_options *options, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct store_section section = {
        .config = {.name = "main", .provider = "local", .option = section_option}};

    app->stores = calloc(STORES_MAX, sizeof *app->stores);
    if (!app->stores)
        abort();
    if (!open_configured(app, options, mem, err))
        return false;
    if (app->store_count > 0)
        return true;
    section.config.path = arena_printf(mem, "%s/store", options->data);
    return open_store(app, options, &section, mem, err);
}

/* ---- secrets ---- */

static bool keep_link_key(struct db *tx, void *context, struct error *err)
{
    return secret_keep(tx, LINK_KEY_NAME, context, SIGNED_LINK_KEY_BYTES, err);
}

static bool read_link_key(struct app *app, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           secret_read(db, LINK_KEY_NAME, app->link_key, sizeof app->link_key, err);
}

/* Two servers that start at once both read the key that was first. */
static bool load_link_key(struct app *app, const struct app_options *options, struct error *err)
{
    uint8_t fresh[SIGNED_LINK_KEY_BYTES];

    if (read_link_key(app, err))
        return true;
    if (err->kind != ERR_NOT_FOUND || options->existing_only)
        return err->kind == ERR_NOT_FOUND;
    app->random->fill(app->random, fresh, sizeof fresh);
    return database_write(app->database, keep_link_key, fresh, err) && read_link_key(app, err);
}

/* ---- the first start ---- */

/* Whether a workspace is there, or an operator's token from when there was one. */
static bool is_first_start(struct app *app, bool *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    scoped(arena_release) struct arena *mem = arena_new();
    const struct uuid nil = {{0}};
    struct workspace *workspaces;
    struct token *tokens;
    size_t token_count, workspace_count;

    if (!database_read(app->database, &db, err) ||
        !token_list(db, nil, nil, 1, mem, &tokens, &token_count, err) ||
        !workspace_list(db, nil, 1, mem, &workspaces, &workspace_count, err))
        return false;
    *out = token_count == 0 && workspace_count == 0;
    return true;
}

/* One that crashed half-way goes on. */
static bool make_first_things(struct app *app, const char *data, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct workspace made;
    bool first;

    if (!is_first_start(app, &first, err) ||
        (first && !workspaces_add(app, "default", NULL, mem, &made, err) &&
         err->kind != ERR_EXISTS)) /* another node, starting too, was quicker */
        return false;
    return operator_tokens_first(app, data, err);
}

/* ---- all of it ---- */

/* As many as there are threads that ask for works. */
static unsigned works_at_once(const struct app *app)
{
    unsigned workers = (unsigned)config_number(app->config, "jobs", "workers");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return workers > 0 ? workers : cores > 0 ? (unsigned)cores : 1;
}

static bool open_works(struct app *app, const struct app_options *options, struct error *err)
{
    struct media_options wanted = {.program = options->program,
                                   .processes = works_at_once(app),
                                   .memory_bytes = WORK_MEMORY_BYTES,
                                   .for_works = true};

    return media_pool_open(&wanted, &app->works, err);
}

static bool open_media(struct app *app, const struct app_options *options, struct error *err)
{
    struct media_options wanted = {
        .program = options->program,
        .processes = (unsigned)config_number(app->config, "media", "processes"),
        .memory_bytes = config_number(app->config, "media", "memory"),
        .timeout_ms = config_number(app->config, "media", "timeout"),
    };

    return options->without_media ||
           (media_pool_open(&wanted, &app->media, err) && open_works(app, options, err));
}

static bool make_data_folder(const char *data, struct error *err)
{
    if (mkdir(data, 0700) == 0 || errno == EEXIST)
        return true;
    return error_errno(err, "data folder \"%s\"", data);
}

bool app_open(const struct config *config, const struct app_options *options, struct app **out,
              struct error *err)
{
    scoped(app_release) struct app *app = calloc(1, sizeof *app);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (!app)
        abort();
    app->config = config;
    followed_clock_init(&app->shared_time);
    app->clock = &app->shared_time.clock;
    app->random = &random_system;
    app->hashers = hash_pool_new(cores > 0 ? (unsigned)cores : 1);
    app->live = live_new();
    app->shared_stages = shared_stages_new();
    app->transfers = sightings_new();
    app->readiness = readiness_new();
    app->abandoned = abandoned_new();
    app->delivery_backlog = (struct costly)COSTLY_INIT(clock_monotonic_us);
    app->commits = watch_new();
    app->webhook_changes = watch_new();
    if (!settings_read(config, &app->settings, err) || !queue_new(config, &app->queue, err) ||
        !receivers_new(config_text(config, "webhooks", "allow_private"), &app->receivers, err) ||
        (!options->existing_only && !make_data_folder(options->data, err)) ||
        !node_id_read(options->data, !options->existing_only, app->clock, app->random,
                      &app->node_id, err) ||
        !open_media(app, options, err) || !open_database(app, options, err) ||
        !shared_clock_start(app, err) ||
        (!options->without_stores && !open_stores(app, options, err)) ||
        !load_link_key(app, options, err) ||
        (!options->existing_only && !make_first_things(app, options->data, err)))
        return false;
    app->opened_at_us = app_now_us(app);
    *out = take(app);
    return true;
}

void app_free(struct app *app)
{
    if (!app)
        return;
    media_pool_free(app->works);
    media_pool_free(app->media);
    for (size_t i = 0; i < app->store_count; i++)
        store_free(app->stores[i]);
    free(app->stores);
    token_uses_free(app->token_uses);
    known_tokens_free(app->known_tokens);
    database_free(app->database);
    queue_free(app->queue);
    live_free(app->live);
    shared_stages_free(app->shared_stages);
    sightings_free(app->transfers);
    readiness_free(app->readiness);
    hash_pool_free(app->hashers);
    abandoned_free(app->abandoned);
    watch_free(app->commits);
    watch_free(app->webhook_changes);
    receivers_free(app->receivers);
    followed_clock_done(&app->shared_time);
    explicit_bzero(app->link_key, sizeof app->link_key);
    free(app);
}

struct store *app_store(const struct app *app, const char *name)
{
    for (size_t i = 0; i < app->store_count; i++)
        if (strcmp(store_name(app->stores[i]), name) == 0)
            return app->stores[i];
    return NULL;
}

bool app_find_store(const struct app *app, const char *name, struct store **out, struct error *err)
{
    struct store *store = app_store(app, name);

    if (!store)
        return error_set(err, ERR_UNAVAILABLE, "store \"%s\" is not configured", name);
    *out = store;
    return true;
}
