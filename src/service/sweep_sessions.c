/* Sessions that nobody goes on with. */
#include "service/abandon.h"
#include "service/resumable.h"
#include "service/sweep_state.h"

#define PAGE 200

static bool read_open(struct app *app, struct uuid node_id, struct uuid after, struct arena *mem,
                      struct session **page, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           (uuid_is_nil(node_id)
                ? session_list(db, after, PAGE, mem, page, count, err)
                : session_list_node(db, node_id, after, PAGE, mem, page, count, err));
}

bool sweep_visit_sessions(struct app *app, struct uuid node_id,
                          bool (*visit)(void *context, const struct session *session,
                                        struct error *err),
                          void *context, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}};
    struct session *page;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_open(app, node_id, after, mem, &page, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            if (page[i].kind == SESSION_POST && !visit(context, &page[i], err))
                return false;
            after = page[i].id;
        }
    } while (count == PAGE);
    return true;
}

/* One that cannot be ended now (its store is no longer configured) does not keep the server from
 * starting. */
static bool end_left_over(void *context, const struct session *session, struct error *err)
{
    struct sweep *sweep = context;

    (void)err;
    abandon_session_or_later(sweep->app, session);
    sweep->report.sessions++;
    return true;
}

bool sweep_left_over(struct sweep *sweep, struct error *err)
{
    struct app *app = sweep->app;
    struct uuid all = {{0}};

    return sweep_visit_sessions(app, node_is_shared(app) ? app->node_id : all, end_left_over, sweep,
                                err);
}

static bool read_expired(struct app *app, int64_t now_us, const struct session_expiry *after,
                         struct arena *mem, struct session **page, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           session_expired(db, now_us, after, PAGE, mem, page, count, err);
}

static bool expire_one(struct sweep *sweep, const struct session *session, struct error *err)
{
    bool is_ours, is_ended = false;

    if (!node_looks_after(sweep->app, session->node_id, &is_ours, err))
        return false;
    if (is_ours &&
        !resumable_expire(sweep->app, session->workspace_id, session->id, &is_ended, err))
        return false;
    sweep->report.sessions += is_ended;
    return true;
}

void sweep_expired(struct sweep *sweep)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct session_expiry after = {INT64_MIN, {{0}}};
    int64_t now_us = app_now_us(sweep->app);
    struct session *page;
    struct error err;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_expired(sweep->app, now_us, &after, mem, &page, &count, &err)) {
            sweep_go_on_after(sweep, &err);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            if (!expire_one(sweep, &page[i], &err))
                sweep_go_on_after(sweep, &err);
            after = (struct session_expiry){page[i].expires_at_us, page[i].id};
        }
    } while (count == PAGE);
}

void sweep_abandoned(struct sweep *sweep)
{
    struct error err;
    uint64_t count;

    if (!abandon_again(sweep->app, &count, &err))
        sweep_go_on_after(sweep, &err);
    sweep->report.sessions += count;
}
