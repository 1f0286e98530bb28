/* A long stage goes to the provider in parts, several at a time. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/percent.h"
#include "base/str.h"
#include "crypto/sha256.h"
#include "store/s3_multipart.h"

#define READ_BYTES ((size_t)256 << 10)
#define COMPLETE_TRIES 5 /* of a completion that fails with status 200 */

/* All of it, sent at once. */
struct transfer {
    struct s3_multipart multipart;
    atomic_size_t next; /* the part that nobody has taken yet */
    atomic_bool failed;

    pthread_mutex_t lock;
    struct error first; /* under LOCK: why, if FAILED */
    bool refused;       /* likewise: the provider does not take it */
};

/* ---- the parts ---- */

/* The MD5 only where it goes along: it is most of the work. */
static bool digest_part(const struct s3_outgoing *outgoing, uint64_t start, uint64_t length,
                        struct digests *out, struct error *err)
{
    bool has_md5 = outgoing->self->settings.checksum == S3_CHECKSUM_MD5;
    scoped(digest_release) struct digest *both = has_md5 ? digest_new(DIGEST_BEST) : NULL;
    scoped(sha256_release) struct sha256 *one = has_md5 ? NULL : sha256_new();
    scoped(memory_free) char *block = malloc(READ_BYTES);

    if (!block)
        abort();
    for (uint64_t done = 0; done < length;) {
        uint64_t left = length - done;
        size_t got, wanted = left < READ_BYTES ? (size_t)left : READ_BYTES;

        if (!fs_read_at(outgoing->fd, block, wanted, start + done, &got, "stage", err))
            return false;
        if (got == 0)
            return error_set(err, ERR_INCOMPLETE, "the stage ends before its size");
        if (both)
            digest_update(both, block, got);
        else
            sha256_update(one, block, got);
        done += got;
    }
    if (both)
        digest_peek(both, out);
    else
        sha256_finish(one, out->sha256);
    return true;
}

/* An ETag goes into XML. */
static bool etag_is_plain(const char *etag)
{
    return *etag && !strpbrk(etag, "<>&");
}

/* 408 and 429 only say that it took too long, or was too much. */
static bool is_refusal(const struct s3_reply *reply)
{
    return !reply->was_retried && reply->status >= 400 && reply->status < 500 &&
           reply->status != 408 && reply->status != 429;
}

static struct s3_part part_at(const struct s3_multipart *multipart, size_t index)
{
    uint64_t start = index * multipart->part_bytes, left = multipart->outgoing->size - start;

    if (multipart->parts)
        return multipart->parts[index];
    return (struct s3_part){start, left < multipart->part_bytes ? left : multipart->part_bytes,
                            NULL};
}

bool s3_multipart_send(const struct s3_multipart *multipart, size_t index, const atomic_bool *stop,
                       char etag[static S3_ETAG_SIZE], bool *refused, struct error *err)
{
    const struct s3_outgoing *outgoing = multipart->outgoing;
    enum s3_checksum checksum = outgoing->self->settings.checksum;
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_part part = part_at(multipart, index);
    char number[24], hex[HEX_SIZE(SHA256_BYTES)], md5[BASE64_SIZE(MD5_BYTES)];
    const struct s3_field query[] = {{"partNumber", number}, {"uploadId", multipart->id}};
    const struct s3_field headers[] = {{"content-md5", md5}};
    struct s3_call call = {
        .method = "PUT",
        .key = outgoing->key,
        .query = query,
        .query_count = COUNT_OF(query),
        .headers = headers,
        .header_count = checksum == S3_CHECKSUM_MD5,
        .body = {.fd = outgoing->fd, .offset = part.start, .length = part.length},
        .stop = stop};
    struct digests digests = {0};

    s3_reply_init(&reply);
    snprintf(number, sizeof number, "%zu", index + 1);
    if (checksum != S3_CHECKSUM_NONE) {
        if (!digest_part(outgoing, part.start, part.length, &digests, err))
            return false;
        hex_encode(digests.sha256, SHA256_BYTES, hex);
        base64_encode(digests.md5, MD5_BYTES, md5);
        call.sha256 = hex;
    }
    bool answered = s3_call(outgoing->self->client, &call, &reply, err);
    if (refused)
        *refused = answered ? reply.status != 200 : is_refusal(&reply);
    if (!answered)
        return false;
    if (reply.status != 200 || !etag_is_plain(reply.etag))
        return error_set(err, ERR_UNAVAILABLE, "the provider answered %ld", reply.status);
    memcpy(etag, reply.etag, sizeof reply.etag);
    return true;
}

/* From where the provider takes the bytes of a part. */
struct origin {
    const char *source; /* x-amz-copy-source */
    const char *etag;   /* that it must still have; NULL: it never changes */
    uint64_t start;     /* of the part, in it */
};

static bool copy_from(const struct s3_multipart *multipart, size_t index,
                      const struct origin *origin, char out[static S3_ETAG_SIZE], struct error *err)
{
    const struct s3_outgoing *outgoing = multipart->outgoing;
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(s3_reply_done) struct s3_reply reply;
    uint64_t length = part_at(multipart, index).length;
    const char *etag;
    char number[24], range[64], code[S3_CODE_SIZE];
    const struct s3_field query[] = {{"partNumber", number}, {"uploadId", multipart->id}};
    const struct s3_field headers[] = {{"x-amz-copy-source", origin->source},
                                       {"x-amz-copy-source-range", range},
                                       {"x-amz-copy-source-if-match", origin->etag}};
    struct s3_call call = {.method = "PUT",
                           .key = outgoing->key,
                           .query = query,
                           .query_count = COUNT_OF(query),
                           .headers = headers,
                           .header_count = COUNT_OF(headers) - !origin->etag,
                           .body.bytes = ""};

    snprintf(number, sizeof number, "%zu", index + 1);
    snprintf(range, sizeof range, "bytes=%llu-%llu", (unsigned long long)origin->start,
             (unsigned long long)(origin->start + length - 1));
    s3_reply_init(&reply);
    if (!s3_call(outgoing->self->client, &call, &reply, err))
        return false;
    if (reply.status != 200)
        return error_set(err, ERR_UNAVAILABLE, "the provider answered %ld %s", reply.status,
                         reply.code);
    if (!s3_xml_copied(reply.text.length ? reply.text.bytes : "", reply.text.length, true, mem,
                       &etag, code, err))
        return false;
    if (*code || !etag_is_plain(etag) || strlen(etag) >= S3_ETAG_SIZE)
        return error_set(err, ERR_UNAVAILABLE, "the provider answered 200 %s", code);
    memcpy(out, etag, strlen(etag) + 1);
    return true;
}

/* A piece of the bytes that the provider has. It may be gone, or not be copied there: then they are
 * sent. */
static bool copy_piece(const struct s3_multipart *multipart, size_t index,
                       char etag[static S3_ETAG_SIZE])
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_store *self = multipart->outgoing->self;
    struct s3_part part = part_at(multipart, index);
    char full[S3_KEY_MAX + 1];
    struct error ignored;
    struct origin origin = {0};

    if (!s3_full_key(self, part.source->key, full, &ignored))
        return false;
    origin.source =
        percent_encode(arena_printf(mem, "%s/%s", self->settings.bucket, full), true, mem);
    origin.start = part.start - part.source->start;
    return copy_from(multipart, index, &origin, etag, &ignored);
}

static bool bring(const struct s3_multipart *multipart, size_t index,
                  char etag[static S3_ETAG_SIZE], bool *refused, struct error *err)
{
    const struct s3_outgoing *outgoing = multipart->outgoing;
    struct s3_part part = part_at(multipart, index);
    const struct origin origin = {outgoing->source, outgoing->source_etag, part.start};

    if (outgoing->source)
        return copy_from(multipart, index, &origin, etag, err);
    return (part.source && copy_piece(multipart, index, etag)) ||
           s3_multipart_send(multipart, index, NULL, etag, refused, err);
}

static void fail(struct transfer *transfer, size_t index, bool refused, const struct error *err)
{
    pthread_mutex_lock(&transfer->lock);
    if (!atomic_exchange(&transfer->failed, true)) {
        transfer->first = *err;
        transfer->refused = refused;
        error_context(&transfer->first, "part %zu", index + 1);
    }
    pthread_mutex_unlock(&transfer->lock);
}

static void *send_parts(void *context)
{
    struct transfer *transfer = context;
    const struct s3_multipart *multipart = &transfer->multipart;
    struct error err;

    while (!atomic_load(&transfer->failed)) {
        size_t index = atomic_fetch_add(&transfer->next, 1);
        bool refused = false;

        if (index >= multipart->count)
            break;
        if (!bring(multipart, index, multipart->etags[index], &refused, &err))
            fail(transfer, index, refused, &err);
    }
    return NULL;
}

/* This thread and as many more as there may be, or as the system grants. */
static bool send_all(struct transfer *transfer, struct error *err)
{
    pthread_t threads[64];
    size_t wanted = transfer->multipart.outgoing->self->settings.parts_at_once, made = 0;

    assert(wanted <= COUNT_OF(threads));
    if (wanted > transfer->multipart.count)
        wanted = transfer->multipart.count;
    while (made + 1 < wanted && pthread_create(&threads[made], NULL, send_parts, transfer) == 0)
        made++;
    send_parts(transfer);
    for (size_t i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    if (atomic_load(&transfer->failed))
        *err = transfer->first;
    return !atomic_load(&transfer->failed);
}

/* ---- beginning and end ---- */

bool s3_multipart_begin(const struct s3_outgoing *outgoing, struct arena *mem,
                        const atomic_bool *stop, const char **id, struct error *err)
{
    static const struct s3_field query[] = {{"uploads", ""}};
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_call call = {.method = "POST",
                           .key = outgoing->key,
                           .query = query,
                           .query_count = 1,
                           .headers = outgoing->headers,
                           .header_count = outgoing->header_count,
                           .stop = stop};

    s3_reply_init(&reply);
    call.body.bytes = "";
    if (!s3_call(outgoing->self->client, &call, &reply, err))
        return false;
    if (reply.status != 200)
        return error_set(err, ERR_UNAVAILABLE, "the provider answered %ld", reply.status);
    return s3_xml_initiated(reply.text.bytes, reply.text.length, mem, id, err);
}

static void write_list(const struct s3_multipart *multipart, struct buf *out)
{
    buf_init(out, S3_XML_MAX);
    buf_add_text(out, "<CompleteMultipartUpload "
                      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < multipart->count; i++)
        buf_printf(out, "<Part><PartNumber>%zu</PartNumber><ETag>%s</ETag></Part>", i + 1,
                   multipart->etags[i]);
    buf_add_text(out, "</CompleteMultipartUpload>");
    assert(!out->overflow);
}

enum outcome { COMPLETE, AGAIN, NOT_KNOWN, REFUSED };

static enum outcome read_answer(const struct s3_reply *reply, struct error *err)
{
    char code[S3_CODE_SIZE];

    if (reply->status != 200) {
        error_set(err, ERR_UNAVAILABLE, "the provider answered %ld %s", reply->status, reply->code);
        return NOT_KNOWN; /* 404 and 412 also after a completion whose answer was lost */
    }
    if (!s3_xml_completed(reply->text.bytes, reply->text.length, code, err))
        return NOT_KNOWN;
    if (code[0] == '\0')
        return COMPLETE;
    error_set(err, ERR_UNAVAILABLE, "the provider answered 200 %s", code);
    return strcmp(code, "InternalError") == 0 || strcmp(code, "SlowDown") == 0 ||
                   strcmp(code, "ServiceUnavailable") == 0 || strcmp(code, "RequestTimeout") == 0
               ? AGAIN
               : REFUSED;
}

/* Whether nothing of the completion is under way any more: the provider's first answer is a
 * refusal. An attempt before it, without an answer, may still be carried out. */
static bool is_settled(const struct s3_reply *reply, enum outcome outcome)
{
    return outcome == COMPLETE || is_refusal(reply) || (outcome == REFUSED && !reply->was_retried);
}

/* *IN_DOUBT becomes true if it may be carried out later. */
static enum outcome try_complete(const struct s3_multipart *multipart, const struct buf *list,
                                 bool *in_doubt, struct error *err)
{
    const struct s3_outgoing *outgoing = multipart->outgoing;
    const struct s3_field query[] = {{"uploadId", multipart->id}};
    static const struct s3_field headers[] = {{"content-type", "application/xml"},
                                              {"if-none-match", "*"}};
    scoped(s3_reply_done) struct s3_reply reply;
    enum outcome outcome;
    bool is_conditional = outgoing->self->settings.conditional_writes && !outgoing->replaces;
    struct s3_call call = {.method = "POST",
                           .key = outgoing->key,
                           .query = query,
                           .query_count = 1,
                           .headers = headers,
                           .header_count = is_conditional ? 2 : 1,
                           .body = {.bytes = list->bytes, .length = list->length}};

    s3_reply_init(&reply);
    if (s3_call(outgoing->self->client, &call, &reply, err))
        outcome = read_answer(&reply, err);
    else
        outcome = is_refusal(&reply) ? REFUSED : NOT_KNOWN;
    *in_doubt = *in_doubt || !is_settled(&reply, outcome);
    return outcome;
}

/* Whether the object came about all the same. ERR stays as it is if not. */
static bool came_about(const struct s3_outgoing *outgoing, enum outcome outcome, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    struct error ignored;
    bool found;

    s3_reply_init(&reply);
    if (outgoing->replaces) /* an object is there either way: its class tells the caller */
        return outcome == NOT_KNOWN;
    if (!s3_look(outgoing->self, outgoing->key, &found, &reply, &ignored) || !found)
        return false;
    return s3_is_ours(outgoing, &reply) || error_set(err, ERR_EXISTS, "the key is taken");
}

/* The key may have been taken since the transfer was begun, and not every provider heeds the
 * condition that a completion carries: Ceph's of before version 18 puts the new object in place of
 * the old. A moment between the two stays; only another attempt of our own can use it. */
static bool key_is_free(const struct s3_outgoing *outgoing, bool *is_ours, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    bool found = false;

    s3_reply_init(&reply);
    *is_ours = false;
    if (outgoing->replaces)
        return true;
    if (!s3_look(outgoing->self, outgoing->key, &found, &reply, err))
        return false;
    *is_ours = found && s3_is_ours(outgoing, &reply);
    return !found || *is_ours || error_set(err, ERR_EXISTS, "the key is taken");
}

bool s3_multipart_complete(const struct s3_multipart *multipart, struct s3_ending *ending,
                           struct error *err)
{
    scoped(buf_release) struct buf list = {0};
    enum outcome outcome = AGAIN;

    *ending = (struct s3_ending){0};
    if (!key_is_free(multipart->outgoing, &ending->was_there, err))
        return false;
    if (ending->was_there)
        return true;
    write_list(multipart, &list);
    for (int i = 0; outcome == AGAIN && i < COMPLETE_TRIES; i++)
        outcome = try_complete(multipart, &list, &ending->in_doubt, err);
    ending->refused = outcome == REFUSED;
    return outcome == COMPLETE || came_about(multipart->outgoing, outcome, err);
}

uint64_t s3_part_bytes(const struct s3_store *self, uint64_t size)
{
    uint64_t least = (size + S3_PARTS_MAX - 1) / S3_PARTS_MAX;
    uint64_t wanted = self->settings.part_bytes;

    return least > wanted ? least : wanted;
}

/* All of it, from the first byte on. */
static void plan_plain(struct s3_multipart *multipart)
{
    multipart->parts = NULL;
    multipart->count =
        (size_t)((multipart->outgoing->size + multipart->part_bytes - 1) / multipart->part_bytes);
}

/* By what the provider has already, if that is of use. */
static void plan(struct s3_multipart *multipart, struct arena *mem)
{
    const struct s3_outgoing *outgoing = multipart->outgoing;
    struct s3_part *parts;

    plan_plain(multipart);
    if (outgoing->piece_count > 0 && !outgoing->self->settings.equal_parts &&
        s3_compose(outgoing->pieces, outgoing->piece_count, outgoing->size, multipart->part_bytes,
                   mem, &parts, &multipart->count))
        multipart->parts = parts;
}

/* *REFUSED if the provider does not take it so. */
static bool send_planned(const struct s3_multipart *planned, struct arena *mem, bool *refused,
                         struct error *err)
{
    const struct s3_outgoing *outgoing = planned->outgoing;
    struct transfer transfer = {.multipart = *planned};
    struct s3_multipart *multipart = &transfer.multipart;
    struct s3_ending ending = {0};
    bool good;

    *refused = false;
    multipart->etags = arena_array(mem, multipart->count, sizeof *multipart->etags);
    if (!s3_multipart_begin(outgoing, mem, NULL, &multipart->id, err))
        return false;
    pthread_mutex_init(&transfer.lock, NULL);
    good = send_all(&transfer, err) && s3_multipart_complete(multipart, &ending, err);
    *refused = ending.refused || transfer.refused;
    pthread_mutex_destroy(&transfer.lock);
    /* What cannot be given up now the sweep finds: store_list_unfinished. Where the
     * completion's answer was lost, nothing is given up, be the object there or not: it may still
     * be under way, and there are gateways (Ceph's of version 17) that then take the parts from
     * under the object. */
    if ((!good || ending.was_there) && !ending.in_doubt)
        s3_abort_soon(outgoing->self, outgoing->key, multipart->id);
    return good;
}

bool s3_send_parts(const struct s3_outgoing *outgoing, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_multipart multipart = {.outgoing = outgoing,
                                     .part_bytes = s3_part_bytes(outgoing->self, outgoing->size)};
    bool refused;

    plan(&multipart, mem);
    if (send_planned(&multipart, mem, &refused, err))
        return true;
    if (!multipart.parts || !refused || err->kind == ERR_EXISTS)
        return false;
    /* Not every provider takes parts of different lengths. */
    log_event(LOG_INFO, "an object of pieces is refused and is sent as a whole",
              log_text("error", err->log));
    plan_plain(&multipart);
    return send_planned(&multipart, mem, &refused, err);
}
