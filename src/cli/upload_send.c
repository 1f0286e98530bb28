#include "cli/upload_send.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/str.h"
#include "base/uuid.h"
#include "cli/upload_session.h"
#include "cli/view.h"
#include "crypto/digest.h"

#define READ_BYTES (256 * 1024)

/* The file as a body that can be read again, but for streams. */
struct body {
    struct source source;
    struct client_content content;
    const char *path;
    int fd;
    uint64_t sent;         /* bytes, since the last rewind */
    struct digest *digest; /* of a stream, as it goes; NULL: known before */
    struct meter *meter;
};

static void body_done(struct body *body)
{
    digest_free(body->digest);
    if (body->fd > STDIN_FILENO)
        close(body->fd);
}

static bool read_some(int fd, void *bytes, size_t size, size_t *out, struct error *err)
{
    ssize_t got;

    do {
        got = read(fd, bytes, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_errno(err, "cannot read it");
    *out = (size_t)got;
    return true;
}

static bool read_body(struct source *self, void *bytes, size_t size, size_t *out, struct error *err)
{
    struct body *body = container_of(self, struct body, source);
    size_t got;

    if (!read_some(body->fd, bytes, size, &got, err))
        return false;
    if (body->digest)
        digest_update(body->digest, bytes, got);
    else if (got == 0 && body->sent < body->content.length)
        return error_tell(err, ERR_CONFLICT, "it became shorter while it was sent");
    body->sent += got;
    meter_add(body->meter, (int64_t)got);
    *out = got;
    return true;
}

static bool rewind_body(struct client_content *content)
{
    struct body *body = container_of(content, struct body, content);

    meter_add(body->meter, -(int64_t)body->sent);
    body->sent = 0;
    return lseek(body->fd, 0, SEEK_SET) == 0;
}

static bool open_body(const struct upload_send *what, struct body *body, struct error *err)
{
    bool is_stream = what->file->is_stream;

    body->fd = STDIN_FILENO;
    if (strcmp(what->file->path, "-") != 0)
        body->fd = open(what->file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (body->fd < 0)
        return error_errno(err, "cannot read it");
    body->source.read = read_body;
    body->content = (struct client_content){
        .source = &body->source,
        .length = is_stream ? CLIENT_LENGTH_UNKNOWN : what->file->size_bytes,
        .rewind = is_stream ? NULL : rewind_body,
    };
    body->digest = is_stream ? digest_new(DIGEST_BEST) : NULL;
    return true;
}

/* A first reading, for digest and length alone; the file stands at its beginning again afterwards.
 */
static bool digest_file(struct body *body, struct arena *mem, struct digests *out,
                        struct error *err)
{
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    char *block = arena_alloc(mem, READ_BYTES);
    size_t got;

    body->content.length = 0;
    do {
        if (!read_some(body->fd, block, READ_BYTES, &got, err))
            return false;
        digest_update(digest, block, got);
        body->content.length += got;
        meter_check(body->meter, got);
    } while (got > 0);
    digest_peek(digest, out);
    return lseek(body->fd, 0, SEEK_SET) == 0 || error_errno(err, "cannot read it twice");
}

/* The newest upload with that content; NULL in *RECORD if there is none. */
static bool find_same(const struct upload_send *what, const char *hex, struct arena *mem,
                      json_t **record, struct error *err)
{
    const struct client_param params[] = {{"sha256", hex}, {"limit", "1"}, {0}};
    scoped(json_decrefp) json_t *page = NULL;
    char *target = connect_target(what->connection, mem, "/v1/uploads", params);

    if (!connect_ask(what->connection, "GET", target, mem, &page, err))
        return false;
    *record = json_incref(json_array_get(json_object_get(page, "items"), 0));
    return true;
}

static bool post(const struct upload_send *what, struct body *body, const struct digests *digests,
                 struct arena *mem, struct client_answer *answer, struct error *err)
{
    const struct client_param params[] = {
        {"filename", what->file->name}, {"on_duplicate", what->on_duplicate}, {0}};
    char id[UUID_TEXT_SIZE], base64[BASE64_SIZE(SHA256_BYTES)];
    const char *headers[4] = {"Content-Type: application/octet-stream"};
    struct client_request request = {
        .method = "POST",
        .target = connect_target(what->connection, mem, "/v1/uploads", params),
        .content = &body->content,
        .headers = headers,
        .repeatable = true, /* by its key */
    };

    uuid_format(uuid_new(&clock_system, &random_system), id);
    headers[1] = arena_printf(mem, "Idempotency-Key: %s", id);
    if (digests) {
        base64_encode(digests->sha256, SHA256_BYTES, base64);
        headers[2] = arena_printf(mem, "Repr-Digest: sha-256=:%s:", base64);
    }
    return client_send(what->connection->client, &request, mem, answer, err);
}

/* What the server says that it stored is what was read here. */
static bool check_record(const struct body *body, const struct digests *known, const json_t *record,
                         struct error *err)
{
    const char *sha256 = view_text(record, "checksum_sha256");
    struct digests digests;
    char hex[HEX_SIZE(SHA256_BYTES)];

    if (known)
        digests = *known;
    else
        digest_peek(body->digest, &digests);
    hex_encode(digests.sha256, SHA256_BYTES, hex);
    if (sha256 && strcmp(sha256, hex) == 0)
        return true;
    return error_tell(err, ERR_CHECKSUM, "the server stored something else (SHA-256 %s, not %s)",
                      sha256 ? sha256 : "unknown", hex);
}

static enum upload_outcome outcome_of(const json_t *record, bool existed)
{
    if (existed)
        return UPLOAD_SKIPPED;
    return view_text(record, "duplicate_of") ? UPLOAD_SHARED : UPLOAD_SENT;
}

static bool send_body(const struct upload_send *what, struct body *body,
                      const struct digests *digests, struct arena *mem, json_t **record,
                      enum upload_outcome *outcome, struct error *err)
{
    struct client_answer answer;

    if (!post(what, body, digests, mem, &answer, err))
        return false;
    if (!check_record(body, digests, answer.json, err)) {
        json_decref(answer.json);
        return false;
    }
    *record = answer.json;
    *outcome = outcome_of(answer.json, answer.status == 200);
    return true;
}

static bool send_chunks(const struct upload_send *what, struct body *body,
                        const struct digests *digests, struct arena *mem, json_t **record,
                        enum upload_outcome *outcome, struct error *err)
{
    char hex[HEX_SIZE(SHA256_BYTES)];
    struct upload_chunks upload = {
        .what = what, .fd = body->fd, .size_bytes = body->content.length, .sha256 = hex};
    scoped(json_decrefp) json_t *found = NULL;
    bool existed = false;

    hex_encode(digests->sha256, SHA256_BYTES, hex);
    if (!upload_in_chunks(&upload, mem, &found, &existed, err) ||
        !check_record(body, digests, found, err))
        return false;
    *outcome = outcome_of(found, existed);
    *record = take(found);
    return true;
}

bool upload_send(const struct upload_send *what, struct arena *mem, json_t **record,
                 enum upload_outcome *outcome, struct error *err)
{
    scoped(body_done) struct body body = {.path = what->file->path, .fd = -1, .meter = what->meter};
    struct digests digests;
    char hex[HEX_SIZE(SHA256_BYTES)];
    json_t *same = NULL;

    if (!open_body(what, &body, err))
        return false;
    if (what->file->is_stream)
        return send_body(what, &body, NULL, mem, record, outcome, err);
    if (!digest_file(&body, mem, &digests, err))
        return false;
    hex_encode(digests.sha256, SHA256_BYTES, hex);
    if (what->skip && !find_same(what, hex, mem, &same, err))
        return false;
    if (!same && body.content.length >= what->chunked_from_bytes)
        return send_chunks(what, &body, &digests, mem, record, outcome, err);
    upload_session_drop_old(what, mem);
    if (!same)
        return send_body(what, &body, &digests, mem, record, outcome, err);
    meter_shrink(what->meter, what->file->size_bytes);
    *record = same;
    *outcome = UPLOAD_SKIPPED;
    return true;
}
