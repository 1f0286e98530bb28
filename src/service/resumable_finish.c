#include "service/ingest_state.h"
#include "service/resumable_state.h"
#include "service/shared_stage.h"

/* What the upload is made of: a stage, or, after a crash between publishing and the commit, the
 * object that the stage has become. */
struct material {
    struct stage *stage;
    int object_fd;
};

static void material_release(struct material *material)
{
    stage_free(material->stage);
    fd_close(&material->object_fd);
}

/* All of it in the stage; ERR_NOT_FOUND if it was published. Of a shared one the stage says nothing
 * of that: another node may have had it. */
static bool find_stage(struct app *app, const struct resumable_state *state, struct stage **out,
                       struct error *err)
{
    const struct session *session = &state->session;
    struct store *store = app_store(app, session->storage_name);
    struct store_object object;

    if (shared_stage_is_used(app, session)) {
        if (store_head(store, session->storage_path, &object, err))
            return error_set(err, ERR_NOT_FOUND, "the content was published");
        if (err->kind != ERR_NOT_FOUND)
            return false;
    }
    return resumable_open_stage(app, state, out, err) &&
           shared_stage_fetch(app, session, &state->parts, *out,
                              (struct part){0, session->file_size}, err);
}

static bool find_material(struct app *app, const struct resumable_state *state,
                          struct material *out, struct error *err)
{
    const struct session *session = &state->session;
    uint64_t size = 0;

    if (find_stage(app, state, &out->stage, err))
        return true;
    if (err->kind != ERR_NOT_FOUND)
        return false;
    if (store_fetch(app_store(app, session->storage_name), session->storage_path, &out->object_fd,
                    &size, err)) {
        if (size == session->file_size)
            return true;
        error_set(err, ERR_NOT_FOUND, "what was published is not what was received");
    }
    if (err->kind == ERR_NOT_FOUND) {
        err->kind = ERR_INTERNAL;
        error_client(err, "the content that was received is missing from the store");
    }
    return false;
}

static bool digest_object(const struct material *material, uint64_t size, struct digest *digest,
                          struct error *err)
{
    scoped(memory_free) char *block = malloc(HASHER_BLOCK_BYTES);
    struct file_source source;
    size_t length;

    if (!block)
        abort();
    file_source_init(&source, material->object_fd, 0, size);
    do {
        if (!source.base.read(&source.base, block, HASHER_BLOCK_BYTES, &length, err))
            return false;
        digest_update(digest, block, length);
    } while (length > 0);
    return true;
}

/* The digests of the whole: what runs along has most of it, the rest is read. */
static bool digest_whole(struct live_turn *turn, const struct resumable_state *state,
                         const struct material *material, struct digests *out, struct error *err)
{
    scoped(digest_release) struct digest *digest = live_digest_borrow(turn, &state->session);
    uint64_t size = state->session.file_size;
    bool ok;

    if (!digest)
        return error_set(err, ERR_INTERNAL, "the digest of a session is lent in an exclusive turn");
    live_digest_return(turn, NULL);
    if (!material->stage && digest_length(digest) != size) {
        digest_free(take(digest));
        digest = digest_new(DIGEST_BEST);
        ok = digest_object(material, size, digest, err);
    } else {
        ok = digest_length(digest) == size ||
             resumable_digest_range(material->stage, digest_length(digest), size, digest, err);
    }
    if (ok)
        digest_peek(digest, out);
    return ok;
}

/* Bytes behind the end: what a part that was refused has left in the stage. */
static bool cut_to_size(struct stage *stage, uint64_t size, struct error *err)
{
    return !stage || stage_truncate(stage, size, err);
}

static bool make_upload(struct app *app, struct live_turn *turn,
                        const struct resumable_state *state, struct arena *mem,
                        struct ingest_outcome *outcome, struct error *err)
{
    scoped(material_release) struct material material = {NULL, -1};
    scoped(ingest_release) struct ingest *ingest = NULL;
    struct digests digests;

    if (!find_material(app, state, &material, err) ||
        !digest_whole(turn, state, &material, &digests, err) ||
        !cut_to_size(material.stage, state->session.file_size, err) ||
        (material.stage && !shared_stage_tell(app, &state->session, material.stage, mem, err)))
        return false;
    ingest = ingest_adopt(app, &state->session, take(material.stage), material.object_fd, &digests);
    return ingest_finish(ingest, mem, outcome, err);
}

static bool read_upload(struct app *app, const struct session *session, struct arena *mem,
                        struct ingest_outcome *outcome, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    if (!database_read(app->database, &db, err) ||
        !upload_by_id(db, session->workspace_id, session->upload_id, mem, &outcome->upload, err))
        return false;
    /* on_duplicate=return: one that was there before the session. */
    outcome->result =
        outcome->upload.uploaded_at_us < session->created_at_us ? INGEST_EXISTING : INGEST_CREATED;
    return true;
}

static bool check_whole(const struct resumable_state *state, struct error *err)
{
    const struct session *session = &state->session;

    if (session->concatenation == SESSION_PARTIAL)
        return error_tell(err, ERR_CONFLICT, "a partial upload is finished with its final one");
    if (resumable_is_whole(state))
        return true;
    if (session->file_size == SESSION_SIZE_UNKNOWN)
        return error_tell(err, ERR_CONFLICT, "the upload's length is not known yet");
    return error_tell(err, ERR_CONFLICT, "%llu of %llu bytes have not come yet",
                      (unsigned long long)(session->file_size - part_set_bytes(&state->parts)),
                      (unsigned long long)session->file_size);
}

/* Whether there is something to finish: neither what has ended, nor what is not all there. */
static bool check_finish(const struct resumable_state *state, struct error *err)
{
    return resumable_must_be_open(&state->session, err) && check_whole(state, err);
}

/* A partial that is complete is no upload, but went into one. */
static bool is_made(const struct session *session)
{
    return session->status == SESSION_COMPLETED && session->concatenation != SESSION_PARTIAL;
}

bool resumable_finish(struct app *app, struct uuid workspace_id, struct uuid id, struct arena *mem,
                      struct ingest_outcome *outcome, struct error *err)
{
    /* Where all is there, whoever still writes brings nothing new. */
    scoped(live_turn_release) struct live_turn turn = {.is_exclusive = true, .cuts = true};
    scoped(finish_turn_release) struct finish_turn finish = {0};
    struct resumable_state state;

    if (!resumable_read(app, workspace_id, id, mem, &state, err))
        return false;
    if (is_made(&state.session))
        return read_upload(app, &state.session, mem, outcome, err);
    if (!check_finish(&state, err) || !live_enter(app->live, id, &turn, err) ||
        !finish_turn_enter(app, &state.session, &finish, err) ||
        !resumable_load(app, workspace_id, id, mem, &state, err))
        return false;
    if (is_made(&state.session))
        return read_upload(app, &state.session, mem, outcome, err);
    if (!check_finish(&state, err))
        return false;
    if (make_upload(app, &turn, &state, mem, outcome, err))
        return true;
    if (resumable_is_final(err))
        resumable_end_failed(app, &state.session, err);
    return false;
}
