#include "service/resumable.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "catalog/idempotency.h"
#include "service/abandon.h"
#include "service/filename.h"
#include "service/ingest_state.h"
#include "service/resumable_state.h"
#include "service/shared_stage.h"

/* ---- reading ---- */

uint64_t resumable_offset(const struct session *session, const struct part_set *parts)
{
    return session->status == SESSION_COMPLETED ? session->file_size : part_set_prefix(parts);
}

bool resumable_load(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    struct resumable_state *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct resumable_state state = {0};

    if (!database_snapshot(app->database, &db, err) ||
        !session_by_id(db, workspace_id, id, mem, &state.session, err))
        return false;
    if (state.session.kind == SESSION_POST) /* its request's alone */
        return error_set(err, ERR_NOT_FOUND, "session of one request");
    if (!part_list(db, id, mem, &state.parts, err))
        return false;
    state.offset = resumable_offset(&state.session, &state.parts);
    *out = state;
    return true;
}

/* Its time is over, though no sweep has come by yet. What is whole and only has to be finished has
 * more of it, and whoever works on it will put its expiry off. */
static bool is_over(struct app *app, const struct resumable_state *state)
{
    const struct session *session = &state->session;
    bool is_to_be_finished = session->status == SESSION_INITIATED &&
                             session->concatenation != SESSION_PARTIAL && resumable_is_whole(state);

    return session->expires_at_us <= app_now_us(app) && !is_to_be_finished &&
           !live_is_busy(app->live, session->id);
}

bool resumable_read(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    struct resumable_state *out, struct error *err)
{
    struct resumable_state state;

    if (!resumable_load(app, workspace_id, id, mem, &state, err))
        return false;
    if (is_over(app, &state))
        return error_set(err, ERR_NOT_FOUND, "session that has expired");
    *out = state;
    return true;
}

bool resumable_look(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                    struct resumable_state *out, struct error *err)
{
    /* Overlaps what is open at its end: appends, and no chunks. */
    scoped(live_turn_release) struct live_turn turn = {.range = {LIVE_END - 1, LIVE_END},
                                                       .cuts = true};

    /* Whose session it is comes first: nobody cuts short what is another's. */
    return resumable_read(app, workspace_id, id, mem, out, err) &&
           live_enter(app->live, id, &turn, err) &&
           resumable_load(app, workspace_id, id, mem, out, err);
}

bool resumable_is_whole(const struct resumable_state *state)
{
    uint64_t size = state->session.file_size;

    return size != SESSION_SIZE_UNKNOWN && part_set_prefix(&state->parts) == size;
}

static enum error_kind kind_of_code(const char *code)
{
    enum error_kind kind;
    const char *name, *words;
    int status;

    for (unsigned i = 0; error_kind_at(i, &kind, &status, &name, &words); i++)
        if (strcmp(name, code) == 0)
            return kind;
    return ERR_INTERNAL;
}

bool resumable_failure(const struct session *session, struct error *err)
{
    error_tell(err, kind_of_code(session->error_code), "%s",
               session->error_message ? session->error_message : "the upload has failed");
    return err->kind == ERR_DUPLICATE && error_upload(err, session->upload_id);
}

bool resumable_refusal(const struct session *session, struct error *err)
{
    if (session->status == SESSION_FAILED)
        resumable_failure(session, err);
    else if (session->status == SESSION_INITIATED && session->error_message)
        error_tell(err, ERR_QUOTA_STORAGE, "%s", session->error_message);
    else
        return false;
    return true;
}

bool resumable_must_be_open(const struct session *session, struct error *err)
{
    if (session->status == SESSION_FAILED)
        return resumable_failure(session, err);
    if (session->status == SESSION_COMPLETED)
        return error_tell(err, ERR_CONFLICT, "the upload is complete");
    return true;
}

bool resumable_refuse_content(struct error *err)
{
    return error_tell(err, ERR_FORBIDDEN, "a final upload takes no content of its own");
}

bool resumable_open_stage(struct app *app, const struct resumable_state *state, struct stage **out,
                          struct error *err)
{
    const struct session *session = &state->session;
    struct store *store;
    char id[UUID_TEXT_SIZE];

    uuid_format(session->id, id);
    if (!app_find_store(app, session->storage_name, &store, err))
        return error_context(err, "session %s", id);
    if (shared_stage_is_elsewhere(app, session))
        return error_tell(err, ERR_UNAVAILABLE, "another server receives this upload");
    if (store_stage_open(store, id, out, err))
        return true;
    if (err->kind != ERR_NOT_FOUND ||
        (state->parts.count > 0 && !shared_stage_is_used(app, session)))
        return false;
    return store_stage_create(store, id, session->file_size, out, err) ||
           (err->kind == ERR_EXISTS && store_stage_open(store, id, out, err)); /* made meanwhile */
}

/* ---- beginning ---- */

static void fill_claims(struct session *session, const struct digest_claims *claims,
                        struct arena *mem)
{
    struct digest_claims *copy = arena_alloc(mem, sizeof *copy);

    *copy = *claims;
    session->claimed_md5 = claims->has_md5 ? copy->digests.md5 : NULL;
    session->claimed_sha256 = claims->has_sha256 ? copy->digests.sha256 : NULL;
}

static const char *list_of_ids(const struct uuid *ids, size_t count, struct arena *mem)
{
    char *text = arena_alloc(mem, count * (UUID_TEXT_SIZE + 2) + 3), *at = text;
    char id[UUID_TEXT_SIZE];

    *at++ = '[';
    for (size_t i = 0; i < count; i++) {
        uuid_format(ids[i], id);
        at += sprintf(at, "%s\"%s\"", i > 0 ? "," : "", id);
    }
    *at = ']';
    return text;
}

/* What makes two requests with one idempotency key the same. */
static const char *fingerprint(const struct resumable_request *request, const char *name,
                               const char *partials, struct arena *mem)
{
    char digests[HEX_SIZE(sizeof request->claims.digests)];
    char *hex = arena_alloc(mem, HEX_SIZE(SHA256_BYTES));
    uint8_t hash[SHA256_BYTES];
    char *text;

    hex_encode(&request->claims.digests, sizeof request->claims.digests, digests);
    text = arena_printf(mem, "session\n%s\n%s\n%llu\n%llu\n%d\n%s\n%d\n%s",
                        session_kind_name(request->kind), name, (unsigned long long)request->size,
                        (unsigned long long)request->chunk_size, (int)request->on_duplicate,
                        digests, (int)request->concatenation, partials ? partials : "");
    sha256_of(text, strlen(text), hash);
    hex_encode(hash, sizeof hash, hex);
    return hex;
}

static struct session make_session(struct app *app, const struct resumable_request *request,
                                   const char *name, struct arena *mem)
{
    bool known = request->size != SESSION_SIZE_UNKNOWN;
    struct session session = {
        .id = app_new_id(app),
        .workspace_id = request->workspace_id,
        .user_id = request->user_id,
        .upload_id = app_new_id(app),
        .kind = request->kind,
        .filename = name,
        .file_size = request->size,
        .chunk_size = request->chunk_size,
        .reserved_bytes = known ? request->size : request->first_bytes,
        .storage_name = store_name(app->stores[0]),
        .declared_type = request->declared_type,
        .on_duplicate = request->on_duplicate,
        .metadata = request->metadata ? request->metadata : "{}",
        .concatenation = request->concatenation,
        .protocol_headers = request->protocol_headers,
        .idempotency_key = request->idempotency_key,
        .created_at_us = app_now_us(app),
        .node_id = app->node_id,
        .is_shared = shared_stage_is_wanted(app, store_name(app->stores[0])),
    };

    if (known && request->chunk_size > 0)
        session.total_chunks = (request->size - 1) / request->chunk_size + 1;
    if (request->concatenation == SESSION_FINAL) {
        session.reserved_bytes = 0; /* the partials hold it until they are joined */
        session.partials = list_of_ids(request->partials, request->partial_count, mem);
    }
    if (request->idempotency_key)
        session.fingerprint = fingerprint(request, name, session.partials, mem);
    session.expires_at_us = session.created_at_us + app->settings.session_ttl_us;
    session.storage_path =
        filename_object_key(session.user_id, session.upload_id, session.created_at_us, name, mem);
    fill_claims(&session, &request->claims, mem);
    return session;
}

struct beginning {
    const struct resumable_request *request;
    struct session *session;
    struct arena *mem;
    bool is_known; /* SESSION was there, by its idempotency key */
};

/* Whether an upload of one request has used the key. */
static bool check_key(struct db *tx, const struct session *wish, struct error *err)
{
    struct uuid made;
    bool is_known;

    if (!idempotency_find(tx, wish->workspace_id, wish->user_id, wish->idempotency_key,
                          wish->fingerprint, &is_known, &made, err))
        return false;
    return !is_known || error_set(err, ERR_IDEMPOTENCY_REUSED, "idempotency key of an upload");
}

/* The session that the same request made before. */
static bool find_known(struct db *tx, struct beginning *beginning, struct error *err)
{
    const struct session *wish = beginning->session;
    struct session found;

    if (!session_by_key(tx, wish->workspace_id, wish->user_id, wish->idempotency_key,
                        beginning->mem, &found, err))
        return err->kind == ERR_NOT_FOUND && check_key(tx, wish, err);
    if (strcmp(found.fingerprint, wish->fingerprint) != 0)
        return error_set(err, ERR_IDEMPOTENCY_REUSED, "idempotency key of another session");
    *beginning->session = found;
    beginning->is_known = true;
    return true;
}

/* Whether the one at INDEX is named before. */
static bool is_repeated(const struct resumable_request *request, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (uuid_equal(request->partials[i], request->partials[index]))
            return true;
    return false;
}

/* Whether the partials of the request have gone into a final: they go together. */
static bool are_joined(struct db *tx, const struct beginning *beginning, bool *out,
                       struct error *err)
{
    const struct resumable_request *request = beginning->request;
    struct session partial;

    *out = false;
    if (!session_by_id(tx, request->workspace_id, request->partials[0], beginning->mem, &partial,
                       err))
        return err->kind == ERR_NOT_FOUND;
    *out = partial.status == SESSION_COMPLETED;
    return true;
}

/* The final that the same list has become or will become: the answer that told of it may have been
 * lost. Partials that a final has failed with before it took them are good for another. */
static bool find_final(struct db *tx, struct beginning *beginning, struct error *err)
{
    const struct session *wish = beginning->session;
    struct session found;
    bool joined;

    if (!session_final_of(tx, wish->workspace_id, wish->user_id, wish->partials, beginning->mem,
                          &found, err))
        return err->kind == ERR_NOT_FOUND;
    if (found.expires_at_us <= wish->created_at_us)
        return true;
    if (!are_joined(tx, beginning, &joined, err))
        return false;
    if (found.status == SESSION_FAILED && !joined)
        return true;
    *beginning->session = found;
    beginning->is_known = true;
    return true;
}

/* Each must be an open partial of the workspace, and there once: it ends when it is joined. What
 * its repetitions are copied to, nothing would have reserved. */
static bool check_partials(struct db *tx, const struct beginning *beginning, struct error *err)
{
    const struct resumable_request *request = beginning->request;
    struct session partial;

    for (size_t i = 0; i < request->partial_count; i++) {
        if (!session_by_id(tx, request->workspace_id, request->partials[i], beginning->mem,
                           &partial, err))
            return false;
        if (partial.concatenation != SESSION_PARTIAL || partial.status != SESSION_INITIATED)
            return error_tell(err, ERR_CONFLICT, "a final upload is made of open partial ones");
        if (is_repeated(request, i))
            return error_tell(err, ERR_CONFLICT, "a final upload takes each partial one once");
    }
    return true;
}

/* They live as long as the final that needs them. */
static bool put_off_partials(struct db *tx, const struct beginning *beginning, struct error *err)
{
    const struct resumable_request *request = beginning->request;

    for (size_t i = 0; i < request->partial_count; i++)
        if (!session_put_off(tx, request->partials[i], beginning->session->expires_at_us, err))
            return false;
    return true;
}

static bool begin_work(struct db *tx, void *context, struct error *err)
{
    struct beginning *beginning = context;

    if (beginning->session->idempotency_key && !find_known(tx, beginning, err))
        return false;
    if (!beginning->is_known && beginning->session->partials && !find_final(tx, beginning, err))
        return false;
    if (beginning->is_known) /* its partials may have gone into it */
        return true;
    return check_partials(tx, beginning, err) && session_begin(tx, beginning->session, err) &&
           put_off_partials(tx, beginning, err);
}

static bool make_stage(struct app *app, const struct resumable_state *state, struct error *err)
{
    scoped(stage_release) struct stage *stage = NULL;

    if (state->session.concatenation == SESSION_FINAL)
        return true; /* made when its partials are joined */
    return resumable_open_stage(app, state, &stage, err);
}

bool resumable_begin(struct app *app, const struct resumable_request *request, struct arena *mem,
                     struct resumable_state *out, struct error *err)
{
    struct resumable_state state = {0};
    struct beginning beginning = {.request = request, .session = &state.session, .mem = mem};
    const char *name;

    if (!ingest_check(app, request->filename, request->declared_type, request->size, mem, &name,
                      err) ||
        !ingest_check_size(app, request->first_bytes, err))
        return false;
    state.session = make_session(app, request, name, mem);
    if (!database_write(app->database, begin_work, &beginning, err))
        return false;
    if (beginning.is_known)
        return resumable_load(app, request->workspace_id, state.session.id, mem, out, err);
    if (!make_stage(app, &state, err)) {
        abandon_row_or_later(app, &state.session);
        return false;
    }
    *out = state;
    return true;
}

/* ---- changing ---- */

struct sizing {
    struct app *app;
    struct uuid workspace_id, id;
    uint64_t size;
};

static bool size_work(struct db *tx, void *context, struct error *err)
{
    const struct sizing *sizing = context;
    scoped(arena_release) struct arena *mem = arena_new();
    struct part_set parts;
    struct session session;

    if (!session_by_id(tx, sizing->workspace_id, sizing->id, mem, &session, err) ||
        !resumable_must_be_open(&session, err) || !part_list(tx, sizing->id, mem, &parts, err))
        return false;
    if (session.concatenation == SESSION_FINAL) /* its partials have reserved it already */
        return resumable_refuse_content(err);
    if (parts.count > 0 && parts.parts[parts.count - 1].end > sizing->size)
        return error_tell(err, ERR_CONFLICT, "more than %llu bytes have come already",
                          (unsigned long long)sizing->size);
    return session_set_size(tx, sizing->workspace_id, sizing->id, sizing->size,
                            app_now_us(sizing->app), err);
}

bool resumable_set_size(struct app *app, struct uuid workspace_id, struct uuid id, uint64_t size,
                        struct error *err)
{
    struct sizing sizing = {app, workspace_id, id, size};

    if (size == 0)
        return error_tell(err, ERR_EMPTY, "the file is empty");
    if (!ingest_check_size(app, size, err))
        return false;
    if (database_write(app->database, size_work, &sizing, err))
        return true;
    resumable_note_quota(app, id, err);
    return false;
}

struct note {
    struct uuid id;
    const char *message;
};

static bool note_work(struct db *tx, void *context, struct error *err)
{
    const struct note *note = context;

    return session_note_quota(tx, note->id, note->message, err);
}

void resumable_note_quota(struct app *app, struct uuid id, const struct error *refusal)
{
    struct note note = {id, error_detail(refusal)};
    struct error err;

    if (refusal->kind == ERR_QUOTA_STORAGE &&
        !database_write(app->database, note_work, &note, &err))
        log_event(LOG_WARN, "a refusal could not be noted", log_text("error", err.log));
}
