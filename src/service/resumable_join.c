/* tus concatenation: partial uploads, sent side by side, become one. */
#include <jansson.h>
#include <string.h>

#include "catalog/piece.h"
#include "service/abandon.h"
#include "service/hasher.h"
#include "service/ingest_state.h"
#include "service/resumable_state.h"
#include "service/shared_stage.h"

/* A final on its way from its partials. */
struct joining {
    struct app *app;
    struct arena *mem;
    struct resumable_state final;
    struct resumable_state *partials;
    size_t count;
    uint64_t size;       /* of all of them, in bytes */
    struct stage *stage; /* the final's */
    struct digest *digest;
};

static void joining_release(struct joining *joining)
{
    stage_free(joining->stage);
    digest_free(joining->digest);
}

/* ---- what is to be joined ---- */

static bool read_ids(const struct session *final, struct arena *mem, struct uuid **out,
                     size_t *count, struct error *err)
{
    json_t *list = json_loads(final->partials, 0, NULL);
    size_t n = json_array_size(list);
    struct uuid *ids = arena_array(mem, n + 1, sizeof *ids);
    bool ok = n > 0 && n <= RESUMABLE_PARTIALS_MAX;

    for (size_t i = 0; ok && i < n; i++)
        ok = uuid_parse(str_from(json_string_value(json_array_get(list, i))), &ids[i]);
    json_decref(list);
    if (!ok)
        return error_set(err, ERR_INTERNAL, "the list of a final's partials cannot be read");
    *out = ids;
    *count = n;
    return true;
}

/* *WHOLE is false if one of them is still on its way. One that is gone, or has gone into another
 * final, is told in any case: nothing will come of this one. */
static bool load_partials(struct joining *joining, bool *whole, struct error *err)
{
    struct uuid *ids;

    if (!read_ids(&joining->final.session, joining->mem, &ids, &joining->count, err))
        return false;
    joining->partials = arena_array(joining->mem, joining->count, sizeof *joining->partials);
    *whole = true;
    for (size_t i = 0; i < joining->count; i++) {
        struct resumable_state *partial = &joining->partials[i];

        if (!resumable_load(joining->app, joining->final.session.workspace_id, ids[i], joining->mem,
                            partial, err))
            return err->kind == ERR_NOT_FOUND
                       ? error_tell(err, ERR_NOT_FOUND, "a partial of this upload is gone")
                       : false;
        if (partial->session.status != SESSION_INITIATED)
            return error_tell(err, ERR_NOT_FOUND, "a partial of this upload is gone");
        *whole = *whole && resumable_is_whole(partial);
        if (*whole)
            joining->size += partial->session.file_size;
    }
    return true;
}

bool resumable_final_size(struct app *app, const struct resumable_state *state, struct arena *mem,
                          uint64_t *out, struct error *err)
{
    struct resumable_state partial;
    uint64_t size = 0;
    struct uuid *ids;
    size_t count;

    if (!read_ids(&state->session, mem, &ids, &count, err))
        return false;
    for (size_t i = 0; i < count && size != SESSION_SIZE_UNKNOWN; i++) {
        if (!resumable_load(app, state->session.workspace_id, ids[i], mem, &partial, err)) {
            if (err->kind != ERR_NOT_FOUND)
                return false;
            partial.session.file_size = SESSION_SIZE_UNKNOWN;
        }
        size = partial.session.file_size == SESSION_SIZE_UNKNOWN ? SESSION_SIZE_UNKNOWN
                                                                 : size + partial.session.file_size;
    }
    *out = size;
    return true;
}

/* ---- what becomes of a final with its partials ---- */

static bool put_off_final(struct db *tx, struct uuid workspace_id, struct uuid id,
                          struct arena *mem, int64_t expires_at_us, struct error *err)
{
    struct session final;
    struct uuid *partials;
    size_t count;

    if (!session_by_id(tx, workspace_id, id, mem, &final, err) ||
        !read_ids(&final, mem, &partials, &count, err) ||
        !session_put_off(tx, id, expires_at_us, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!session_put_off(tx, partials[i], expires_at_us, err))
            return false;
    return true;
}

bool resumable_put_off_finals(struct db *tx, struct uuid workspace_id, struct uuid id,
                              int64_t expires_at_us, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid *finals;
    size_t count;

    if (!session_finals_of(tx, workspace_id, id, mem, &finals, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!put_off_final(tx, workspace_id, finals[i], mem, expires_at_us, err))
            return false;
    return true;
}

bool resumable_fail_finals(struct db *tx, struct uuid workspace_id, struct uuid id,
                           const struct error *cause, int64_t now_us, int64_t expires_at_us,
                           struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct error why;
    struct uuid *finals;
    size_t count;
    bool there;

    error_tell(&why, cause->kind, "a partial upload has failed: %s", error_detail(cause));
    if (!session_finals_of(tx, workspace_id, id, mem, &finals, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!session_fail(tx, finals[i], &why, now_us, expires_at_us, &there, err))
            return false;
    return true;
}

/* ---- joining ---- */

static bool copy_partial(struct joining *joining, struct resumable_state *partial, uint64_t *at,
                         struct error *err)
{
    scoped(stage_release) struct stage *from = NULL;
    scoped(memory_free) char *block = malloc(HASHER_BLOCK_BYTES);
    size_t length;

    if (!block)
        abort();
    if (!resumable_open_stage(joining->app, partial, &from, err) ||
        !shared_stage_fetch(joining->app, &partial->session, &partial->parts, from,
                            (struct part){0, partial->session.file_size}, err))
        return false;
    for (uint64_t read = 0; read < partial->session.file_size; read += length) {
        uint64_t left = partial->session.file_size - read;

        if (!stage_read(from, read, block, left < HASHER_BLOCK_BYTES ? left : HASHER_BLOCK_BYTES,
                        &length, err))
            return false;
        if (length == 0)
            return error_set(err, ERR_UNAVAILABLE, "the stage of a partial is too short");
        digest_update(joining->digest, block, length);
        if (!stage_write(joining->stage, *at, block, length, err))
            return false;
        *at += length;
    }
    return true;
}

/* What an earlier try has left is thrown away. */
static bool copy_all(struct joining *joining, struct error *err)
{
    const struct session *final = &joining->final.session;
    struct store *store;
    char id[UUID_TEXT_SIZE];
    uint64_t at = 0;

    uuid_format(final->id, id);
    if (!app_find_store(joining->app, final->storage_name, &store, err))
        return error_context(err, "session %s", id);
    joining->digest = digest_new(DIGEST_BEST);
    if (!store_stage_discard(store, id, err) ||
        !store_stage_create(store, id, joining->size, &joining->stage, err))
        return false;
    for (size_t i = 0; i < joining->count; i++)
        if (!copy_partial(joining, &joining->partials[i], &at, err))
            return false;
    return stage_sync(joining->stage, err);
}

/* The partials have become the final, and what they reserved is its, in one. They stay for a while,
 * for a client that asks for them again since the answer to its final was lost. */
static bool join_work(struct db *tx, void *context, struct error *err)
{
    static const struct db_refusal gone = {ERR_NOT_FOUND, "a partial of this upload is gone"};
    const struct joining *joining = context;
    const struct session *final = &joining->final.session;
    int64_t now_us = app_now_us(joining->app);
    uint8_t saved[DIGEST_SAVED_BYTES];
    uint64_t at = 0;

    for (size_t i = 0; i < joining->count; at += joining->partials[i++].session.file_size) {
        const struct session *partial = &joining->partials[i].session;

        if (!piece_move(tx, partial->id, final->id, at, err) ||
            !session_complete(tx, partial->id, final->upload_id, partial->file_size, now_us,
                              now_us + joining->app->settings.session_ttl_us, &gone, err))
            return false;
    }
    return session_set_node(tx, final->id, joining->app->node_id, err) &&
           (final->is_shared || session_set_unshared(tx, final->id, err)) &&
           session_set_size(tx, final->workspace_id, final->id, joining->size, now_us, err) &&
           part_add(tx, final->id, (struct part){0, joining->size}, err) &&
           (!digest_save(joining->digest, saved) ||
            session_keep_digest(tx, final->id, joining->size, saved, sizeof saved, err));
}

/* Pieces of all of it are there only if those of all partials are. */
static void judge_sharing(struct joining *joining)
{
    for (size_t i = 0; i < joining->count; i++)
        if (!joining->partials[i].session.is_shared)
            joining->final.session.is_shared = false;
}

static bool join(struct joining *joining, struct error *err)
{
    judge_sharing(joining);
    if (!ingest_check_size(joining->app, joining->size, err) || !copy_all(joining, err) ||
        !database_write(joining->app->database, join_work, joining, err))
        return false;
    shared_stage_note(joining->app, &joining->final.session, (struct part){0, joining->size});
    for (size_t i = 0; i < joining->count; i++)
        abandon_stage_or_later(joining->app, &joining->partials[i].session);
    return true;
}

/* Joins in a turn of its own; *WHOLE is false if there is nothing to do yet, or any more. */
static bool join_in_turn(struct joining *joining, struct uuid workspace_id, struct uuid id,
                         bool *whole, struct error *err)
{
    scoped(live_turn_release) struct live_turn turn = {.is_exclusive = true};
    scoped(finish_turn_release) struct finish_turn finish = {0};

    *whole = false;
    if (!live_enter(joining->app->live, id, &turn, err) ||
        !resumable_load(joining->app, workspace_id, id, joining->mem, &joining->final, err) ||
        !finish_turn_enter(joining->app, &joining->final.session, &finish, err) ||
        !resumable_load(joining->app, workspace_id, id, joining->mem, &joining->final, err))
        return false;
    if (joining->final.session.status != SESSION_INITIATED ||
        joining->final.session.concatenation != SESSION_FINAL)
        return true;
    *whole = resumable_is_whole(&joining->final);
    if (*whole) /* joined before, and not finished */
        return true;
    if (!load_partials(joining, whole, err) || (*whole && !join(joining, err))) {
        if (err->kind == ERR_NOT_FOUND || resumable_is_final(err))
            resumable_end_failed(joining->app, &joining->final.session, err);
        return false;
    }
    return true;
}

bool resumable_join(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    bool *joined, struct ingest_outcome *outcome, struct error *err)
{
    scoped(joining_release) struct joining joining = {.app = app, .mem = mem};

    *joined = false;
    if (!join_in_turn(&joining, workspace_id, id, joined, err))
        return false;
    return !*joined || resumable_finish(app, workspace_id, id, mem, outcome, err);
}

bool resumable_join_with(struct app *app, struct uuid workspace_id, struct uuid id,
                         struct arena *mem, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct ingest_outcome outcome;
    struct uuid *finals;
    size_t count;
    bool joined, ok = true;

    if (!database_read(app->database, &db, err) ||
        !session_finals_of(db, workspace_id, id, mem, &finals, &count, err))
        return false;
    db_return(take(db));
    for (size_t i = 0; i < count; i++) {
        struct error other;

        ok = resumable_join(app, workspace_id, finals[i], mem, &joined, &outcome,
                            ok ? err : &other) &&
             ok;
    }
    return ok;
}
