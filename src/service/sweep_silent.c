/* What nodes that are silent have left: only facts of the catalog and objects of stores. Their
 * stages are on their own disks, and theirs to discard when they are back. */
#include "base/log.h"
#include "catalog/node.h"
#include "service/abandon.h"
#include "service/sweep_state.h"

#define NODES_AT_ONCE 64

struct ending {
    struct app *app;
    const struct session *session;
    bool there;
};

/* The row first: should the node be alive after all, its commit must find no session, or a record
 * could be without an object. */
static bool end_work(struct db *tx, void *context, struct error *err)
{
    struct ending *ending = context;

    return node_must_have(tx, ending->app, DUTY_SWEEP, err) &&
           abandon_condemn(tx, ending->app, ending->session, "its node went away", &ending->there,
                           err);
}

struct silence {
    struct app *app;
    uint64_t *ended;
};

static bool end_one(void *context, const struct session *session, struct error *err)
{
    const struct silence *silence = context;
    struct ending ending = {.app = silence->app, .session = session};

    if (!database_write(silence->app->database, end_work, &ending, err))
        return false;
    if (ending.there)
        sweep_object(silence->app, session->storage_name, session->storage_path);
    *silence->ended += ending.there;
    return true;
}

/* As long again as the lease: one that was only slow says so by then. */
static bool read_silent(struct app *app, struct arena *mem, struct uuid **out, size_t *count,
                        struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    int64_t now_us;

    return database_read(app->database, &db, err) && node_clock(db, &now_us, err) &&
           node_silent(db, now_us - app->settings.node_lease_us, NODES_AT_ONCE, mem, out, count,
                       err);
}

bool sweep_silent_nodes(struct app *app, uint64_t *count, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid *silent;
    size_t silent_count;
    struct silence silence = {app, count};

    *count = 0;
    if (!node_is_shared(app))
        return true;
    if (!read_silent(app, mem, &silent, &silent_count, err))
        return false;
    for (size_t i = 0; i < silent_count; i++) {
        char id[UUID_TEXT_SIZE];
        uint64_t before = *count;

        if (!sweep_visit_sessions(app, silent[i], end_one, &silence, err))
            return false;
        uuid_format(silent[i], id);
        log_event(LOG_WARN, "ended what a silent node was receiving", log_text("node", id),
                  log_int("sessions", (int64_t)(*count - before)));
    }
    return true;
}
