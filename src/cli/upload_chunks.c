#include "cli/upload_chunks.h"

#include <pthread.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "cli/retry.h"
#include "cli/upload_session.h"
#include "cli/view.h"
#include "crypto/digest.h"

#define READ_BYTES ((size_t)256 * 1024)
#define CONNECTIONS_MAX 64

/* An upload on its way. LOCK guards what is below it. */
struct sending {
    const struct upload_chunks *upload;
    const struct connection *connection; /* one that waits longer than others do */
    const char *session;                 /* its path: /v1/chunked-uploads/ID */
    uint64_t chunk_size;                 /* bytes */
    pthread_mutex_t lock;
    json_t *missing; /* [first, last] of each run of chunks that is to be sent */
    size_t run;      /* where in MISSING the next one is */
    uint64_t next;   /* 0: at the beginning of the run */
    uint64_t sent;   /* bytes of chunks that the server has taken */
    uint64_t left;   /* chunks that it has not */
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
        return error_tell(err, ERR_LENGTH, "it became shorter while it was sent");
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
            return error_tell(err, ERR_LENGTH, "it became shorter while it was sent");
        digest_update(digest, block, got);
    }
    digest_peek(digest, &digests);
    memcpy(sha256, digests.sha256, SHA256_BYTES);
    return true;
}

static void count_sent(struct sending *sending, uint64_t bytes)
{
    pthread_mutex_lock(&sending->lock);
    sending->sent += bytes;
    sending->left--;
    pthread_mutex_unlock(&sending->lock);
}

/* The chunk that makes the file whole has the server finish the upload. */
static bool others_are_missing(void *context)
{
    struct sending *sending = context;
    bool others;

    pthread_mutex_lock(&sending->lock);
    others = sending->left > 1;
    pthread_mutex_unlock(&sending->lock);
    return others;
}

static bool send_chunk(struct sending *sending, const struct connection *connection, uint64_t index,
                       struct arena *mem, struct error *err)
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
                                     .answers_soon = others_are_missing,
                                     .context = sending,
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
    count_sent(sending, span.content.length);
    return true;
}

/* ---- all that are missing ---- */

static uint64_t count_missing(const json_t *runs)
{
    uint64_t count = 0;
    const json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        count += (uint64_t)json_integer_value(json_array_get(run, 1)) -
                 (uint64_t)json_integer_value(json_array_get(run, 0)) + 1;
    }
    return count;
}

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
    struct connection connection = *sending->connection;
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

/* ---- all of it ---- */

static bool complete(const struct sending *sending, struct arena *mem, json_t **record,
                     bool *existed, struct error *err)
{
    const struct connection *connection = sending->connection;
    const char *path = arena_printf(mem, "%s/complete", sending->session);
    struct client_request request = {.method = "POST",
                                     .target = connect_target(connection, mem, path, NULL),
                                     .repeatable = true};
    struct client_answer answer;

    if (!client_send(connection->client, &request, mem, &answer, err))
        return false;
    *record = answer.json;
    *existed = answer.status == 200;
    return true;
}

/* The progress shown begins with what is there, and forgets it all after a failure. */
static bool send_session(const struct upload_chunks *upload, const struct connection *connection,
                         const struct upload_session *session, json_t **record, bool *existed,
                         struct error *err)
{
    int64_t there = view_int(session->view, "received_bytes", 0);
    struct sending sending = {.upload = upload,
                              .connection = connection,
                              .session = session->path,
                              .chunk_size = (uint64_t)view_int(session->view, "chunk_size", 0),
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .missing = json_object_get(session->view, "missing_chunks")};

    sending.left = count_missing(sending.missing);

    if (sending.chunk_size == 0)
        return error_set(err, ERR_INTERNAL, "the server's answer names no size of chunks");
    meter_resume(upload->what->meter, there);
    if (send_missing(&sending, err) && complete(&sending, session->mem, record, existed, err))
        return true;
    meter_resume(upload->what->meter, -there - (int64_t)sending.sent);
    return false;
}

/* Nothing more can come of the session. A digest that does not match may be one chunk's or the
 * whole file's: the server knows. */
static bool is_over(const struct upload_session *session, const struct error *err)
{
    enum retry_hope hope = retry_hope_of(err->kind);

    return hope == RETRY_REFUSED || (hope == RETRY_ACCIDENT && upload_session_has_failed(session));
}

/* One session, from wherever it stands. *EXPIRED: it is gone, through no fault of the file. */
static bool send_once(const struct upload_chunks *upload, const struct connection *connection,
                      struct arena *mem, json_t **record, bool *existed, bool *expired,
                      struct error *err)
{
    scoped(upload_session_done) struct upload_session session = {.lock = -1};

    *expired = false;
    if (!upload_session_open(upload, mem, &session, err))
        return false;
    if (send_session(upload, connection, &session, record, existed, err)) {
        upload_session_forget(&session);
        return true;
    }
    *expired = err->kind == ERR_NOT_FOUND;
    if (!session.remembers || is_over(&session, err))
        upload_session_drop(&session);
    else
        error_context(err, "not finished, the same command goes on with it");
    return false;
}

bool upload_in_chunks(const struct upload_chunks *upload, struct arena *mem, json_t **record,
                      bool *existed, struct error *err)
{
    scoped(client_release) struct client *client = NULL;
    struct connection patient = *upload->what->connection;
    bool expired;

    patient.options.retries = upload->what->chunk_retries;
    if (!client_open(&patient.options, &client, err))
        return false;
    patient.client = client;
    return send_once(upload, &patient, mem, record, existed, &expired, err) ||
           (expired && send_once(upload, &patient, mem, record, existed, &expired, err));
}
