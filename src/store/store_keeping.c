/* The callers' side of what only some providers can do: copies, classes, restoring, links, a
 * lifecycle. */
#include "store/driver.h"

static bool cannot(const struct store *store, const char *what, struct error *err)
{
    return error_tell(err, ERR_NOT_IMPLEMENTED, "store \"%s\" has no %s", store->name, what);
}

bool store_copy(struct store *store, const char *stage_id, const char *from, const char *to,
                struct error *err)
{
    const struct store_driver *driver = store->driver;

    if (!store_id_check(store, stage_id, err) || !store_key_check(store, "copy", from, err) ||
        !store_key_check(store, "copy to", to, err))
        return false;
    return (driver->copy ? driver->copy : store_copy_staged)(store, stage_id, from, to, err) ||
           store_key_context(store, "copy", from, err);
}

bool store_set_class(struct store *store, const char *key, const char *storage_class,
                     struct error *err)
{
    if (!store_key_check(store, "set the class of", key, err))
        return false;
    if (!store->driver->set_class)
        return cannot(store, "storage classes", err);
    return store->driver->set_class(store, key, storage_class, err) ||
           store_key_context(store, "set the class of", key, err);
}

bool store_restore(struct store *store, const char *key, unsigned days, const char *tier,
                   struct error *err)
{
    if (!store_key_check(store, "restore", key, err))
        return false;
    if (!store->driver->restore)
        return cannot(store, "archived objects", err);
    return store->driver->restore(store, key, days, tier, err) ||
           store_key_context(store, "restore", key, err);
}

bool store_gives_links(const struct store *store)
{
    return store->driver->gives_links && store->driver->gives_links(store);
}

bool store_link(struct store *store, const char *key, const struct store_link *wish,
                struct arena *mem, const char **out, struct error *err)
{
    if (!store_key_check(store, "link", key, err))
        return false;
    if (!store->driver->link)
        return cannot(store, "links", err);
    return store->driver->link(store, key, wish, mem, out, err) ||
           store_key_context(store, "link", key, err);
}

int64_t store_late_us(const struct store *store)
{
    return store->driver->late_us ? store->driver->late_us(store) : 0;
}

bool store_lifecycle_read(struct store *store, struct arena *mem, struct store_lifecycle *out,
                          struct error *err)
{
    if (!store->driver->lifecycle_read)
        return cannot(store, "lifecycle", err);
    return store->driver->lifecycle_read(store, mem, out, err) ||
           error_context(err, "store \"%s\": read the lifecycle", store->name);
}

bool store_lifecycle_write(struct store *store, const struct store_lifecycle *wanted,
                           struct error *err)
{
    if (!store->driver->lifecycle_write)
        return cannot(store, "lifecycle", err);
    return store->driver->lifecycle_write(store, wanted, err) ||
           error_context(err, "store \"%s\": write the lifecycle", store->name);
}
