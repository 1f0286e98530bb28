/* Sessions of which all bytes have come and nothing was made yet; and those whose time is over. */
#include "service/node.h"
#include "service/resumable_state.h"
#include "service/shared_stage.h"

#define PAGE 100
#define US_PER_MINUTE (60 * US_PER_S)
/* One run takes up no more of them after so long: the next one goes on. */
#define RUN_US (20 * US_PER_S)
/* What fails is tried again every minute at first, then less often: each try can look through the
 * whole content. */
#define EAGER_MINUTES 10
#define LATER_MINUTES 15

/* Nothing is left to come; of a final, as far as it knows. */
static bool is_left(const struct resumable_state *state)
{
    const struct session *session = &state->session;

    return session->status == SESSION_INITIATED && session->concatenation != SESSION_PARTIAL &&
           (session->concatenation == SESSION_FINAL || resumable_is_whole(state));
}

bool resumable_conclude(struct app *app, struct resumable_state *state, struct arena *mem,
                        struct error *err)
{
    const struct uuid workspace_id = state->session.workspace_id, id = state->session.id;
    struct ingest_outcome outcome;
    bool joined;

    if (!is_left(state))
        return true;
    if (state->session.concatenation == SESSION_FINAL
            ? !resumable_join(app, workspace_id, id, mem, &joined, &outcome, err)
            : !resumable_finish(app, workspace_id, id, mem, &outcome, err))
        return false;
    return resumable_load(app, workspace_id, id, mem, state, err);
}

/* ---- when it is tried ---- */

/* How long nothing has come, or since the start of the server if that was later. */
static int64_t age_minutes(const struct app *app, const struct session *session)
{
    int64_t since_us = session->expires_at_us - app->settings.session_ttl_us;

    if (since_us < app->opened_at_us)
        since_us = app->opened_at_us;
    return (app_now_us(app) - since_us) / US_PER_MINUTE;
}

static bool is_its_turn(const struct app *app, const struct session *session)
{
    int64_t minutes = age_minutes(app, session);

    return minutes < EAGER_MINUTES || minutes % LATER_MINUTES == 0;
}

/* ---- all of them ---- */

static bool read_left(struct app *app, struct uuid after, struct arena *mem, struct session **page,
                      size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           session_list_left(db, after, PAGE, mem, page, count, err);
}

static bool has_ended(struct app *app, struct uuid id)
{
    scoped(db_release) struct db *db = NULL;
    struct error ignored;
    bool is_open;

    return database_read(app->database, &db, &ignored) &&
           session_exists(db, id, &is_open, &ignored) && !is_open;
}

/* A refusal for good is an end as well: whoever asks for the session is told of it. */
static bool conclude_one(struct app *app, const struct session *session, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct resumable_state state;

    return (resumable_load(app, session->workspace_id, session->id, mem, &state, err) &&
            resumable_conclude(app, &state, mem, err)) ||
           has_ended(app, session->id);
}

static bool conclude_if_ours(struct app *app, const struct session *session, struct error *err)
{
    bool is_ours;

    return node_looks_after(app, session->node_id, &is_ours, err) &&
           (!is_ours || shared_stage_is_elsewhere(app, session) || conclude_one(app, session, err));
}

bool resumable_conclude_left(struct app *app, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    int64_t end_us = clock_monotonic_us() + RUN_US;
    struct uuid after = {{0}};
    struct session *page;
    struct error other;
    bool ok = true;
    size_t count;

    do {
        arena_reset(mem);
        if (!read_left(app, after, mem, &page, &count, ok ? err : &other))
            return false;
        for (size_t i = 0; i < count && clock_monotonic_us() < end_us; i++) {
            after = page[i].id;
            if (!is_its_turn(app, &page[i]) || live_is_busy(app->live, after))
                continue;
            if (!conclude_if_ours(app, &page[i], ok ? err : &other))
                ok = false;
        }
    } while (count == PAGE && clock_monotonic_us() < end_us);
    return ok;
}

/* ---- expiry ---- */

/* An open final needs it: it goes after that. */
static bool is_needed(struct app *app, const struct session *session, struct arena *mem, bool *out,
                      struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid *finals;
    size_t count;

    if (!database_read(app->database, &db, err) ||
        !session_finals_of(db, session->workspace_id, session->id, mem, &finals, &count, err))
        return false;
    *out = count > 0;
    return true;
}

/* *NOW is false if it must stay for now: all has come, and what keeps an upload from being made of
 * it may pass. For that it is given as much time again. */
static bool may_end(struct app *app, struct resumable_state *state, struct arena *mem, bool *now,
                    struct error *err)
{
    int64_t end_us = state->session.expires_at_us + app->settings.session_ttl_us;
    bool has_time = app_now_us(app) < end_us, needed;

    if (state->session.concatenation == SESSION_PARTIAL) {
        if (!is_needed(app, &state->session, mem, &needed, err))
            return false;
        *now = !needed;
        return true;
    }
    *now = !is_left(state);
    if (*now || (has_time && !is_its_turn(app, &state->session)))
        return true;
    *now = resumable_conclude(app, state, mem, err) || !has_time;
    return *now || has_ended(app, state->session.id);
}

/* In a turn of its own: whether it has expired is looked at once more. */
static bool end_in_turn(struct app *app, struct uuid workspace_id, struct uuid id,
                        struct arena *mem, bool *ended, struct error *err)
{
    scoped(live_turn_release) struct live_turn turn = {.is_exclusive = true, .cuts = true};
    struct resumable_state state;

    if (!live_enter(app->live, id, &turn, err))
        return false;
    if (!resumable_load(app, workspace_id, id, mem, &state, err))
        return err->kind == ERR_NOT_FOUND; /* another was faster */
    if (state.session.expires_at_us > app_now_us(app))
        return true;
    *ended = resumable_end_now(app, &state.session, err);
    return *ended;
}

bool resumable_expire(struct app *app, struct uuid workspace_id, struct uuid id, bool *ended,
                      struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct resumable_state state;
    bool now;

    *ended = false;
    if (live_is_busy(app->live, id))
        return true;
    if (!resumable_load(app, workspace_id, id, mem, &state, err))
        return err->kind == ERR_NOT_FOUND;
    if (state.session.expires_at_us > app_now_us(app))
        return true;
    return may_end(app, &state, mem, &now, err) &&
           (!now || end_in_turn(app, workspace_id, id, mem, ended, err));
}
