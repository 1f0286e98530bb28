#include "cli/upload_session.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "cli/retry.h"
#include "cli/upload_state.h"
#include "cli/view.h"

/* ---- on the server ---- */

static const char *path_of(const char *id, struct arena *mem)
{
    return connect_path(mem, "chunked-uploads", id, NULL);
}

static json_t *make_wish(const struct upload_state *state)
{
    return json_pack("{s:s, s:I, s:s, s:s*}", "filename", state->name, "file_size",
                     (json_int_t)state->size_bytes, "sha256", state->sha256, "on_duplicate",
                     state->on_duplicate);
}

/* Twice is once: by the key. */
static bool begin(struct upload_session *session, const json_t *wish, const char *key,
                  struct error *err)
{
    const struct connection *connection = session->what->connection;
    const char *headers[] = {arena_printf(session->mem, "Idempotency-Key: %s", key), NULL};
    struct client_request request = {
        .method = "POST",
        .target = connect_target(connection, session->mem, "/v1/chunked-uploads", NULL),
        .json = wish,
        .headers = headers,
        .repeatable = true};
    struct client_answer answer;

    if (!client_send(connection->client, &request, session->mem, &answer, err))
        return false;
    session->view = answer.json;
    return true;
}

static void delete_session(const struct connection *connection, const char *path, struct arena *mem)
{
    json_t *nothing = NULL;
    struct error ignored; /* it expires by itself */

    if (connect_ask(connection, "DELETE", connect_target(connection, mem, path, NULL), mem,
                    &nothing, &ignored))
        json_decref(nothing);
}

/* What became of the session ID; none in SESSION if it cannot be gone on with. */
static bool find(struct upload_session *session, const char *id, struct error *err)
{
    const struct connection *connection = session->what->connection;
    const char *path = path_of(id, session->mem), *status;
    scoped(json_decrefp) json_t *view = NULL;

    if (!connect_ask(connection, "GET", connect_target(connection, session->mem, path, NULL),
                     session->mem, &view, err))
        return err->kind == ERR_NOT_FOUND; /* it has expired */
    status = view_text(view, "status");
    if (!status || !view_text(view, "id"))
        return error_set(err, ERR_INTERNAL, "the server's answer is no session");
    if (strcmp(status, "failed") == 0)
        delete_session(connection, path, session->mem);
    else
        session->view = take(view);
    return true;
}

/* ---- here ---- */

static bool describe(const struct upload_chunks *upload, struct upload_state *out,
                     struct error *err)
{
    struct stat facts;

    if (fstat(upload->fd, &facts) != 0)
        return error_errno(err, "cannot read it");
    *out = (struct upload_state){
        .size_bytes = upload->size_bytes,
        .mtime_us = (int64_t)facts.st_mtim.tv_sec * US_PER_S + facts.st_mtim.tv_nsec / 1000,
        .sha256 = upload->sha256,
        .name = upload->what->file->name,
        .on_duplicate = upload->what->on_duplicate,
    };
    return true;
}

/* An upload that cannot be remembered is better than none. */
static void do_without(struct upload_session *session, const struct error *err)
{
    meter_say(session->what->meter, stderr,
              "audiotricks: %s: if this is interrupted it cannot be gone on with: %s",
              view_visible(session->mem, session->what->file->path),
              view_visible(session->mem, err->log));
    session->remembers = false;
}

static void remember(struct upload_session *session, const struct upload_state *state)
{
    struct error err;

    if (session->remembers && !upload_state_write(session->state_path, state, &err))
        do_without(session, &err);
}

static bool lock(struct upload_session *session, struct error *err)
{
    if (!session->remembers ||
        upload_state_lock(session->state_path, session->mem, &session->lock, err))
        return true;
    if (err->kind == ERR_CONFLICT)
        return false;
    do_without(session, err);
    return true;
}

/* What an earlier run has left for STATE: the session, or at least the key that it asked with. */
static bool find_old(struct upload_session *session, struct upload_state *state, struct error *err)
{
    struct upload_state before;

    if (!session->remembers || !upload_state_read(session->state_path, session->mem, &before))
        return true;
    if (!upload_state_is_same(&before, state)) {
        if (before.session)
            delete_session(session->what->connection, path_of(before.session, session->mem),
                           session->mem);
        return true;
    }
    if (before.session)
        return find(session, before.session, err);
    state->key = before.key;
    return true;
}

static const char *new_key(struct arena *mem)
{
    char *key = arena_alloc(mem, UUID_TEXT_SIZE);

    uuid_format(uuid_new(&clock_system, &random_system), key);
    return key;
}

/* The key is remembered before it is used, so that no session is begun that nobody knows of. */
static bool begin_anew(struct upload_session *session, struct upload_state *state,
                       struct error *err)
{
    scoped(json_decrefp) json_t *wish = make_wish(state);

    if (!wish)
        return error_tell(err, ERR_FILENAME, "the file's name is not UTF-8");
    if (!state->key)
        state->key = new_key(session->mem);
    remember(session, state);
    if (!begin(session, wish, state->key, err))
        return false;
    state->session = view_text(session->view, "id");
    if (!state->session)
        return error_set(err, ERR_INTERNAL, "the server's answer names no session");
    remember(session, state);
    return true;
}

static bool open_session(struct upload_session *session, const struct upload_chunks *upload,
                         struct error *err)
{
    struct upload_state state;

    if (!lock(session, err) || !describe(upload, &state, err) || !find_old(session, &state, err))
        return false;
    if (!session->view && !begin_anew(session, &state, err)) {
        enum retry_hope hope = retry_hope_of(err->kind);

        if (hope == RETRY_REFUSED || hope == RETRY_WITHHELD) /* there is nothing to go on with */
            upload_session_forget(session);
        return false;
    }
    session->path = path_of(view_text(session->view, "id"), session->mem);
    return true;
}

bool upload_session_open(const struct upload_chunks *upload, struct arena *mem,
                         struct upload_session *out, struct error *err)
{
    struct upload_session session = {.what = upload->what, .mem = mem, .lock = -1};

    if (!upload_state_path(upload->what->connection, upload->what->file->path, mem,
                           &session.state_path, err))
        return false;
    session.remembers = session.state_path != NULL;
    if (!open_session(&session, upload, err)) {
        upload_session_done(&session);
        return false;
    }
    *out = session;
    return true;
}

void upload_session_done(struct upload_session *session)
{
    json_decref(session->view);
    upload_state_unlock(session->state_path, session->mem, session->lock);
    session->view = NULL;
    session->lock = -1;
}

bool upload_session_has_failed(const struct upload_session *session)
{
    const struct connection *connection = session->what->connection;
    scoped(json_decrefp) json_t *view = NULL;
    struct error ignored;
    const char *status;

    if (!connect_ask(connection, "GET",
                     connect_target(connection, session->mem, session->path, NULL), session->mem,
                     &view, &ignored))
        return false;
    status = view_text(view, "status");
    return status && strcmp(status, "failed") == 0;
}

void upload_session_forget(struct upload_session *session)
{
    upload_state_remove(session->state_path);
}

void upload_session_drop(struct upload_session *session)
{
    delete_session(session->what->connection, session->path, session->mem);
    upload_session_forget(session);
}

void upload_session_drop_old(const struct upload_send *what, struct arena *mem)
{
    const char *state_path;
    struct upload_state before;
    struct error ignored;
    int lock = -1;

    if (!upload_state_is_anywhere(what->connection, what->file->path, mem) ||
        !upload_state_path(what->connection, what->file->path, mem, &state_path, &ignored) ||
        !state_path || !upload_state_read(state_path, mem, &before) ||
        !upload_state_lock(state_path, mem, &lock, &ignored))
        return;
    if (before.session)
        delete_session(what->connection, path_of(before.session, mem), mem);
    upload_state_remove(state_path);
    upload_state_unlock(state_path, mem, lock);
}
