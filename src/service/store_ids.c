#include "service/store_ids.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "catalog/secret.h"

#define ID_LENGTH 32 /* of the hex digits in a marker */

/* Beside the server's secrets, which are few and never change. */
static const char *row_name(const char *name, struct arena *mem)
{
    return arena_printf(mem, "store %s", name);
}

/* *ID is "" if nothing is noted. */
static bool read_id(struct app *app, const char *name, char id[static ID_LENGTH + 1],
                    struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;

    memset(id, 0, ID_LENGTH + 1);
    return database_read(app->database, &db, err) &&
           (secret_read(db, row_name(name, mem), id, ID_LENGTH, err) || err->kind == ERR_NOT_FOUND);
}

static bool keep_id(struct db *tx, void *context, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const struct store *store = context;

    return secret_keep(tx, row_name(store_name(store), mem), store_id(store), ID_LENGTH, err);
}

static bool is_same(const struct store *store, const char *id, struct error *err)
{
    return strcmp(store_id(store), id) == 0 ||
           error_set(err, ERR_STORE_DIFFERS,
                     "store \"%s\" is %s, but the catalog's objects are in %s: all servers of a "
                     "database must have the same stores",
                     store_name(store), store_id(store), id);
}

bool store_ids_is_known(struct app *app, const char *name, bool *out, struct error *err)
{
    char id[ID_LENGTH + 1];

    if (!read_id(app, name, id, err))
        return false;
    *out = id[0] != '\0';
    return true;
}

bool store_ids_is_absent(const struct store_config *config, struct error *err)
{
    bool is_local = strcmp(config->provider, "local") == 0;

    /* A bucket that does not answer may be the one. */
    if (err->kind == ERR_NOT_FOUND || (is_local && err->kind == ERR_UNAVAILABLE))
        err->kind = ERR_STORE_DIFFERS;
    return error_context(err,
                         "the catalog's objects are in a store \"%s\" that was made before, and "
                         "all servers of a database must have the same",
                         config->name);
}

/* Of several nodes that start at once with different stores one is first. */
bool store_ids_match(struct app *app, const struct store *store, bool note, struct error *err)
{
    char id[ID_LENGTH + 1];

    if (strlen(store_id(store)) != ID_LENGTH)
        return true;
    if (!read_id(app, store_name(store), id, err))
        return false;
    if (id[0] == '\0' && note &&
        (!database_write(app->database, keep_id, (void *)store, err) ||
         !read_id(app, store_name(store), id, err)))
        return false;
    return id[0] == '\0' || is_same(store, id, err);
}

bool store_ids_check(struct app *app, struct error *err)
{
    for (size_t i = 0; i < app->store_count; i++)
        if (!store_ids_match(app, app->stores[i], false, err))
            return err->kind != ERR_STORE_DIFFERS;
    return true;
}

static bool forget_id(struct db *tx, void *context, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();

    return secret_remove(tx, row_name(context, mem), err);
}

bool store_ids_forget(struct app *app, const char *name, struct error *err)
{
    return database_write(app->database, forget_id, (void *)name, err);
}

const char *store_ids_note(const char *data, const char *name, struct arena *mem)
{
    return arena_printf(mem, "%s/store-%s.known", data, name);
}

bool store_ids_remove_note(const char *data, const char *name, bool *out, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *note = store_ids_note(data, name, mem);

    if (strchr(name, '/') == NULL && unlink(note) == 0) {
        *out = true;
        return fs_sync_folder(AT_FDCWD, data, err);
    }
    *out = false;
    return strchr(name, '/') || errno == ENOENT || error_errno(err, "remove \"%s\"", note);
}
