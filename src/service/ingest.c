#include "service/ingest.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "catalog/idempotency.h"
#include "catalog/token.h"
#include "service/abandon.h"
#include "service/filename.h"
#include "service/ingest_state.h"
#include "service/shared_stage.h"

/* Reservations of unknown length are drawn in steps: at first this much, then as much again as
 * there is, up to the largest. */
#define STEP_FIRST ((uint64_t)16 << 20)
#define STEP_LARGEST ((uint64_t)256 << 20)

/* ---- begin ---- */

static bool declared_type_may_be_audio(const char *type)
{
    static const char *const vague[] = {"application/octet-stream", "binary/octet-stream",
                                        "application/ogg",          "application/x-flac",
                                        "application/mp4",          "application/x-matroska"};

    if (!type || strncmp(type, "audio/", 6) == 0 || strncmp(type, "video/", 6) == 0)
        return true;
    for (size_t i = 0; i < COUNT_OF(vague); i++)
        if (strcmp(type, vague[i]) == 0)
            return true;
    return false;
}

uint64_t ingest_largest_file(const struct app *app)
{
    uint64_t chosen = app->settings.max_file_size_bytes;
    uint64_t most = store_largest(app->stores[0]); /* that takes new uploads */

    if (most > INGEST_SIZE_LARGEST)
        most = INGEST_SIZE_LARGEST;
    return chosen > 0 && chosen < most ? chosen : most;
}

bool ingest_check_size(const struct app *app, uint64_t size, struct error *err)
{
    uint64_t most = ingest_largest_file(app);

    if (size <= most)
        return true;
    error_tell(err, ERR_FILE_TOO_LARGE, "the file is larger than %llu bytes",
               (unsigned long long)most);
    return error_limit(err, most, most);
}

bool ingest_check(const struct app *app, const char *filename, const char *declared_type,
                  uint64_t size, struct arena *mem, const char **name, struct error *err)
{
    if (!filename_check(str_from(filename), mem, name, err))
        return false;
    if (app->settings.accept != ACCEPT_ANY && !declared_type_may_be_audio(declared_type))
        return error_tell(err, ERR_NOT_AUDIO, "content of type %.100s is not taken here",
                          declared_type);
    if (size == 0)
        return error_tell(err, ERR_EMPTY, "the file is empty");
    return size == INGEST_SIZE_UNKNOWN || ingest_check_size(app, size, err);
}

/* What makes two requests with one idempotency key the same request. */
static const char *fingerprint(const struct ingest_request *request, const char *name,
                               struct arena *mem)
{
    char digests[HEX_SIZE(sizeof request->claims.digests)];
    uint8_t hash[SHA256_BYTES];
    char *text, *hex = arena_alloc(mem, HEX_SIZE(SHA256_BYTES));

    hex_encode(&request->claims.digests, sizeof request->claims.digests, digests);
    text = arena_printf(mem, "upload\n%s\n%llu\n%d\n%s", name, (unsigned long long)request->size,
                        (int)request->on_duplicate, digests);
    sha256_of(text, strlen(text), hash);
    hex_encode(hash, sizeof hash, hex);
    return hex;
}

/* Whether the idempotency key has made an upload before; OUTCOME is then filled. */
static bool find_replay(struct app *app, const struct ingest_request *request, const char *print,
                        struct arena *mem, bool *replay, struct ingest_outcome *outcome,
                        struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid id;

    *replay = false;
    if (!request->idempotency_key)
        return true;
    if (!database_read(app->database, &db, err) ||
        !idempotency_find(db, request->workspace_id, request->user_id, request->idempotency_key,
                          print, replay, &id, err))
        return false;
    if (!*replay)
        return true;
    outcome->result = INGEST_CREATED;
    return upload_by_id(db, request->workspace_id, id, mem, &outcome->upload, err);
}

static struct ingest *ingest_new(struct app *app)
{
    struct arena *mem = arena_new();
    struct ingest *ingest = arena_alloc(mem, sizeof *ingest);

    ingest->app = app;
    ingest->mem = mem;
    ingest->store = app->stores[0];
    ingest->object_fd = -1;
    atomic_fetch_add(&app->counters.uploads_active, 1);
    return ingest;
}

static void fill_session(struct ingest *ingest, const struct ingest_request *request,
                         const char *name, const char *print)
{
    struct app *app = ingest->app;
    struct arena *mem = ingest->mem;
    bool known = request->size != INGEST_SIZE_UNKNOWN;
    struct session *session = &ingest->session;

    *session = (struct session){
        .id = app_new_id(app),
        .workspace_id = request->workspace_id,
        .user_id = request->user_id,
        .upload_id = app_new_id(app),
        .kind = SESSION_POST,
        .filename = arena_strdup(mem, name),
        .file_size = known ? request->size : SESSION_SIZE_UNKNOWN,
        .reserved_bytes = known ? request->size : 0,
        .storage_name = store_name(ingest->store),
        .declared_type = arena_strdup(mem, request->declared_type),
        .on_duplicate = request->on_duplicate,
        .idempotency_key = arena_strdup(mem, request->idempotency_key),
        .fingerprint = arena_strdup(mem, request->idempotency_key ? print : NULL),
        .created_at_us = app_now_us(app),
        .expires_at_us = INT64_MAX, /* lives as long as its request */
        .node_id = app->node_id,
    };
    session->storage_path = filename_object_key(session->user_id, session->upload_id,
                                                session->created_at_us, name, mem);
}

struct beginning {
    const struct app *app;
    struct session *session;
    struct uuid token_id;
};

static bool check_token(struct db *tx, const struct beginning *beginning, struct error *err)
{
    return uuid_is_nil(beginning->token_id) ||
           token_must_be_good(tx, beginning->token_id, app_now_us(beginning->app), err);
}

static bool begin_if_room(struct db *tx, void *context, struct error *err)
{
    const struct beginning *beginning = context;

    return check_token(tx, beginning, err) && session_begin_if_room(tx, beginning->session, err);
}

static bool begin_session(struct db *tx, void *context, struct error *err)
{
    const struct beginning *beginning = context;

    return check_token(tx, beginning, err) && session_begin(tx, beginning->session, err);
}

/* Where there is room, and nothing else to look for, nobody waits for an answer but the commit's.
 * What is of unknown length then has its first step at once. */
static bool write_session(struct ingest *ingest, struct uuid token_id, struct error *err)
{
    struct session *session = &ingest->session;
    struct beginning beginning = {ingest->app, session, token_id};
    uint64_t known = session->reserved_bytes;

    if (!session->idempotency_key) {
        if (session->file_size == SESSION_SIZE_UNKNOWN)
            session->reserved_bytes = STEP_FIRST;
        if (database_write(ingest->app->database, begin_if_room, &beginning, err))
            return true;
        if (err->kind != ERR_CONFLICT)
            return false;
        session->reserved_bytes = known;
    }
    return database_write(ingest->app->database, begin_session, &beginning, err);
}

static bool open_session(struct ingest *ingest, struct uuid token_id, struct error *err)
{
    char id[UUID_TEXT_SIZE];

    ingest->open = write_session(ingest, token_id, err);
    if (!ingest->open) {
        ingest->open = err->is_unsure; /* then it is ended as if it was there, */
        if (err->is_unsure)            /* and again when it must have come about, if it does */
            abandon_later(ingest->app, &ingest->session);
        return false;
    }
    uuid_format(ingest->session.id, id);
    if (!store_stage_create(ingest->store, id, ingest->session.file_size, &ingest->stage, err))
        return false;
    ingest->staged = true;
    ingest->hasher = hasher_new(ingest->app->hashers);
    return true;
}

bool ingest_begin(struct app *app, const struct ingest_request *request, struct arena *mem,
                  struct ingest **out, bool *replay, struct ingest_outcome *outcome,
                  struct error *err)
{
    scoped(ingest_release) struct ingest *ingest = NULL;
    const char *name, *print;

    if (!ingest_check(app, request->filename, request->declared_type, request->size, mem, &name,
                      err))
        return false;
    print = fingerprint(request, name, mem);
    if (!find_replay(app, request, print, mem, replay, outcome, err))
        return false;
    if (*replay)
        return true;
    ingest = ingest_new(app);
    ingest->claims = request->claims;
    fill_session(ingest, request, name, print);
    if (!open_session(ingest, request->token_id, err))
        return false;
    *out = take(ingest);
    return true;
}

struct ingest *ingest_adopt(struct app *app, const struct session *session, struct stage *stage,
                            int object_fd, const struct digests *digests)
{
    struct ingest *ingest = ingest_new(app);
    struct digest_claims *claims = &ingest->claims;

    ingest->store = app_store(app, session->storage_name);
    ingest->session = *session;
    ingest->open = ingest->outlives = true;
    ingest->stage = stage;
    ingest->staged = stage != NULL;
    ingest->published = stage == NULL;
    ingest->object_fd = object_fd;
    ingest->may_be_published = shared_stage_is_used(app, session);
    ingest->digests = *digests;
    ingest->received = session->file_size;
    claims->has_md5 = session->claimed_md5 != NULL;
    claims->has_sha256 = session->claimed_sha256 != NULL;
    if (claims->has_md5)
        memcpy(claims->digests.md5, session->claimed_md5, MD5_BYTES);
    if (claims->has_sha256)
        memcpy(claims->digests.sha256, session->claimed_sha256, SHA256_BYTES);
    return ingest;
}

/* ---- receive ---- */

struct growth {
    struct ingest *ingest;
    uint64_t bytes;
};

static bool grow_session(struct db *tx, void *context, struct error *err)
{
    const struct growth *growth = context;
    const struct session *session = &growth->ingest->session;

    return session_grow(tx, session->workspace_id, session->id, growth->bytes,
                        app_now_us(growth->ingest->app), err);
}

static bool grow_to(struct ingest *ingest, uint64_t bytes, struct error *err)
{
    struct growth growth = {ingest, bytes};

    if (!database_write(ingest->app->database, grow_session, &growth, err))
        return false;
    ingest->session.reserved_bytes = bytes;
    return true;
}

uint64_t ingest_step(uint64_t held, uint64_t needed)
{
    return needed + (held < STEP_FIRST ? STEP_FIRST : held > STEP_LARGEST ? STEP_LARGEST : held);
}

/* Makes the reservation hold NEEDED bytes: a step more if the quota has it, else just that. */
static bool reserve(struct ingest *ingest, uint64_t needed, struct error *err)
{
    if (!ingest_check_size(ingest->app, needed,
                           err)) /* what is reserved may be more than is taken */
        return false;
    if (needed <= ingest->session.reserved_bytes)
        return true;
    if (grow_to(ingest, ingest_step(ingest->session.reserved_bytes, needed), err))
        return true;
    if (err->kind != ERR_QUOTA_STORAGE && err->kind != ERR_FILE_TOO_LARGE)
        return false;
    return grow_to(ingest, needed, err);
}

bool ingest_sniff(const struct app *app, const void *head, size_t length, struct error *err)
{
    const char *what = NULL;

    if (app->settings.accept == ACCEPT_ANY || media_sniff(head, length, &what) == MEDIA_SNIFF_MAYBE)
        return true;
    return error_tell(err, ERR_NOT_AUDIO, "the content is not audio but %s", what);
}

static bool may_be_video(const struct ingest *ingest)
{
    static const char *const extensions[] = {"mp4", "m4v", "mkv", "mov", "wmv"};
    const char *declared = ingest->session.declared_type;
    char extension[EXTENSION_MAX_BYTES + 1];

    if (ingest->app->settings.accept == ACCEPT_AUDIO)
        return false;
    if (declared && strncmp(declared, "video/", 6) == 0)
        return true;
    filename_extension(ingest->session.filename, extension);
    for (size_t i = 0; i < COUNT_OF(extensions); i++)
        if (strcmp(extension, extensions[i]) == 0)
            return true;
    return false;
}

/* The store may send what has come while the rest arrives, if the guess at the type is right. */
static void announce(struct ingest *ingest)
{
    const struct session *session = &ingest->session;
    char sha256[HEX_SIZE(SHA256_BYTES)];
    struct object_facts facts = {.original_filename = session->filename,
                                 .uploaded_at_us = session->created_at_us};
    uint64_t size =
        session->file_size == SESSION_SIZE_UNKNOWN ? STAGE_SIZE_UNKNOWN : session->file_size;

    facts.content_type = media_guess_type(ingest->head, ingest->head_length, may_be_video(ingest));
    if (!facts.content_type)
        facts.content_type = session->declared_type;
    if (ingest->claims.has_sha256) {
        hex_encode(ingest->claims.digests.sha256, SHA256_BYTES, sha256);
        facts.sha256 = sha256;
    }
    stage_announce(ingest->stage, size, session->storage_path, &facts);
}

/* Looks at the first bytes as soon as there are enough of them, or no more will come. */
static bool sniff(struct ingest *ingest, const void *bytes, size_t length, bool last,
                  struct error *err)
{
    size_t room = sizeof ingest->head - ingest->head_length;

    if (ingest->sniffed)
        return true;
    if (length > 0)
        memcpy(ingest->head + ingest->head_length, bytes, length < room ? length : room);
    ingest->head_length += length < room ? length : room;
    if (ingest->head_length < sizeof ingest->head && !last)
        return true;
    ingest->sniffed = true;
    if (!ingest_sniff(ingest->app, ingest->head, ingest->head_length, err))
        return false;
    if (!last)
        announce(ingest);
    return true;
}

static bool take_block(struct ingest *ingest, const void *bytes, size_t length, struct error *err)
{
    uint64_t offset = ingest->received;

    if (ingest->session.file_size != SESSION_SIZE_UNKNOWN &&
        length > ingest->session.file_size - offset)
        return error_tell(err, ERR_INVALID, "the content is longer than declared");
    if (!sniff(ingest, bytes, length, false, err) || !reserve(ingest, offset + length, err))
        return false;
    hasher_push(ingest->hasher, length);
    if (!stage_write(ingest->stage, offset, bytes, length, err))
        return false;
    ingest->received += length;
    return true;
}

bool ingest_receive(struct ingest *ingest, struct source *body, struct error *err)
{
    for (;;) {
        void *block = hasher_block(ingest->hasher);
        size_t length;

        if (!body->read(body, block, hasher_room_at(ingest->received), &length, err))
            return false;
        if (length == 0)
            break;
        if (!take_block(ingest, block, length, err))
            return false;
    }
    if (ingest->session.file_size != SESSION_SIZE_UNKNOWN &&
        ingest->received < ingest->session.file_size)
        return error_tell(err, ERR_INCOMPLETE, "the content ended after %llu of %llu bytes",
                          (unsigned long long)ingest->received,
                          (unsigned long long)ingest->session.file_size);
    if (ingest->received == 0)
        return error_tell(err, ERR_EMPTY, "the file is empty");
    if (!sniff(ingest, NULL, 0, true, err))
        return false;
    hasher_digests(ingest->hasher, &ingest->digests);
    return true;
}

/* Adds one claim; two that differ cannot both be true. */
static void add_claim(struct ingest *ingest, bool *has, uint8_t *mine, const uint8_t *more,
                      size_t length)
{
    if (*has && memcmp(mine, more, length) != 0)
        ingest->claims_differ = true;
    memcpy(mine, more, length);
    *has = true;
}

void ingest_claim(struct ingest *ingest, const struct digest_claims *claims)
{
    struct digest_claims *mine = &ingest->claims;

    if (claims->has_md5)
        add_claim(ingest, &mine->has_md5, mine->digests.md5, claims->digests.md5, MD5_BYTES);
    if (claims->has_sha256)
        add_claim(ingest, &mine->has_sha256, mine->digests.sha256, claims->digests.sha256,
                  SHA256_BYTES);
}

void ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return;
    stage_free(ingest->stage);
    hasher_free(ingest->hasher);
    if (ingest->open && ingest->outlives)
        ;
    else if (ingest->open && ingest->staged)
        abandon_session_or_later(ingest->app, &ingest->session);
    else if (ingest->open)
        abandon_row_or_later(ingest->app, &ingest->session);
    atomic_fetch_sub(&ingest->app->counters.uploads_active, 1);
    arena_free(ingest->mem);
}
