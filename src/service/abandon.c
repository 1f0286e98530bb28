#include "service/abandon.h"

#include <pthread.h>

#include "base/log.h"
#include "catalog/garbage.h"
#include "catalog/upload.h"
#include "service/sweep.h"

/* A session in memory of its own. */
struct left_over {
    struct left_over *next;
    struct arena *mem;
    struct session session;
    bool has_ended; /* only its stage is left */
};

struct abandoned {
    pthread_mutex_t lock;
    struct left_over *first; /* under LOCK */
};

struct abandoned *abandoned_new(void)
{
    struct abandoned *list = calloc(1, sizeof *list);

    if (!list)
        abort();
    pthread_mutex_init(&list->lock, NULL);
    return list;
}

static struct left_over *take_all(struct abandoned *list)
{
    struct left_over *all;

    pthread_mutex_lock(&list->lock);
    all = take(list->first);
    pthread_mutex_unlock(&list->lock);
    return all;
}

void abandoned_free(struct abandoned *list)
{
    struct left_over *each, *next;

    if (!list)
        return;
    for (each = take_all(list); each; each = next) {
        next = each->next;
        arena_free(each->mem);
    }
    pthread_mutex_destroy(&list->lock);
    free(list);
}

static void remember(struct abandoned *list, const struct session *session, bool has_ended)
{
    struct arena *mem = arena_new();
    struct left_over *item = arena_alloc(mem, sizeof *item);

    item->mem = mem;
    item->session = *session;
    item->has_ended = has_ended;
    item->session.storage_name = arena_strdup(mem, session->storage_name);
    item->session.storage_path = arena_strdup(mem, session->storage_path);
    pthread_mutex_lock(&list->lock);
    item->next = list->first;
    list->first = item;
    pthread_mutex_unlock(&list->lock);
}

/* Removes what the session published, unless an upload has it. */
static bool remove_object(struct app *app, struct store *store, const struct session *session,
                          struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    uint64_t rows;

    if (!database_read(app->database, &db, err) ||
        !upload_count_sharing(db, session->storage_name, session->storage_path, &rows, err))
        return false;
    return rows > 0 || store_remove(store, session->storage_path, err);
}

/* A session, and what may still come about at its path. */
struct ending {
    struct app *app;
    const struct session *session;
    bool there; /* it had not ended before */
};

/* A write that was given up may be carried out late: until that is over the garbage list explains
 * what it would leave, and the sweep then removes it. */
static bool expect_late(struct db *tx, const struct ending *ending, struct error *err)
{
    const struct session *session = ending->session;
    const struct store *store = app_store(ending->app, session->storage_name);
    struct garbage garbage = {.id = app_new_id(ending->app),
                              .storage_name = session->storage_name,
                              .storage_path = session->storage_path,
                              .reason = GARBAGE_SETTLING,
                              .created_at_us = app_now_us(ending->app)};
    uint64_t rows;

    if (!store || store_late_us(store) == 0)
        return true;
    return upload_count_sharing(tx, session->storage_name, session->storage_path, &rows, err) &&
           (rows > 0 || garbage_add(tx, &garbage, err));
}

static bool end_row(struct db *tx, void *context, struct error *err)
{
    struct ending *ending = context;

    return session_end(tx, ending->session->id, &ending->there, err) &&
           (!ending->there || expect_late(tx, ending, err));
}

static bool write_end(struct app *app, const struct session *session, struct error *err)
{
    struct ending ending = {app, session, false};

    return database_write(app->database, end_row, &ending, err);
}

bool abandon_condemn(struct db *tx, struct app *app, const struct session *session,
                     const char *reason, bool *there, struct error *err)
{
    struct garbage garbage = {.id = app_new_id(app),
                              .storage_name = session->storage_name,
                              .storage_path = session->storage_path,
                              .bytes = session->reserved_bytes,
                              .reason = reason,
                              .created_at_us = app_now_us(app)};

    return session_end(tx, session->id, there, err) && (!*there || garbage_add(tx, &garbage, err));
}

static bool condemn(struct db *tx, void *context, struct error *err)
{
    struct ending *ending = context;

    return abandon_condemn(tx, ending->app, ending->session, "its upload was not finished",
                           &ending->there, err);
}

/* The row before the object: a commit of this session whose answer was lost may still be carried
 * out by a database elsewhere. Whichever of the two is first, the other finds no session. */
static bool end_then_remove(struct app *app, const struct session *session, struct error *err)
{
    struct ending ending = {app, session, false};

    if (!database_write(app->database, condemn, &ending, err))
        return false;
    if (ending.there)
        sweep_object(app, session->storage_name, session->storage_path);
    return true;
}

/* The session's stage goes and, unless it HAS_ENDED, what it published. */
static bool remove_bytes(struct app *app, const struct session *session, bool has_ended,
                         struct error *err)
{
    struct store *store;
    char id[UUID_TEXT_SIZE];

    uuid_format(session->id, id);
    if (!app_find_store(app, session->storage_name, &store, err) ||
        !store_stage_discard(store, id, err) ||
        (!has_ended && !remove_object(app, store, session, err)))
        return error_context(err, "session %s", id);
    return true;
}

bool abandon_session(struct app *app, const struct session *session, struct error *err)
{
    if (database_is_shared(app->database))
        return remove_bytes(app, session, true, err) && end_then_remove(app, session, err);
    return remove_bytes(app, session, false, err) && write_end(app, session, err);
}

static void leave_for_later(struct app *app, const struct session *session, bool has_ended,
                            const struct error *err)
{
    log_event(LOG_WARN, "a session could not be ended and is left to the next sweep",
              log_text("error", err->log));
    remember(app->abandoned, session, has_ended);
}

void abandon_session_or_later(struct app *app, const struct session *session)
{
    struct error err;

    if (!abandon_session(app, session, &err))
        leave_for_later(app, session, false, &err);
}

void abandon_later(struct app *app, const struct session *session)
{
    remember(app->abandoned, session, false);
}

void abandon_row_or_later(struct app *app, const struct session *session)
{
    struct error err;

    if (!write_end(app, session, &err))
        leave_for_later(app, session, false, &err);
}

void abandon_stage_or_later(struct app *app, const struct session *session)
{
    struct error err;

    if (!remove_bytes(app, session, true, &err))
        leave_for_later(app, session, true, &err);
}

static bool try_again(struct app *app, const struct left_over *item, struct error *err)
{
    return item->has_ended ? remove_bytes(app, &item->session, true, err)
                           : abandon_session(app, &item->session, err);
}

bool abandon_again(struct app *app, uint64_t *count, struct error *err)
{
    struct left_over *item = take_all(app->abandoned), *next;
    bool ok = true;

    *count = 0;
    for (; item; item = next) {
        struct error cause;

        next = item->next;
        if (try_again(app, item, &cause)) {
            (*count)++;
        } else {
            if (ok)
                *err = cause;
            ok = false;
            remember(app->abandoned, &item->session, item->has_ended);
        }
        arena_free(item->mem);
    }
    return ok;
}
