#include <assert.h>
#include <string.h>

#include "catalog/piece.h"
#include "service/abandon.h"
#include "service/hasher.h"
#include "service/ingest_state.h"
#include "service/resumable_writing.h"
#include "service/shared_stage.h"

/* How much of an append may come before it is made durable and recorded: what a crash costs at
 * most. */
#define RECORD_EVERY_BYTES ((uint64_t)32 << 20)
/* More than a socket holds: whoever still brings bytes when so many have come is not waited for. */
#define AFTER_CUT_BYTES ((uint64_t)8 << 20)

static void writing_release(struct writing *writing)
{
    stage_free(writing->stage);
    hasher_free(writing->hasher);
    free(writing->block);
    free(writing->there);
}

/* ---- may it be written? ---- */

static uint64_t end_of(const struct resumable_write *write)
{
    return write->length == RESUMABLE_REST ? LIVE_END : write->offset + write->length;
}

static bool check_place(const struct resumable_state *state, const struct resumable_write *write,
                        struct error *err)
{
    uint64_t size = state->session.file_size;

    if (state->session.status == SESSION_FAILED)
        return resumable_failure(&state->session, err);
    if (state->session.concatenation == SESSION_FINAL)
        return resumable_refuse_content(err);
    if (write->is_append && write->offset != state->offset)
        return error_tell(err, ERR_OFFSET, "the upload stands at %llu",
                          (unsigned long long)state->offset);
    if (write->length != RESUMABLE_REST && write->length > LIVE_END - 1 - write->offset)
        return error_tell(err, ERR_INVALID, "the range is too large");
    if (size != SESSION_SIZE_UNKNOWN &&
        (write->offset > size ||
         (write->length != RESUMABLE_REST && write->length > size - write->offset)))
        return error_tell(err, ERR_INVALID, "the content is longer than the declared %llu bytes",
                          (unsigned long long)size);
    return true;
}

/* ---- recording ---- */

struct record {
    const struct writing *writing;
    struct part part;
    struct uuid piece; /* nil: the stage is not shared */
    uint64_t hashed;
    bool has_digest;
    uint8_t digest[DIGEST_SAVED_BYTES];
};

/* The length may have become known while the bytes came: what lies behind it must not count, or the
 * upload could never be whole. */
static bool check_end(struct db *tx, const struct record *record, struct error *err)
{
    const struct session *begun = &record->writing->state.session;
    scoped(arena_release) struct arena *mem = arena_new();
    struct session now;

    if (begun->file_size != SESSION_SIZE_UNKNOWN)
        return true;
    return session_by_id(tx, begun->workspace_id, begun->id, mem, &now, err) &&
           (record->part.end <= now.file_size ||
            error_tell(err, ERR_INVALID, "more content came than was declared"));
}

/* A partial's time is its final's, too. */
static bool touch(struct db *tx, const struct writing *writing, struct error *err)
{
    const struct session *session = &writing->state.session;
    int64_t until_us = app_now_us(writing->app) + writing->app->settings.session_ttl_us;

    return session_touch(tx, session->id, until_us, err) &&
           (session->concatenation != SESSION_PARTIAL ||
            resumable_put_off_finals(tx, session->workspace_id, session->id, until_us, err));
}

/* Whether some of what this turn brings anew has come at another node meanwhile. */
static bool is_overtaken(const struct record *record, const struct part_set *now)
{
    const struct part_set *before = &record->writing->state.parts;
    struct part part = record->part;
    bool was_there, is_there;

    for (uint64_t n; part.start < part.end; part.start += n) {
        n = part_set_run(before, part.start, part.end - part.start, &was_there);
        if (!was_there && (part_set_run(now, part.start, n, &is_there) < n || is_there))
            return true;
    }
    return false;
}

/* In a stage that is shared: what counts does not change. */
static bool record_piece(struct db *tx, const struct record *record, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const struct writing *writing = record->writing;
    const struct session *session = &writing->state.session;
    struct part_set now;

    if (uuid_is_nil(record->piece))
        return true;
    if (!part_list(tx, session->id, mem, &now, err))
        return false;
    if (is_overtaken(record, &now))
        return writing->write->is_append
                   ? error_set(err, ERR_SUPERSEDED, "another node has received these bytes")
                   : error_tell(err, ERR_UNAVAILABLE, "another request brings the same bytes");
    return piece_count(tx, record->piece, err) &&
           (uuid_equal(session->node_id, writing->app->node_id) ||
            session_set_node(tx, session->id, writing->app->node_id, err));
}

static bool record_work(struct db *tx, void *context, struct error *err)
{
    const struct record *record = context;
    struct uuid id = record->writing->state.session.id;

    return check_end(tx, record, err) && touch(tx, record->writing, err) &&
           record_piece(tx, record, err) && part_add(tx, id, record->part, err) &&
           (!record->has_digest || session_keep_digest(tx, id, record->hashed, record->digest,
                                                       sizeof record->digest, err));
}

static void add_digest(const struct writing *writing, struct record *record)
{
    struct digest *running;

    if (!writing->hasher) {
        record->has_digest = live_digest_save(writing->turn, record->digest, &record->hashed) &&
                             record->hashed > writing->state.session.hashed_bytes;
        return;
    }
    running = hasher_digest(writing->hasher);
    record->hashed = digest_length(running);
    /* After a failure it can be ahead of what was written. */
    record->has_digest = record->hashed == writing->at && digest_save(running, record->digest);
    digest_free(running);
}

/* What has been written becomes durable, and then counts. */
static bool record(struct writing *writing, struct error *err)
{
    struct record record = {.writing = writing, .part = {writing->recorded, writing->at}};

    if (writing->at == writing->recorded || part_set_holds(&writing->state.parts, record.part))
        return true;
    add_digest(writing, &record);
    if (!stage_sync(writing->stage, err) ||
        !shared_stage_store(writing->app, &writing->state.session, writing->stage, record.part,
                            &record.piece, err) ||
        !database_write(writing->app->database, record_work, &record, err)) {
        writing->is_refused = true;
        return false;
    }
    shared_stage_note(writing->app, &writing->state.session, record.part);
    writing->recorded = writing->at;
    return true;
}

/* The same in the middle of a body, for whoever wants to know. */
static bool record_and_tell(struct writing *writing, struct error *err)
{
    const struct resumable_write *write = writing->write;
    uint64_t before = writing->recorded;

    if (!record(writing, err))
        return false;
    if (write->progress && writing->recorded > before)
        write->progress(write->context, writing->recorded);
    return true;
}

/* ---- receiving ---- */

/* What another node has received of PART comes into the stage here. */
static bool fetch(struct writing *writing, struct part part, struct error *err)
{
    return shared_stage_fetch(writing->app, &writing->state.session, &writing->state.parts,
                              writing->stage, part, err);
}

static bool compare(struct writing *writing, const char *bytes, size_t length, struct error *err)
{
    size_t got;

    if (!writing->there)
        writing->there = malloc(HASHER_BLOCK_BYTES);
    assert(writing->there && length <= HASHER_BLOCK_BYTES);
    if (!fetch(writing, (struct part){writing->at, writing->at + length}, err) ||
        !stage_read(writing->stage, writing->at, writing->there, length, &got, err))
        return false;
    if (got == length && memcmp(writing->there, bytes, length) == 0)
        return true;
    return error_set(err, ERR_BYTES_DIFFER, "other bytes were received at this place before");
}

/* Writes what is not there, and compares with what is. */
static bool place(struct writing *writing, const char *bytes, size_t length, struct error *err)
{
    while (length > 0) {
        bool is_there;
        size_t n = (size_t)part_set_run(&writing->state.parts, writing->at, length, &is_there);

        if (is_there ? !compare(writing, bytes, n, err)
                     : !stage_write(writing->stage, writing->at, bytes, n, err))
            return false;
        writing->at += n;
        bytes += n;
        length -= n;
    }
    return true;
}

struct growth {
    const struct writing *writing;
    uint64_t bytes;
};

static bool grow_work(struct db *tx, void *context, struct error *err)
{
    const struct growth *growth = context;
    const struct session *session = &growth->writing->state.session;

    return session_grow(tx, session->workspace_id, session->id, growth->bytes,
                        app_now_us(growth->writing->app), err);
}

static bool grow_to(struct writing *writing, uint64_t bytes, struct error *err)
{
    struct growth growth = {writing, bytes};

    if (!database_write(writing->app->database, grow_work, &growth, err))
        return false;
    writing->reserved_bytes = bytes;
    return true;
}

/* Draws quota for content of unknown length: a step more if the quota has it, else just that. */
static bool reserve(struct writing *writing, uint64_t needed, struct error *err)
{
    if (writing->state.session.file_size != SESSION_SIZE_UNKNOWN)
        return true;
    if (!ingest_check_size(writing->app, needed, err))
        return false;
    if (needed <= writing->reserved_bytes)
        return true;
    if (grow_to(writing, ingest_step(writing->reserved_bytes, needed), err))
        return true;
    if (err->kind != ERR_QUOTA_STORAGE && err->kind != ERR_FILE_TOO_LARGE)
        return false;
    return grow_to(writing, needed, err);
}

/* Looks at the first bytes in the moment that they are all there. A partial may be any piece of its
 * final. */
static bool sniff(struct writing *writing, uint64_t before, struct error *err)
{
    const struct session *session = &writing->state.session;
    uint64_t enough = session->file_size < SNIFF_BYTES ? session->file_size : SNIFF_BYTES;
    char head[SNIFF_BYTES];
    size_t got;

    if (before >= enough || writing->at < enough || session->concatenation == SESSION_PARTIAL ||
        part_set_prefix(&writing->state.parts) < writing->write->offset)
        return true;
    return fetch(writing, (struct part){0, SNIFF_BYTES}, err) &&
           stage_read(writing->stage, 0, head, sizeof head, &got, err) &&
           ingest_sniff(writing->app, head, got, err);
}

static bool take_block(struct writing *writing, const char *bytes, size_t length, struct error *err)
{
    const struct resumable_write *write = writing->write;
    uint64_t size = writing->state.session.file_size, before = writing->at;

    if (length > end_of(write) - before || (size != SESSION_SIZE_UNKNOWN && length > size - before))
        return error_tell(err, ERR_INVALID, "more content came than was declared");
    if (!reserve(writing, before + length, err))
        return false;
    for (size_t i = 0; i < RESUMABLE_CHECKS; i++)
        if (write->checks[i])
            checksum_update(write->checks[i], bytes, length);
    if (writing->hasher)
        hasher_push(writing->hasher, length);
    if (!place(writing, bytes, length, err))
        return false;
    if (write->all_or_nothing) /* looked into when it is known that it came as it was sent */
        return true;
    return sniff(writing, before, err) &&
           (writing->at - writing->recorded < RECORD_EVERY_BYTES || record_and_tell(writing, err));
}

/* A body that was cut ends too early; why is what matters then. What had reached this machine
 * before is still taken, so that the client need not send it again. */
static bool read_block(struct writing *writing, void *block, size_t *length, struct error *err)
{
    struct source *body = writing->write->body;
    bool is_read = body->read(body, block, hasher_room_at(writing->at), length, err);

    if (!atomic_load(&writing->turn->is_cut))
        return is_read;
    writing->read_after_cut += is_read ? *length : 0;
    if (is_read && writing->read_after_cut <= AFTER_CUT_BYTES)
        return true;
    return live_cut(writing->turn, err);
}

static bool receive(struct writing *writing, struct error *err)
{
    for (;;) {
        void *block = writing->hasher ? hasher_block(writing->hasher) : writing->block;
        size_t length;

        if (!read_block(writing, block, &length, err))
            return false;
        if (length == 0)
            break;
        if (!take_block(writing, block, length, err))
            return false;
    }
    if (writing->write->length == RESUMABLE_REST || writing->at == end_of(writing->write))
        return true;
    return error_tell(err, ERR_INCOMPLETE, "the content ended after %llu of %llu bytes",
                      (unsigned long long)(writing->at - writing->write->offset),
                      (unsigned long long)writing->write->length);
}

/* ---- checking ---- */

static void update_checksum(void *context, const void *bytes, size_t length)
{
    checksum_update(context, bytes, length);
}

static bool check_late(struct writing *writing, struct error *err)
{
    const struct resumable_write *write = writing->write;
    scoped(checksum_release) struct checksum *late = NULL;

    if (!write->late_check)
        return true;
    if (!write->late_check(write->context, &late, err))
        return false;
    if (!late)
        return true;
    if (!resumable_read_back(writing->stage, write->offset, writing->at, update_checksum, late,
                             err))
        return false;
    return checksum_holds(late) || error_set(err, ERR_CHECKSUM, "the checksum behind the part");
}

static bool check(struct writing *writing, struct error *err)
{
    for (size_t i = 0; i < RESUMABLE_CHECKS; i++)
        if (writing->write->checks[i] && !checksum_holds(writing->write->checks[i]))
            return error_set(err, ERR_CHECKSUM, "the checksum of the part");
    return check_late(writing, err);
}

/* ---- all of it ---- */

/* What was garbled on its way says nothing of the content: only what its checks hold for is looked
 * into. */
static bool check_and_sniff(struct writing *writing, struct error *err)
{
    return check(writing, err) &&
           (!writing->write->all_or_nothing || sniff(writing, writing->write->offset, err));
}

static bool touch_work(struct db *tx, void *context, struct error *err)
{
    return touch(tx, context, err);
}

/* Other nodes do not know that it is in use here: none must find meanwhile that its time is over.
 */
static bool hold(struct writing *writing, struct error *err)
{
    const struct session *session = &writing->state.session;
    int64_t left_us = session->expires_at_us - app_now_us(writing->app);

    return !shared_stage_is_used(writing->app, session) ||
           left_us > writing->app->settings.session_ttl_us / 2 ||
           database_write(writing->app->database, touch_work, writing, err);
}

/* Who sends is there, though nothing counts of what has come. */
static void put_off(struct writing *writing)
{
    struct error ignored; /* the failure of the write is the one to tell */

    if (writing->at > writing->write->offset)
        database_write(writing->app->database, touch_work, writing, &ignored);
}

/* Takes the body and records it, or of a broken append what has come of it. */
static bool take_body(struct writing *writing, struct error *err)
{
    bool all_or_nothing = writing->write->all_or_nothing;
    struct error why_not;

    if (receive(writing, err) && check_and_sniff(writing, err))
        return record(writing, err);
    if (all_or_nothing && err->kind != ERR_NOT_AUDIO)
        put_off(writing);
    if (!all_or_nothing && !writing->is_refused && err->kind != ERR_NOT_AUDIO &&
        err->kind != ERR_STORAGE_FULL && err->kind != ERR_UNAVAILABLE)
        record(writing, &why_not); /* the first failure is the one to tell */
    resumable_note_quota(writing->app, writing->state.session.id, err);
    return false;
}

/* The session has failed. Others may be writing to it: they are told, and are gone before its stage
 * is, so that none makes a new one. */
static void end_failed(struct writing *writing, const struct error *cause)
{
    scoped(live_turn_release) struct live_turn alone = {.is_exclusive = true, .cuts = true};
    const struct session *session = &writing->state.session;
    struct error err;

    if (!resumable_mark_failed(writing->app, session, cause))
        return;
    live_leave(writing->turn);
    if (live_enter(writing->app->live, session->id, &alone, &err))
        abandon_stage_or_later(writing->app, session);
}

/* What a write that did not get its way comes to. The session may have ended meanwhile; and who was
 * cut off while bringing what another has brought is done. */
static bool settle(struct writing *writing, struct resumable_state *out, struct error *err)
{
    const struct resumable_write *write = writing->write;
    const struct session *session = &writing->state.session;
    struct part part = {write->offset, end_of(write)};
    struct resumable_state now;
    struct error missing;

    if (err->kind == ERR_NOT_AUDIO) {
        end_failed(writing, err);
        return false;
    }
    if (atomic_load(&writing->turn->is_removed)) /* soon, if it is still there */
        return live_cut(writing->turn, err);
    if (!resumable_load(writing->app, session->workspace_id, session->id, writing->mem, &now,
                        &missing)) {
        if (missing.kind == ERR_NOT_FOUND)
            *err = missing;
        return false;
    }
    if (now.session.status == SESSION_FAILED)
        return resumable_failure(&now.session, err);
    if (!atomic_load(&writing->turn->is_cut) || write->is_append ||
        !(now.session.status == SESSION_COMPLETED || part_set_holds(&now.parts, part)))
        return false;
    *out = now;
    return true;
}

/* Who sends again what is there puts the digest no further behind, and must not wait for it: an
 * append farther on can have it for hours. */
static bool brought_nothing(const struct writing *writing)
{
    return part_set_holds(&writing->state.parts,
                          (struct part){writing->write->offset, writing->at});
}

static bool write_in_turn(struct writing *writing, struct resumable_state *out, struct error *err)
{
    const struct session *session = &writing->state.session;
    bool taken;

    if (!hold(writing, err))
        return false;
    writing->recorded = writing->at = writing->write->offset;
    writing->reserved_bytes = session->reserved_bytes;
    if (!resumable_open_stage(writing->app, &writing->state, &writing->stage, err)) {
        if (err->kind != ERR_NOT_FOUND || !resumable_is_whole(&writing->state))
            return false;
        *out = writing->state; /* it was published, and is to be finished: all has come */
        return resumable_compare(writing->app, session, writing->write, writing->turn, writing->mem,
                                 err);
    }
    resumable_digest_begin(writing);
    taken = take_body(writing, err);
    resumable_digest_end(writing);
    if (!taken)
        return settle(writing, out, err);
    return resumable_load(writing->app, session->workspace_id, session->id, writing->mem, out,
                          err) &&
           (writing->hasher || brought_nothing(writing) ||
            resumable_digest_catch_up(writing, out, err));
}

bool resumable_write(struct app *app, struct uuid workspace_id, struct uuid id,
                     const struct resumable_write *write, struct arena *mem,
                     struct resumable_state *out, struct error *err)
{
    /* Appends follow one another, however much each brings. */
    uint64_t end = write->is_append ? LIVE_END : end_of(write);
    scoped(live_turn_release) struct live_turn turn = {.range = {write->offset, end},
                                                       .cuts = true,
                                                       .interrupt = write->interrupt,
                                                       .context = write->context};
    scoped(writing_release) struct writing writing = {
        .app = app, .write = write, .turn = &turn, .mem = mem};

    if (!resumable_read(app, workspace_id, id, mem, &writing.state, err) ||
        !check_place(&writing.state, write, err))
        return false;
    if (!live_enter(app->live, id, &turn, err))
        return settle(&writing, out, err);
    if (!resumable_load(app, workspace_id, id, mem, &writing.state, err) ||
        !check_place(&writing.state, write, err))
        return false;
    if (writing.state.session.status != SESSION_COMPLETED)
        return write_in_turn(&writing, out, err);
    *out = writing.state; /* a retry of what has come */
    return resumable_compare(app, &writing.state.session, write, &turn, mem, err);
}
