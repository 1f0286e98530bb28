/* What sessions say has come. */
#include "catalog/piece.h"
#include "catalog/session.h"
#include "service/verify_state.h"

/* Whether STORE holds SIZE bytes of the session, in its stage or, published already, as its object.
 */
static bool store_holds(struct store *store, const struct session *session, uint64_t size)
{
    scoped(stage_release) struct stage *stage = NULL;
    struct store_object object;
    char id[UUID_TEXT_SIZE], byte;
    struct error absent;
    size_t got = 0;

    uuid_format(session->id, id);
    if (store_stage_open(store, id, &stage, &absent))
        return stage_read(stage, size - 1, &byte, 1, &got, &absent) && got == 1;
    return store_head(store, session->storage_path, &object, &absent) && object.size >= size;
}

/* Whether its pieces are all in the store. *COUNT: how many it has. */
static bool pieces_are_there(struct verify *verify, const struct session *session,
                             struct arena *mem, size_t *count, bool *there)
{
    scoped(db_release) struct db *db = NULL;
    struct store_object object;
    struct piece *pieces;
    struct error absent;

    *there = true;
    if (!database_read(verify->app->database, &db, verify->err) ||
        !piece_list(db, session->id, mem, &pieces, count, verify->err))
        return false;
    for (size_t i = 0; i < *count && *there; i++) {
        struct store *store = app_store(verify->app, pieces[i].storage_name);

        *there = store && store_head(store, pieces[i].storage_path, &object, &absent) &&
                 object.size == pieces[i].part.end - pieces[i].part.start;
    }
    return true;
}

/* Its stage is on the disks of another node, which cannot be looked at from here. */
static bool is_elsewhere(const struct verify *verify, const struct session *session)
{
    return database_is_shared(verify->app->database) && !uuid_is_nil(session->node_id) &&
           !uuid_equal(session->node_id, verify->app->node_id);
}

/* Whether all that has come, SIZE bytes at least, can be found. */
static bool is_kept(struct verify *verify, const struct session *session, uint64_t size,
                    struct arena *mem, bool *out)
{
    struct store *store = app_store(verify->app, session->storage_name);
    size_t pieces;

    if (!pieces_are_there(verify, session, mem, &pieces, out))
        return false;
    if (pieces == 0)
        *out = (store && store_holds(store, session, size)) || is_elsewhere(verify, session);
    return true;
}

/* Up to where bytes of the session have come; 0 if it is no longer open. */
static bool received_end(struct verify *verify, const struct session *session, struct arena *mem,
                         uint64_t *out)
{
    scoped(db_release) struct db *db = NULL;
    struct part_set parts;
    bool open;

    *out = 0;
    if (!database_snapshot(verify->app->database, &db, verify->err) ||
        !session_exists(db, session->id, &open, verify->err) ||
        !part_list(db, session->id, mem, &parts, verify->err))
        return false;
    if (open && parts.count > 0)
        *out = parts.parts[parts.count - 1].end;
    return true;
}

static bool verify_session(struct verify *verify, const struct session *session, struct arena *mem)
{
    char id[UUID_TEXT_SIZE];
    bool kept = true;
    uint64_t size;

    if (!received_end(verify, session, mem, &size) ||
        (size > 0 && !is_kept(verify, session, size, mem, &kept)))
        return false;
    if (kept)
        return true;
    if (!received_end(verify, session, mem, &size)) /* it may have ended meanwhile */
        return false;
    uuid_format(session->id, id);
    if (size > 0)
        verify_found(verify,
                     (struct verify_finding){VERIFY_MISSING, session->storage_name, id, size, 0});
    return true;
}

bool verify_sessions(struct verify *verify)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid after = {{0}};
    struct session *page;
    size_t count;

    do {
        scoped(db_release) struct db *db = NULL;

        arena_reset(mem);
        if (!database_read(verify->app->database, &db, verify->err) ||
            !session_list(db, after, VERIFY_PAGE, mem, &page, &count, verify->err))
            return false;
        db_return(take(db));
        for (size_t i = 0; i < count; i++) {
            if (!verify_session(verify, &page[i], mem))
                return false;
            after = page[i].id;
        }
    } while (count == VERIFY_PAGE);
    return true;
}
