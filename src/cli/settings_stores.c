#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/scoped.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/settings_check.h"
#include "store/store.h"

/* PATH without links, dots and double slashes. Of what is not there yet, the folder above may be.
 */
static const char *canonical(const char *path, struct arena *mem)
{
    char found[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *above = slash ? arena_strndup(mem, path, (size_t)(slash - path)) : ".";

    if (realpath(path, found))
        return arena_strdup(mem, found);
    if (!realpath(*above ? above : "/", found))
        return path;
    return arena_printf(mem, "%s/%s", strcmp(found, "/") == 0 ? "" : found,
                        slash ? slash + 1 : path);
}

/* Whether INNER is OUTER, or lies in it. */
static bool holds(const char *outer, const char *inner)
{
    size_t length = strlen(outer);

    if (strcmp(outer, "/") == 0)
        return true;
    return strncmp(outer, inner, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

/* What lies in a store and is not an object is taken for one that nothing explains. */
static bool check_apart(const char *name, const char *path, const char *other, const char *whose,
                        struct error *err)
{
    return (!holds(path, other)) ||
           error_tell(err, ERR_INVALID, "store \"%s\": its path %s is or holds %s", name, path,
                      whose);
}

static const char *path_of(const struct config *config, const char *name, struct arena *mem)
{
    const char *path = config_named_text(config, "store", name, "path");

    return path ? canonical(path, mem) : NULL;
}

static bool check_folder(const struct config *config, size_t index, const char *name,
                         struct arena *mem, struct error *err)
{
    const char *path = path_of(config, name, mem), *other_name;

    if (!path)
        return true;
    if (!check_apart(name, path, canonical(config_text(config, "server", "data"), mem),
                     "the data folder", err))
        return false;
    for (size_t i = 0; config_named_at(config, "store", i, &other_name); i++) {
        const char *other = i == index ? NULL : path_of(config, other_name, mem);

        if (other && !check_apart(name, path, other,
                                  arena_printf(mem, "that of store \"%s\"", other_name), err))
            return false;
    }
    return true;
}

/* The store's section, as its driver reads it. */
struct section {
    struct store_config config;
    const struct config *source;
};

static const char *section_option(const struct store_config *config, const char *key)
{
    const struct section *section = container_of(config, struct section, config);

    return config_named_text(section->source, "store", config->name, key);
}

/* What the provider would pass over is refused: it was meant for something. */
static bool check_keys(const struct config *config, const char *name, const char *provider,
                       struct error *err)
{
    for (size_t i = 0; i < configuration_named_option_count; i++) {
        const struct config_option *known = &configuration_named_options[i];

        if (strcmp(known->section, "store") == 0 &&
            config_named_text(config, "store", name, known->key) &&
            !store_provider_takes(provider, known->key))
            return error_tell(err, ERR_INVALID,
                              "store \"%s\": there is no such option as %s with provider %s", name,
                              known->key, provider);
    }
    return true;
}

static struct section section_of(const struct config *config, const char *name)
{
    return (struct section){
        .source = config,
        .config = {.name = name,
                   .provider = config_named_text(config, "store", name, "provider"),
                   .path = config_named_text(config, "store", name, "path"),
                   .staging = config_text(config, "server", "data"),
                   .option = section_option},
    };
}

/* Against those before it, which have passed. */
static bool check_overlap(const struct section *store, size_t index, struct error *err)
{
    const char *other_name;

    for (size_t i = 0; i < index && config_named_at(store->source, "store", i, &other_name); i++) {
        const struct section other = section_of(store->source, other_name);

        if (store_configs_overlap(&store->config, &other.config))
            return error_tell(err, ERR_INVALID,
                              "store \"%s\": prefix: it and that of store \"%s\", in the same "
                              "bucket, must not begin with each other",
                              store->config.name, other_name);
    }
    return true;
}

bool settings_check_stores(const struct config *config, struct arena *mem, struct error *err)
{
    const char *name;

    for (size_t i = 0; config_named_at(config, "store", i, &name); i++) {
        const struct section store = section_of(config, name);

        if (!store_config_check(&store.config, err) ||
            !check_keys(config, name, store.config.provider, err) ||
            !check_folder(config, i, name, mem, err) || !check_overlap(&store, i, err))
            return false;
    }
    return true;
}
