#include <stdatomic.h>
#include <string.h>

#include "catalog/chunk.h"
#include "catalog/garbage.h"
#include "catalog/history.h"
#include "catalog/idempotency.h"
#include "catalog/quota.h"
#include "service/abandon.h"
#include "service/cut_options.h"
#include "service/cutting.h"
#include "service/ingest_state.h"
#include "service/processing.h"
#include "service/queue.h"
#include "service/sweep.h"

/* Between a look for the same content and the commit another request can remove what was found;
 * then the content is published after all. More often than this it cannot be chance. */
#define COMMIT_TRIES 8

/* What the commit works with and leaves behind; made anew each time the work is run. */
struct commit {
    struct ingest *ingest;
    struct upload record; /* described; the place and order of it are decided in the transaction */
    struct arena *mem;
    struct ingest_outcome *outcome;
    bool has_found; /* the workspace has the content: */
    struct upload found;
    bool looks_again;  /* what was found is looked up within the transaction, not only confirmed */
    bool must_publish; /* nothing to share, and nothing published: not committed */
    bool alone;        /* what there is to share is damaged: an object of its own */
    bool shared;       /* the record shares an object that was there */
};

/* ---- the transaction ---- */

/* on_duplicate, for content that a live upload has. *DONE if there is to be no new record. */
static bool answer_duplicate(struct commit *commit, const struct upload *found, bool *done,
                             struct error *err)
{
    *done = false;
    if (found->deleted_at_us != 0 || commit->ingest->session.on_duplicate == ON_DUPLICATE_LINK)
        return true;
    commit->outcome->result = INGEST_EXISTING;
    commit->outcome->upload = *found;
    if (commit->ingest->session.on_duplicate == ON_DUPLICATE_REJECT) {
        error_set(err, ERR_DUPLICATE, "the workspace has this content");
        return error_upload(err, found->id);
    }
    *done = true;
    return true;
}

/* The object that stands, or may, at the session's own path, but that nobody needs. */
static bool drop_published(struct db *tx, struct commit *commit, struct error *err)
{
    const struct ingest *ingest = commit->ingest;
    struct garbage garbage = {.id = app_new_id(ingest->app),
                              .storage_name = ingest->session.storage_name,
                              .storage_path = ingest->session.storage_path,
                              .bytes = ingest->received,
                              .reason = "the same content was stored meanwhile",
                              .created_at_us = app_now_us(ingest->app)};

    return (!ingest->published && !ingest->may_be_published) || garbage_add(tx, &garbage, err);
}

static void place_beside(struct upload *record, const struct upload *found)
{
    record->storage_provider = found->storage_provider;
    record->storage_name = found->storage_name;
    record->storage_class = found->storage_class;
    record->storage_path = found->storage_path;
    record->storage_url = found->storage_url;
    record->storage_region = found->storage_region;
    record->compression_type = found->compression_type;
    record->has_compressed_size = found->has_compressed_size;
    record->compressed_size = found->compressed_size;
    if (found->deleted_at_us == 0)
        record->duplicate_of = uuid_is_nil(found->duplicate_of) ? found->id : found->duplicate_of;
}

static void place_alone(struct commit *commit)
{
    const struct ingest *ingest = commit->ingest;
    struct upload *record = &commit->record;

    record->storage_provider = store_provider(ingest->store);
    record->storage_name = ingest->session.storage_name;
    record->storage_path = arena_strdup(commit->mem, ingest->session.storage_path);
    record->storage_url = arena_printf(commit->mem, "/files/%s", record->storage_path);
}

static bool find_content(struct db *db, struct commit *commit, struct error *err)
{
    const struct upload *record = &commit->record;

    commit->has_found = upload_by_content(db, record->workspace_id, record->checksum_sha256,
                                          record->file_size, commit->mem, &commit->found, err);
    return commit->has_found || err->kind == ERR_NOT_FOUND;
}

/* What was found before the transaction counts if it is still so, and nobody waits to hear that. */
static bool find_within(struct db *tx, struct commit *commit, struct error *err)
{
    const struct upload *record = &commit->record;

    if (commit->looks_again)
        return find_content(tx, commit, err);
    return upload_content_is_still(tx, record->workspace_id, record->checksum_sha256,
                                   record->file_size, commit->has_found ? &commit->found : NULL,
                                   err);
}

/* Decides whose object the record has. *DONE as in answer_duplicate. */
static bool choose_place(struct db *tx, struct commit *commit, bool *done, struct error *err)
{
    commit->shared = commit->must_publish = *done = false;
    commit->record.duplicate_of = (struct uuid){{0}};
    if (commit->alone) {
        place_alone(commit);
        return true;
    }
    if (!find_within(tx, commit, err))
        return false;
    if (commit->has_found) {
        if (!answer_duplicate(commit, &commit->found, done, err) ||
            !drop_published(tx, commit, err))
            return false;
        commit->shared = true;
        place_beside(&commit->record, &commit->found);
        return true;
    }
    if (!commit->ingest->published) {
        commit->must_publish = true;
        return error_set(err, ERR_CONFLICT, "what was to be shared has gone");
    }
    place_alone(commit);
    return true;
}

static bool add_chunks_and_jobs(struct db *tx, const struct commit *commit, struct error *err)
{
    const struct app *app = commit->ingest->app;
    const struct upload *record = &commit->record;
    struct chunk_plan plan = {.upload_id = record->id,
                              .duration_ms = record->duration_ms,
                              .most_ms = app->settings.max_chunk_duration_ms,
                              .extension = cut_format_name(app->settings.cut.format)};
    uint32_t chunks;

    if (record->has_facts && record->duration_ms > app->settings.chunk_threshold_ms &&
        (!cutting_fits(app, "{}", record, err) ||
         !chunk_plan(tx, &plan, app->clock, app->random, &chunks, err)))
        return false;
    return processing_plan(tx, app, record, err);
}

static bool add_history(struct db *tx, const struct commit *commit, struct error *err)
{
    const struct upload *record = &commit->record;
    struct history_entry entry = {.id = app_new_id(commit->ingest->app),
                                  .workspace_id = record->workspace_id,
                                  .upload_id = record->id,
                                  .user_id = record->user_id,
                                  .action = "uploaded",
                                  .created_at_us = record->uploaded_at_us};
    struct ledger_entry bytes = {.id = app_new_id(commit->ingest->app),
                                 .workspace_id = record->workspace_id,
                                 .upload_id = record->id,
                                 .user_id = record->user_id,
                                 .kind = commit->shared ? "shared" : "added",
                                 .storage_name = record->storage_name,
                                 .storage_path = record->storage_path,
                                 .bytes = (int64_t)record->file_size,
                                 .stored_bytes = commit->shared ? 0 : (int64_t)record->file_size,
                                 .created_at_us = record->uploaded_at_us};

    return history_add(tx, &entry, err) && ledger_add(tx, &bytes, err);
}

static bool keep_idempotency(struct db *tx, const struct commit *commit, struct error *err)
{
    const struct session *session = &commit->ingest->session;
    struct idempotency entry = {.workspace_id = session->workspace_id,
                                .user_id = session->user_id,
                                .key = session->idempotency_key,
                                .fingerprint = session->fingerprint,
                                .resource_id = commit->outcome->upload.id,
                                .created_at_us = app_now_us(commit->ingest->app)};

    /* A session that outlives its requests answers for its key itself. */
    return !session->idempotency_key || commit->ingest->outlives ||
           idempotency_add(tx, &entry, err);
}

/* Others have ended what this node was receiving: it was silent for too long. */
static const struct db_refusal given_up = {ERR_UNAVAILABLE,
                                           "the server stood still for too long: send it again"};
static const struct db_refusal cancelled = {ERR_CONFLICT, "the upload has been cancelled"};

/* One of several requests stays for a while, to tell how it ended. */
static bool end_session(struct db *tx, const struct commit *commit, struct error *err)
{
    const struct ingest *ingest = commit->ingest;
    int64_t now_us = app_now_us(ingest->app);

    if (!ingest->outlives)
        return session_must_end(tx, ingest->session.id, &given_up, err);
    return session_complete(tx, ingest->session.id, commit->outcome->upload.id, ingest->received,
                            now_us, now_us + ingest->app->settings.session_ttl_us, &cancelled, err);
}

/* Everything that an upload is, at once: DESIGN section 2, step 3. */
static bool commit_work(struct db *tx, void *context, struct error *err)
{
    struct commit *commit = context;
    struct upload *record = &commit->record;
    bool done;

    record->uploaded_at_us = record->updated_at_us = app_now_us(commit->ingest->app);
    if (!choose_place(tx, commit, &done, err))
        return false;
    if (done)
        return end_session(tx, commit, err) && keep_idempotency(tx, commit, err);
    commit->outcome->result = INGEST_CREATED;
    commit->outcome->upload = *record;
    return end_session(tx, commit, err) && upload_insert(tx, record, err) &&
           add_chunks_and_jobs(tx, commit, err) && add_history(tx, commit, err) &&
           quota_charge(tx, record->workspace_id, record->file_size, record->uploaded_at_us, err) &&
           keep_idempotency(tx, commit, err);
}

/* ---- before it ---- */

static bool check_claims(const struct ingest *ingest, const struct digests *digests,
                         struct error *err)
{
    const struct digest_claims *claims = &ingest->claims;

    if (ingest->claims_differ ||
        (claims->has_md5 && memcmp(claims->digests.md5, digests->md5, MD5_BYTES) != 0) ||
        (claims->has_sha256 && memcmp(claims->digests.sha256, digests->sha256, SHA256_BYTES) != 0))
        return error_set(err, ERR_CHECKSUM, "digest differs from the one sent");
    return true;
}

/* Whether the object of FOUND is there as a whole: an upload must not be acknowledged on the
 * strength of bytes that were lost. Where the store cannot say, it is not. */
static bool object_is_whole(const struct app *app, const struct upload *found)
{
    struct store *store = app_store(app, found->storage_name);
    uint64_t size = found->has_compressed_size ? found->compressed_size : found->file_size;
    struct store_object object;
    struct error absent;

    return store && store_head(store, found->storage_path, &object, &absent) && object.size == size;
}

/* Whether the workspace has an object of this content that could be shared. One that is damaged is
 * left alone, for verify to find. */
static bool content_is_there(struct commit *commit, bool *there, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    if (!database_read(commit->ingest->app->database, &db, err) || !find_content(db, commit, err))
        return false;
    commit->alone = commit->has_found && !object_is_whole(commit->ingest->app, &commit->found);
    *there = commit->has_found && !commit->alone;
    return true;
}

static bool publish(struct commit *commit, struct error *err)
{
    struct ingest *ingest = commit->ingest;
    const struct upload *record = &commit->record;
    struct object_facts facts = {.content_type = record->mime_type,
                                 .original_filename = record->original_filename,
                                 .sha256 = record->checksum_sha256,
                                 .uploaded_at_us = app_now_us(ingest->app)};

    stage_describe(ingest->stage, &facts);
    if (!stage_publish(ingest->stage, ingest->received, ingest->session.storage_path, err))
        return err->kind == ERR_NOT_FOUND && !ingest->outlives &&
               error_tell(err, given_up.kind, "%s", given_up.why);
    stage_free(take(ingest->stage));
    ingest->published = true;
    return true;
}

/* Commits; publishes first, or after all, unless there is an object to share. What was found before
 * the first try may have changed by then: from the second on it is looked up where it cannot. */
static bool store_and_commit(struct commit *commit, struct error *err)
{
    struct ingest *ingest = commit->ingest;
    bool there = false;

    if (!content_is_there(commit, &there, err))
        return false;
    for (int i = 0; i < COMMIT_TRIES; i++) {
        if (!there && !ingest->published && !publish(commit, err))
            return false;
        if (database_write(ingest->app->database, commit_work, commit, err))
            return true;
        if (commit->looks_again ? !commit->must_publish
                                : err->kind != ERR_CONFLICT && err->kind != ERR_DUPLICATE)
            return false;
        there = there && !commit->must_publish;
        commit->looks_again = true;
    }
    return false;
}

/* The session is gone; what it leaves in the store is nobody's now. */
static void clear_away(struct commit *commit)
{
    struct ingest *ingest = commit->ingest;

    ingest->open = false;
    if (!ingest->published)
        abandon_stage_or_later(ingest->app, &ingest->session);
    if (commit->shared && (ingest->published || ingest->may_be_published))
        sweep_object(ingest->app, ingest->session.storage_name, ingest->session.storage_path);
}

static void count(struct app *app, const struct commit *commit)
{
    atomic_fetch_add(commit->shared ? &app->counters.uploads_shared : &app->counters.uploads_stored,
                     1);
    atomic_fetch_add(&app->counters.upload_bytes, commit->record.file_size);
}

bool ingest_finish(struct ingest *ingest, struct arena *mem, struct ingest_outcome *outcome,
                   struct error *err)
{
    struct commit commit = {.ingest = ingest, .mem = mem, .outcome = outcome};
    struct media_facts facts;
    bool known;

    if (!check_claims(ingest, &ingest->digests, err) ||
        !ingest_probe(ingest, mem, &facts, &known, err) ||
        !ingest_describe(ingest, known ? &facts : NULL, &ingest->digests, mem, &commit.record,
                         err) ||
        !store_and_commit(&commit, err))
        return false;
    clear_away(&commit);
    queue_signal(ingest->app->queue);
    count(ingest->app, &commit);
    return true;
}
