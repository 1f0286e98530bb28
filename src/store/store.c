#include <assert.h>
#include <string.h>

#include "store/driver.h"

static const struct store_driver *const drivers[] = {
    &store_driver_local,
    &store_driver_s3,
};

static const struct store_driver *driver_named(const char *name)
{
    for (size_t i = 0; name && i < COUNT_OF(drivers); i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* 1 to MAX letters, digits and characters of EXTRA. */
static bool is_word(const char *text, size_t max, const char *extra)
{
    size_t length = text ? strnlen(text, max + 1) : 0;

    if (length == 0 || length > max)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_letter_or_digit(text[i]) && !strchr(extra, text[i]))
            return false;
    return true;
}

void store_init(struct store *self, const struct store_driver *driver, const char *name)
{
    size_t length = strlen(name);

    assert(length <= STORE_NAME_MAX);
    self->driver = driver;
    memcpy(self->name, name, length + 1);
}

bool store_provider_takes(const char *provider, const char *key)
{
    const struct store_driver *driver = driver_named(provider);

    if (strcmp(key, "provider") == 0)
        return true;
    for (size_t i = 0; driver && driver->keys[i]; i++)
        if (strcmp(driver->keys[i], key) == 0)
            return true;
    return false;
}

bool store_config_check(const struct store_config *config, struct error *err)
{
    const struct store_driver *driver = driver_named(config->provider);

    if (!is_word(config->name, STORE_NAME_MAX, "-_"))
        return error_set(err, ERR_INVALID, "a store's name takes 1 to %d letters, digits, - and _",
                         STORE_NAME_MAX);
    if (!config->provider)
        return error_set(err, ERR_INVALID, "store \"%s\" has no provider", config->name);
    if (!driver)
        return error_set(err, ERR_INVALID, "store \"%s\": there is no provider \"%s\"",
                         config->name, config->provider);
    return !driver->config_check || driver->config_check(config, err) ||
           error_context(err, "store \"%s\"", config->name);
}

bool store_configs_overlap(const struct store_config *one, const struct store_config *other)
{
    const struct store_driver *driver = driver_named(one->provider);

    return driver && driver == driver_named(other->provider) && driver->configs_overlap &&
           driver->configs_overlap(one, other);
}

bool store_open(const struct store_config *config, bool create, struct store **out,
                struct error *err)
{
    const struct store_driver *driver = driver_named(config->provider);
    struct store *opened = NULL;

    if (!store_config_check(config, err))
        return false;
    if (!driver->open(config, create, &opened, err))
        return error_context(err, "store \"%s\": open", config->name);
    store_init(opened, driver, config->name);
    *out = opened;
    return true;
}

void store_free(struct store *store)
{
    if (store)
        store->driver->free(store);
}

const char *store_name(const struct store *store)
{
    return store->name;
}

const char *store_provider(const struct store *store)
{
    return store->driver->name;
}

const char *store_id(const struct store *store)
{
    return store->driver->id ? store->driver->id(store) : "";
}

static bool holds(struct store *store, struct store *other, bool *out, struct error *err)
{
    *out = false;
    return store->driver != other->driver || !store->driver->holds ||
           store->driver->holds(store, other, out, err) ||
           error_context(err, "store \"%s\": look for store \"%s\"", store->name, other->name);
}

bool store_overlaps(struct store *one, struct store *other, bool *out, struct error *err)
{
    if (*store_id(one) && strcmp(store_id(one), store_id(other)) == 0) {
        *out = true;
        return true;
    }
    return holds(one, other, out, err) && (*out || holds(other, one, out, err));
}

/* Every text below ends in what the driver said; a long key is cut so that the cause still fits. */
bool store_key_context(const struct store *store, const char *verb, const char *key,
                       struct error *err)
{
    return error_context(err, "store \"%s\": %s \"%.200s\"", store->name, verb, key);
}

bool store_key_check(const struct store *store, const char *verb, const char *key,
                     struct error *err)
{
    if (store_key_is_valid(key))
        return true;
    error_set(err, ERR_INVALID, "not a valid key");
    return store_key_context(store, verb, key, err);
}

bool store_id_check(const struct store *store, const char *id, struct error *err)
{
    if (is_word(id, STAGE_ID_MAX, "-"))
        return true;
    return error_set(err, ERR_INVALID, "store \"%s\": a stage's id takes letters, digits and -",
                     store->name);
}

static bool stage_context(const struct stage *stage, const char *verb, struct error *err)
{
    return error_context(err, "store \"%s\": %s stage \"%s\"", stage->store->name, verb, stage->id);
}

void stage_init(struct stage *self, struct store *store, const char *id)
{
    size_t length = strlen(id);

    assert(length <= STAGE_ID_MAX);
    self->store = store;
    self->published = self->is_read_again = false;
    self->facts = NULL;
    self->sources = NULL;
    self->source_count = 0;
    memcpy(self->id, id, length + 1);
}

/* ---- receiving ---- */

bool store_stage_create(struct store *store, const char *id, uint64_t expected, struct stage **out,
                        struct error *err)
{
    struct stage *stage = NULL;

    if (!store_id_check(store, id, err))
        return false;
    if (!store->driver->stage_create(store, id, expected, &stage, err))
        return error_context(err, "store \"%s\": create stage \"%s\"", store->name, id);
    stage_init(stage, store, id);
    *out = stage;
    return true;
}

bool store_stage_open(struct store *store, const char *id, struct stage **out, struct error *err)
{
    struct stage *stage = NULL;

    if (!store_id_check(store, id, err))
        return false;
    if (!store->driver->stage_open(store, id, &stage, err))
        return error_context(err, "store \"%s\": open stage \"%s\"", store->name, id);
    stage_init(stage, store, id);
    *out = stage;
    return true;
}

void stage_free(struct stage *stage)
{
    if (stage)
        stage->store->driver->stage_free(stage);
}

bool stage_write(struct stage *stage, uint64_t offset, const void *bytes, size_t length,
                 struct error *err)
{
    assert(!stage->published);
    if (!stage->store->driver->stage_write(stage, offset, bytes, length, err))
        return stage_context(stage, "write", err);
    return true;
}

bool stage_sync(struct stage *stage, struct error *err)
{
    assert(!stage->published);
    if (!stage->store->driver->stage_sync(stage, err))
        return stage_context(stage, "sync", err);
    return true;
}

bool stage_read(struct stage *stage, uint64_t offset, void *bytes, size_t length, size_t *out,
                struct error *err)
{
    if (!stage->store->driver->stage_read(stage, offset, bytes, length, out, err))
        return stage_context(stage, "read", err);
    return true;
}

int stage_fd(struct stage *stage)
{
    return stage->store->driver->stage_fd ? stage->store->driver->stage_fd(stage) : -1;
}

int stage_writable_fd(struct stage *stage)
{
    const struct store_driver *driver = stage->store->driver;

    return driver->stage_writable_fd ? driver->stage_writable_fd(stage) : -1;
}

bool stage_written(struct stage *stage, uint64_t end, struct error *err)
{
    const struct store_driver *driver = stage->store->driver;

    assert(!stage->published);
    if (driver->stage_written && !driver->stage_written(stage, end, err))
        return stage_context(stage, "write", err);
    return true;
}

bool stage_truncate(struct stage *stage, uint64_t size, struct error *err)
{
    assert(!stage->published);
    if (!stage->store->driver->stage_truncate(stage, size, err))
        return stage_context(stage, "truncate", err);
    return true;
}

void stage_describe(struct stage *stage, const struct object_facts *facts)
{
    stage->facts = facts;
}

void stage_sources(struct stage *stage, const struct stage_source *sources, size_t count)
{
    stage->sources = sources;
    stage->source_count = count;
}

void stage_announce(struct stage *stage, uint64_t size, const char *key,
                    const struct object_facts *facts)
{
    assert(!stage->published);
    if (stage->store->driver->stage_announce && store_key_is_valid(key))
        stage->store->driver->stage_announce(stage, size, key, facts);
}

bool stage_publish(struct stage *stage, uint64_t size, const char *key, struct error *err)
{
    assert(!stage->published);
    if (!store_key_check(stage->store, "publish", key, err))
        return false;
    stage->published = stage->store->driver->stage_publish(stage, size, key, err);
    stage->facts = NULL;
    stage_sources(stage, NULL, 0);
    return stage->published || store_key_context(stage->store, "publish", key, err);
}

bool store_stage_discard(struct store *store, const char *id, struct error *err)
{
    if (!store_id_check(store, id, err))
        return false;
    if (!store->driver->stage_discard(store, id, err))
        return error_context(err, "store \"%s\": discard stage \"%s\"", store->name, id);
    return true;
}

/* ---- objects ---- */

bool store_put(struct store *store, const char *stage_id, const char *key, struct source *content,
               uint64_t length, struct error *err)
{
    const struct store_driver *driver = store->driver;

    if (!store_id_check(store, stage_id, err) || !store_key_check(store, "put", key, err))
        return false;
    if (!(driver->put ? driver->put : store_put_staged)(store, stage_id, key, content, length, err))
        return store_key_context(store, "put", key, err);
    return true;
}

bool store_get(struct store *store, const char *key, struct byte_range range, struct sink *dest,
               struct error *err)
{
    const struct store_driver *driver = store->driver;

    if (!store_key_check(store, "get", key, err))
        return false;
    if (!(driver->get ? driver->get : store_get_opened)(store, key, range, dest, err))
        return store_key_context(store, "get", key, err);
    return true;
}

bool store_open_fd(struct store *store, const char *key, int *fd, uint64_t *size, struct error *err)
{
    if (!store_key_check(store, "open", key, err))
        return false;
    if (!store->driver->open_fd)
        return error_set(err, ERR_NOT_IMPLEMENTED, "store \"%s\": objects have no descriptors",
                         store->name);
    if (!store->driver->open_fd(store, key, fd, size, err))
        return store_key_context(store, "open", key, err);
    return true;
}

bool store_has_files(const struct store *store)
{
    return store->driver->open_fd != NULL;
}

bool store_fetch(struct store *store, const char *key, int *fd, uint64_t *size, struct error *err)
{
    const struct store_driver *driver = store->driver;

    if (!store_key_check(store, "fetch", key, err))
        return false;
    if (!(driver->open_fd ? driver->open_fd : store_fetch_copy)(store, key, fd, size, err))
        return store_key_context(store, "fetch", key, err);
    return true;
}

bool store_head(struct store *store, const char *key, struct store_object *out, struct error *err)
{
    struct store_object found = {.key = key};

    if (!store_key_check(store, "head", key, err))
        return false;
    if (!store->driver->head(store, key, &found, err))
        return store_key_context(store, "head", key, err);
    *out = found;
    return true;
}

bool store_remove(struct store *store, const char *key, struct error *err)
{
    if (!store_key_check(store, "remove", key, err))
        return false;
    if (!store->driver->remove(store, key, err))
        return store_key_context(store, "remove", key, err);
    return true;
}

/* ---- looking after it ---- */

bool store_list(struct store *store, const char *prefix, const char *after,
                bool (*visit)(void *context, const struct store_object *object), void *context,
                struct error *err)
{
    if (!store->driver->list(store, prefix ? prefix : "", after, visit, context, err))
        return error_context(err, "store \"%s\": list", store->name);
    return true;
}

bool store_list_stages(struct store *store,
                       bool (*visit)(void *context, const struct store_object *stage),
                       void *context, struct error *err)
{
    if (!store->driver->list_stages(store, visit, context, err))
        return error_context(err, "store \"%s\": list stages", store->name);
    return true;
}

bool store_list_unfinished(struct store *store,
                           bool (*visit)(void *context, const struct store_unfinished *transfer),
                           void *context, struct error *err)
{
    const struct store_driver *driver = store->driver;

    if (driver->list_unfinished && !driver->list_unfinished(store, visit, context, err))
        return error_context(err, "store \"%s\": list unfinished transfers", store->name);
    return true;
}

bool store_abort_unfinished(struct store *store, const char *key, const char *id, struct error *err)
{
    const struct store_driver *driver = store->driver;

    if (!store_key_check(store, "abort", key, err))
        return false;
    if (driver->abort_unfinished && !driver->abort_unfinished(store, key, id, err))
        return store_key_context(store, "abort", key, err);
    return true;
}

bool store_check(struct store *store, struct error *err)
{
    if (!store->driver->check(store, err))
        return error_context(err, "store \"%s\": check", store->name);
    return true;
}

bool store_space(struct store *store, uint64_t *free_bytes, uint64_t *total_bytes,
                 struct error *err)
{
    uint64_t room = STAGE_SIZE_UNKNOWN;
    uint64_t total = STAGE_SIZE_UNKNOWN;

    if (store->driver->space && !store->driver->space(store, &room, &total, err))
        return error_context(err, "store \"%s\": space", store->name);
    *free_bytes = room;
    *total_bytes = total;
    return true;
}

uint64_t store_largest(struct store *store)
{
    return store->driver->largest ? store->driver->largest(store) : STAGE_SIZE_UNKNOWN;
}
