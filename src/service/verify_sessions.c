/* What sessions say has come. */
#include "catalog/part.h"
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
    struct store *store = app_store(verify->app, session->storage_name);
    char id[UUID_TEXT_SIZE];
    uint64_t size;

    if (!received_end(verify, session, mem, &size))
        return false;
    if (size == 0 || (store && store_holds(store, session, size)))
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
