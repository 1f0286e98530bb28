#include "cli/download.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/str.h"
#include "crypto/digest.h"

#define READ_BYTES (256 * 1024)

/* The state of one transfer into a file or a stream. */
struct transfer {
    struct sink sink;
    const struct download *what;
    int fd;          /* of PATH.part; -1: a stream */
    FILE *stream;    /* NULL: a file */
    uint64_t offset; /* bytes that are there, and in the digest */
    struct digest *digest;
};

static void transfer_done(struct transfer *transfer)
{
    digest_free(transfer->digest);
    if (transfer->fd >= 0)
        close(transfer->fd);
}

static void restart_digest(struct transfer *transfer)
{
    digest_free(transfer->digest);
    transfer->digest = digest_new(DIGEST_BEST);
    meter_add(transfer->what->meter, -(int64_t)transfer->offset);
    transfer->offset = 0;
}

static void take_in(struct transfer *transfer, const void *bytes, size_t length)
{
    digest_update(transfer->digest, bytes, length);
    transfer->offset += length;
    meter_add(transfer->what->meter, (int64_t)length);
}

static bool write_bytes(struct sink *self, const void *bytes, size_t length, struct error *err)
{
    struct transfer *transfer = container_of(self, struct transfer, sink);

    if (transfer->offset + length > transfer->what->size_bytes)
        return error_tell(err, ERR_CHECKSUM, "more bytes arrive than the record says");
    if (transfer->stream) {
        if (fwrite(bytes, 1, length, transfer->stream) != length)
            return error_errno(err, "standard output");
    } else if (!fs_write_at(transfer->fd, bytes, length, transfer->offset, transfer->what->path,
                            err)) {
        return false;
    }
    take_in(transfer, bytes, length);
    return true;
}

/* 206 goes on where we are; 200 is the whole again. */
static bool begin_body(void *context, const struct client_request *request, long status,
                       struct error *err)
{
    struct transfer *transfer = context;

    (void)request;
    if (status == 206 || transfer->offset == 0)
        return true;
    if (transfer->stream)
        return error_tell(err, ERR_UNAVAILABLE, "the connection broke, and cannot be taken up");
    restart_digest(transfer);
    return ftruncate(transfer->fd, 0) == 0 || error_errno(err, "%s.part", transfer->what->path);
}

/* The ETag that If-Range names, so that bytes of other content are never put behind ours. */
static bool ask_etag(const struct connection *connection, const char *target, struct arena *mem,
                     const char **etag, struct error *err)
{
    struct client_request request = {.method = "HEAD", .target = target, .repeatable = true};
    struct client_answer answer;

    if (!client_send(connection->client, &request, mem, &answer, err))
        return false;
    json_decref(answer.json);
    *etag = answer.etag;
    return true;
}

static bool fetch_once(struct transfer *transfer, struct arena *mem, struct error *err)
{
    const struct connection *connection = transfer->what->connection;
    char *path = connect_path(mem, "uploads", transfer->what->id, "content");
    char *target = connect_target(connection, mem, path, NULL);
    const char *headers[3] = {NULL}, *etag = NULL;
    struct client_request request = {.method = "GET",
                                     .target = target,
                                     .sink = &transfer->sink,
                                     .begin = begin_body,
                                     .context = transfer,
                                     .headers = headers,
                                     .repeatable = true};
    struct client_answer answer;

    if (transfer->offset > 0) {
        if (!ask_etag(connection, target, mem, &etag, err))
            return false;
        headers[0] = arena_printf(mem, "Range: bytes=%llu-", (unsigned long long)transfer->offset);
        headers[1] = etag ? arena_printf(mem, "If-Range: %s", etag) : NULL;
    }
    return client_send(connection->client, &request, mem, &answer, err);
}

/* Fetches what is missing; goes on after a broken connection as long as bytes still come. */
static bool fetch_rest(struct transfer *transfer, struct arena *mem, struct error *err)
{
    unsigned failures = 0;

    while (transfer->offset < transfer->what->size_bytes) {
        uint64_t before = transfer->offset;

        if (fetch_once(transfer, mem, err)) {
            if (transfer->offset > before)
                continue;
            return error_tell(err, ERR_INTERNAL, "the server sent no bytes");
        }
        failures = transfer->offset > before ? 0 : failures + 1;
        if (err->kind != ERR_UNAVAILABLE || failures > 0)
            return false;
    }
    return true;
}

static bool is_right(const struct transfer *transfer)
{
    struct digests digests;
    char hex[HEX_SIZE(SHA256_BYTES)];

    digest_peek(transfer->digest, &digests);
    hex_encode(digests.sha256, SHA256_BYTES, hex);
    return strcmp(hex, transfer->what->sha256) == 0;
}

static bool wrong_content(const struct transfer *transfer, struct error *err)
{
    return error_tell(err, ERR_CHECKSUM, "what arrived does not have the SHA-256 %s",
                      transfer->what->sha256);
}

/* Reads what an earlier run left into the digest. */
static bool take_up(struct transfer *transfer, const char *part, struct arena *mem,
                    struct error *err)
{
    char *block = arena_alloc(mem, READ_BYTES);
    size_t got;

    do {
        if (!fs_read_at(transfer->fd, block, READ_BYTES, transfer->offset, &got, part, err))
            return false;
        if (transfer->offset + got > transfer->what->size_bytes)
            break; /* it is of something else */
        take_in(transfer, block, got);
    } while (got > 0);
    if (got == 0)
        return true;
    restart_digest(transfer);
    return ftruncate(transfer->fd, 0) == 0 || error_errno(err, "%s", part);
}

static bool open_part(struct transfer *transfer, const char *part, struct error *err)
{
    struct stat facts;

    transfer->fd = open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (transfer->fd < 0)
        return error_errno(err, "%s", part);
    if (fstat(transfer->fd, &facts) < 0 || !S_ISREG(facts.st_mode))
        return error_tell(err, ERR_CONFLICT, "%s is no file", part);
    if (flock(transfer->fd, LOCK_EX | LOCK_NB) < 0)
        return error_tell(err, ERR_CONFLICT, "%s: another run is writing it", part);
    return true;
}

static bool fetch_and_check(struct transfer *transfer, const char *part, struct arena *mem,
                            struct error *err)
{
    bool resumed;

    if (!take_up(transfer, part, mem, err))
        return false;
    resumed = transfer->offset > 0;
    if (!fetch_rest(transfer, mem, err))
        return false;
    if (!is_right(transfer) && resumed) {
        /* The earlier bytes were of something else with the same name: once more from the start. */
        restart_digest(transfer);
        if (ftruncate(transfer->fd, 0) < 0)
            return error_errno(err, "%s", part);
        if (!fetch_rest(transfer, mem, err))
            return false;
    }
    if (is_right(transfer))
        return true;
    unlink(part);
    return wrong_content(transfer, err);
}

static bool put_in_place(const struct transfer *transfer, const char *part, struct error *err)
{
    const char *path = transfer->what->path;

    if (fsync(transfer->fd) < 0)
        return error_errno(err, "%s", part);
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, transfer->what->force ? 0 : RENAME_NOREPLACE) ==
        0)
        return true;
    if (errno == EEXIST)
        return error_tell(err, ERR_EXISTS, "%s is there already; --force replaces it", path);
    return error_errno(err, "%s", path);
}

bool download_to_file(const struct download *what, struct arena *mem, struct error *err)
{
    scoped(transfer_done) struct transfer transfer = {
        .sink = {write_bytes}, .what = what, .fd = -1, .digest = digest_new(DIGEST_BEST)};
    const char *part = arena_printf(mem, "%s.part", what->path);

    if (!what->force && access(what->path, F_OK) == 0)
        return error_tell(err, ERR_EXISTS, "%s is there already; --force replaces it", what->path);
    return open_part(&transfer, part, err) && fetch_and_check(&transfer, part, mem, err) &&
           put_in_place(&transfer, part, err);
}

bool download_to_stream(const struct download *what, FILE *out, struct arena *mem,
                        struct error *err)
{
    scoped(transfer_done) struct transfer transfer = {.sink = {write_bytes},
                                                      .what = what,
                                                      .fd = -1,
                                                      .stream = out,
                                                      .digest = digest_new(DIGEST_BEST)};

    return fetch_rest(&transfer, mem, err) &&
           (is_right(&transfer) || wrong_content(&transfer, err));
}
