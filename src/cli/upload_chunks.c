#include "cli/upload_chunks.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/random.h"
#include "base/str.h"
#include "base/uuid.h"
#include "cli/upload_state.h"
#include "cli/view.h"
#include "crypto/digest.h"

#define READ_BYTES ((size_t)256 * 1024)
#define CONNECTIONS_MAX 64

/* An upload on its way. LOCK guards what is below it. */
struct sending {
    const struct upload_chunks *upload;
    const char *session; /* its path: /v1/chunked-uploads/ID */
    uint64_t chunk_size; /* bytes */
    pthread_mutex_t lock;
    json_t *missing; /* [first, last] of each run of chunks that is to be sent */
    size_t run;      /* where in MISSING the next one is */
    uint64_t next;   /* 0: at the beginning of the run */
    bool failed;
    struct error failure; /* the first one */
};

/* ---- one chunk ---- */

/* A span of the file as a body that can be read again. */
struct span {
    struct source source;
    struct client_content content;
    struct meter *meter;
    int fd;
    uint64_t start, sent; /* bytes */
};

static bool read_span(struct source *self, void *bytes, size_t size, size_t *out, struct error *err)
{
    struct span *span = container_of(self, struct span, source);
    uint64_t left = span->content.length - span->sent;

    if (size > left)
        size = (size_t)left;
    *out = 0;
    if (size == 0)
        return true;
    if (!fs_read_at(span->fd, bytes, size, span->start + span->sent, out, "the file", err))
        return false;
    if (*out == 0)
        return error_tell(err, ERR_CONFLICT, "it became shorter while it was sent");
    span->sent += *out;
    meter_add(span->meter, (int64_t)*out);
    return true;
}

static bool rewind_span(struct client_content *content)
{
    struct span *span = container_of(content, struct span, content);

    meter_add(span->meter, -(int64_t)span->sent);
    span->sent = 0;
    return true;
}

static bool digest_span(const struct span *span, struct arena *mem, uint8_t *sha256,
                        struct error *err)
{
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    char *block = arena_alloc(mem, READ_BYTES);
    struct digests digests;
    size_t got;

    for (uint64_t at = 0; at < span->content.length; at += got) {
        uint64_t left = span->content.length - at;

        if (!fs_read_at(span->fd, block, left < READ_BYTES ? (size_t)left : READ_BYTES,
                        span->start + at, &got, "the file", err))
            return false;
        if (got == 0)
            return error_tell(err, ERR_CONFLICT, "it became shorter while it was sent");
        digest_update(digest, block, got);
    }
    digest_peek(digest, &digests);
    memcpy(sha256, digests.sha256, SHA256_BYTES);
    return true;
}

static bool send_chunk(const struct sending *sending, const struct connection *connection,
                       uint64_t index, struct arena *mem, struct error *err)
{
    const struct upload_chunks *upload = sending->upload;
    uint64_t start = index * sending->chunk_size, left = upload->size_bytes - start;
    struct span span = {
        .source.read = read_span, .fd = upload->fd, .start = start, .meter = upload->what->meter};
    char base64[BASE64_SIZE(SHA256_BYTES)];
    uint8_t sha256[SHA256_BYTES];
    const char *path =
        arena_printf(mem, "%s/chunks/%llu", sending->session, (unsigned long long)index);
    const char *headers[] = {NULL, NULL};
    struct client_request request = {.method = "PUT",
                                     .target = connect_target(connection, mem, path, NULL),
                                     .content = &span.content,
                                     .headers = headers,
                                     .repeatable = true};
    struct client_answer answer;

    span.content =
        (struct client_content){.source = &span.source,
                                .length = left < sending->chunk_size ? left : sending->chunk_size,
                                .rewind = rewind_span};
    if (!digest_span(&span, mem, sha256, err))
        return false;
    base64_encode(sha256, sizeof sha256, base64);
    headers[0] = arena_printf(mem, "Content-Digest: sha-256=:%s:", base64);
    if (!client_send(connection->client, &request, mem, &answer, err)) {
        rewind_span(&span.content); /* it does not count as sent */
        return false;
    }
    json_decref(answer.json);
    return true;
}

/* ---- all that are missing ---- */

static bool take_chunk(struct sending *sending, uint64_t *index)
{
    const json_t *run;
    uint64_t first, last;

    pthread_mutex_lock(&sending->lock);
    run = sending->failed ? NULL : json_array_get(sending->missing, sending->run);
    if (run) {
        first = (uint64_t)json_integer_value(json_array_get(run, 0));
        last = (uint64_t)json_integer_value(json_array_get(run, 1));
        *index = sending->next > first ? sending->next : first;
        sending->next = *index + 1;
        if (sending->next > last) {
            sending->run++;
            sending->next = 0;
        }
    }
    pthread_mutex_unlock(&sending->lock);
    return run != NULL;
}

static void fail(struct sending *sending, const struct error *err)
{
    pthread_mutex_lock(&sending->lock);
    if (!sending->failed)
        sending->failure = *err;
    sending->failed = true;
    pthread_mutex_unlock(&sending->lock);
}

/* One thread: a connection of its own, chunk after chunk. */
static void *work(void *context)
{
    struct sending *sending = context;
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(client_release) struct client *client = NULL;
    struct connection connection = *sending->upload->what->connection;
    struct error err;
    uint64_t index;

    if (!client_open(&connection.options, &client, &err)) {
        fail(sending, &err);
        return NULL;
    }
    connection.client = client;
    while (take_chunk(sending, &index)) {
        if (!send_chunk(sending, &connection, index, mem, &err))
            fail(sending, &err);
        arena_reset(mem);
    }
    return NULL;
}

static bool send_missing(struct sending *sending, struct error *err)
{
    unsigned wanted = sending->upload->what->connections, started = 0;
    pthread_t threads[CONNECTIONS_MAX];

    while (started + 1 < wanted && started < CONNECTIONS_MAX &&
           pthread_create(&threads[started], NULL, work, sending) == 0)
        started++;
    work(sending); /* this thread is one of them */
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (sending->failed)
        *err = sending->failure;
    return !sending->failed;
}

/* ---- the session ---- */

static const char *session_path(const char *id, struct arena *mem)
{
    return connect_path(mem, "chunked-uploads", id, NULL);
}

/* Twice is once: by its key. */
static bool begin_session(const struct upload_chunks *upload, struct arena *mem, json_t **out,
                          struct error *err)
{
    const struct upload_send *what = upload->what;
    scoped(json_decrefp) json_t *wish =
        json_pack("{s:s, s:I, s:s}", "filename", what->file->name, "file_size",
                  (json_int_t)upload->size_bytes, "sha256", upload->sha256);
    char id[UUID_TEXT_SIZE];
    const char *headers[] = {NULL, NULL};
    struct client_request request = {
        .method = "POST",
        .target = connect_target(what->connection, mem, "/v1/chunked-uploads", NULL),
        .json = wish,
        .headers = headers,
        .repeatable = true};
    struct client_answer answer;

    if (!wish)
        return error_tell(err, ERR_FILENAME, "the file's name is not UTF-8");
    if (what->on_duplicate)
        json_object_set_new(wish, "on_duplicate", json_string(what->on_duplicate));
    uuid_format(uuid_new(&clock_system, &random_system), id);
    headers[0] = arena_printf(mem, "Idempotency-Key: %s", id);
    if (!client_send(what->connection->client, &request, mem, &answer, err))
        return false;
    *out = answer.json;
    return true;
}

static bool file_times(const struct upload_chunks *upload, struct upload_state *state,
                       struct error *err)
{
    struct stat facts;

    if (fstat(upload->fd, &facts) != 0)
        return error_errno(err, "cannot read it");
    state->size_bytes = upload->size_bytes;
    state->mtime_us = (int64_t)facts.st_mtim.tv_sec * US_PER_S + facts.st_mtim.tv_nsec / 1000;
    state->sha256 = upload->sha256;
    return true;
}

static bool is_same(const struct upload_state *a, const struct upload_state *b)
{
    return a->size_bytes == b->size_bytes && a->mtime_us == b->mtime_us &&
           strcmp(a->sha256, b->sha256) == 0;
}

/* Nobody will go on with it. */
static void drop_session(const struct upload_chunks *upload, const char *id, struct arena *mem)
{
    const struct connection *connection = upload->what->connection;
    json_t *nothing = NULL;
    struct error ignored; /* it expires by itself */

    if (connect_ask(connection, "DELETE",
                    connect_target(connection, mem, session_path(id, mem), NULL), mem, &nothing,
                    &ignored))
        json_decref(nothing);
}

/* The session of an earlier run, if it can be gone on with; NULL in *OUT if not. */
static bool find_session(const struct upload_chunks *upload, const char *state_path,
                         const struct upload_state *now, struct arena *mem, json_t **out,
                         struct error *err)
{
    const struct connection *connection = upload->what->connection;
    struct upload_state before;
    json_t *session = NULL;

    *out = NULL;
    if (!state_path || !upload_state_read(state_path, mem, &before))
        return true;
    if (!is_same(&before, now)) {
        drop_session(upload, before.session, mem);
        return true;
    }
    if (!connect_ask(connection, "GET",
                     connect_target(connection, mem, session_path(before.session, mem), NULL), mem,
                     &session, err))
        return err->kind == ERR_NOT_FOUND; /* it has expired */
    if (strcmp(view_text(session, "status"), "failed") == 0) {
        json_decref(session);
        drop_session(upload, before.session, mem);
        return true;
    }
    *out = session;
    return true;
}

static bool open_session(const struct upload_chunks *upload, const char *state_path,
                         struct arena *mem, json_t **out, struct error *err)
{
    struct upload_state state;

    if (!file_times(upload, &state, err) ||
        !find_session(upload, state_path, &state, mem, out, err))
        return false;
    if (*out)
        return true;
    if (!begin_session(upload, mem, out, err))
        return false;
    state.session = view_text(*out, "id");
    if (!state.session)
        return error_set(err, ERR_INTERNAL, "the server's answer names no session");
    return !state_path || upload_state_write(state_path, &state, mem, err);
}

/* ---- all of it ---- */

/* What the server refused for good is not asked again. */
static bool is_final(const struct error *err)
{
    int status = error_status(err);

    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 408 &&
           status != 429;
}

static bool complete(const struct sending *sending, struct arena *mem, json_t **record,
                     struct error *err)
{
    const struct connection *connection = sending->upload->what->connection;
    const char *path = arena_printf(mem, "%s/complete", sending->session);
    struct client_request request = {.method = "POST",
                                     .target = connect_target(connection, mem, path, NULL),
                                     .repeatable = true};
    struct client_answer answer;

    if (!client_send(connection->client, &request, mem, &answer, err))
        return false;
    *record = answer.json;
    return true;
}

static bool send_session(const struct upload_chunks *upload, json_t *session, struct arena *mem,
                         json_t **record, struct error *err)
{
    struct sending sending = {.upload = upload,
                              .session = session_path(view_text(session, "id"), mem),
                              .chunk_size = (uint64_t)view_int(session, "chunk_size", 0),
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .missing = json_object_get(session, "missing_chunks")};

    if (sending.chunk_size == 0)
        return error_set(err, ERR_INTERNAL, "the server's answer names no size of chunks");
    meter_add(upload->what->meter, view_int(session, "received_bytes", 0));
    return send_missing(&sending, err) && complete(&sending, mem, record, err);
}

bool upload_in_chunks(const struct upload_chunks *upload, struct arena *mem, json_t **record,
                      struct error *err)
{
    const char *state_path =
        upload_state_path(upload->what->connection, upload->what->file->path, mem);
    scoped(fd_close) int lock = state_path ? upload_state_lock(state_path, mem) : -1;

    (void)lock; /* held until this returns */
    for (bool again = false;; again = true) {
        scoped(json_decrefp) json_t *session = NULL;

        if (!open_session(upload, state_path, mem, &session, err))
            return false;
        if (send_session(upload, session, mem, record, err)) {
            upload_state_remove(state_path);
            return true;
        }
        if (!is_final(err))
            return false;
        upload_state_remove(state_path);
        if (err->kind != ERR_NOT_FOUND || again)
            return false;
        /* It expired while this was at it: once more, from the start. */
        meter_add(upload->what->meter, -view_int(session, "received_bytes", 0));
    }
}
