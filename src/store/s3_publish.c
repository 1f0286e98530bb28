/* A stage becomes an object: sent, looked at, and only then answered. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/percent.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "store/s3_early.h"

#define READ_BYTES ((size_t)256 << 10)
/* All of an object's own metadata takes 2 KiB at most: S3's limit. */
#define FILENAME_ENCODED_MAX 1600

bool s3_is_ours(const struct s3_outgoing *outgoing, const struct s3_reply *reply)
{
    return reply->length == outgoing->size && strcmp(reply->stage, outgoing->stage_id) == 0 &&
           (!*reply->sha256 || strcmp(reply->sha256, outgoing->sha256) == 0);
}

/* ---- what the object says of itself ---- */

void s3_outgoing_say(struct s3_outgoing *outgoing, const char *name, const char *value)
{
    assert(outgoing->header_count < S3_OBJECT_HEADERS_MAX);
    if (value && *value)
        outgoing->headers[outgoing->header_count++] = (struct s3_field){name, value};
}

void s3_outgoing_place(struct s3_outgoing *outgoing, const char *storage_class)
{
    const struct s3_settings *settings = &outgoing->self->settings;

    s3_outgoing_say(outgoing, "x-amz-storage-class",
                    storage_class ? storage_class : settings->storage_class);
    s3_outgoing_say(outgoing, "x-amz-server-side-encryption", settings->encryption);
    s3_outgoing_say(outgoing, "x-amz-server-side-encryption-aws-kms-key-id",
                    settings->encryption_key);
}

/* A client may have said what no header can hold. */
static const char *type_of(const struct object_facts *facts)
{
    const char *type = facts && facts->content_type ? facts->content_type : "";
    size_t length = strlen(type);

    for (size_t i = 0; i < length; i++)
        if (type[i] < ' ' || type[i] > '~')
            length = 0;
    return length > 0 && length < 256 ? type : "application/octet-stream";
}

/* Cut between escapes, should it be too long. */
static const char *filename_of(const struct object_facts *facts, struct arena *mem)
{
    char *text;

    if (!facts || !facts->original_filename)
        return NULL;
    text = percent_encode(facts->original_filename, false, mem);
    if (strlen(text) <= FILENAME_ENCODED_MAX)
        return text;
    size_t end = FILENAME_ENCODED_MAX;
    while (text[end - 1] == '%' || text[end - 2] == '%')
        end--;
    text[end] = '\0';
    return text;
}

void s3_outgoing_describe(struct s3_outgoing *outgoing, const struct object_facts *facts,
                          struct arena *mem)
{
    char *time = arena_alloc(mem, TIME_RFC3339_SIZE);

    time_to_rfc3339(
        facts && facts->uploaded_at_us ? facts->uploaded_at_us : clock_now_us(&clock_system), time);
    s3_outgoing_say(outgoing, "content-type", type_of(facts));
    s3_outgoing_say(outgoing, "x-amz-meta-original-filename", filename_of(facts, mem));
    s3_outgoing_say(outgoing, "x-amz-meta-upload-timestamp", time);
    s3_outgoing_say(outgoing, "x-amz-meta-sha256", outgoing->sha256);
    s3_outgoing_say(outgoing, "x-amz-meta-stage", outgoing->stage_id);
    s3_outgoing_place(outgoing, NULL);
}

/* ---- what is sent ---- */

static bool find_digest(struct s3_outgoing *outgoing, const struct object_facts *facts,
                        struct arena *mem, struct error *err)
{
    scoped(digest_release) struct digest *digest = NULL;
    scoped(memory_free) char *block = NULL;
    struct digests digests;
    char *hex = arena_alloc(mem, HEX_SIZE(SHA256_BYTES));

    outgoing->sha256 = facts ? facts->sha256 : NULL;
    if (outgoing->sha256)
        return true;
    digest = digest_new(DIGEST_BEST);
    block = malloc(READ_BYTES);
    if (!block)
        abort();
    for (uint64_t at = 0; at < outgoing->size;) {
        uint64_t left = outgoing->size - at;
        size_t got, wanted = left < READ_BYTES ? (size_t)left : READ_BYTES;

        if (!fs_read_at(outgoing->fd, block, wanted, at, &got, "stage", err))
            return false;
        if (got == 0)
            return error_set(err, ERR_INCOMPLETE, "the stage ends before its size");
        digest_update(digest, block, got);
        at += got;
    }
    digest_peek(digest, &digests);
    hex_encode(digests.sha256, SHA256_BYTES, hex);
    outgoing->sha256 = hex;
    return true;
}

static bool check_size(const struct s3_outgoing *outgoing, struct error *err)
{
    struct stat st;

    if (fstat(outgoing->fd, &st) != 0)
        return error_errno(err, "stat");
    return (uint64_t)st.st_size >= outgoing->size ||
           error_set(err, ERR_INCOMPLETE, "the stage holds %lld of %llu bytes",
                     (long long)st.st_size, (unsigned long long)outgoing->size);
}

static bool content_md5(const struct s3_outgoing *outgoing, char out[static BASE64_SIZE(MD5_BYTES)],
                        struct error *err)
{
    scoped(memory_free) char *bytes = malloc(outgoing->size + 1);
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    struct digests digests;
    size_t got;

    if (!bytes)
        abort();
    if (!fs_read_at(outgoing->fd, bytes, outgoing->size, 0, &got, "stage", err))
        return false;
    digest_update(digest, bytes, got);
    digest_peek(digest, &digests);
    base64_encode(digests.md5, MD5_BYTES, out);
    return true;
}

/* Who has the key: *TAKEN if there is an object, which must be ours. */
static bool find_owner(const struct s3_outgoing *outgoing, bool *taken, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;

    s3_reply_init(&reply);
    if (!s3_look(outgoing->self, outgoing->key, taken, &reply, err))
        return false;
    return !*taken || s3_is_ours(outgoing, &reply) ||
           error_set(err, ERR_EXISTS, "the key is taken");
}

/* The PUT was refused because there is an object, which an attempt whose answer was lost may have
 * made; or it was removed just now. */
static bool settle_refusal(const struct s3_outgoing *outgoing, struct error *err)
{
    bool taken;

    return find_owner(outgoing, &taken, err) &&
           (taken || error_set(err, ERR_UNAVAILABLE, "the key was taken and is free again"));
}

static bool send_whole(const struct s3_outgoing *outgoing, struct error *err)
{
    const struct s3_settings *settings = &outgoing->self->settings;
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_field headers[S3_OBJECT_HEADERS_MAX + 2];
    char md5[BASE64_SIZE(MD5_BYTES)];
    struct s3_call call = {.method = "PUT",
                           .key = outgoing->key,
                           .headers = headers,
                           .header_count = outgoing->header_count,
                           .body = {.fd = outgoing->fd, .length = outgoing->size}};

    s3_reply_init(&reply);
    memcpy(headers, outgoing->headers, outgoing->header_count * sizeof *headers);
    if (settings->conditional_writes)
        headers[call.header_count++] = (struct s3_field){"if-none-match", "*"};
    if (settings->checksum != S3_CHECKSUM_NONE)
        call.sha256 = outgoing->sha256;
    if (settings->checksum == S3_CHECKSUM_MD5) {
        if (!content_md5(outgoing, md5, err))
            return false;
        headers[call.header_count++] = (struct s3_field){"content-md5", md5};
    }
    if (!s3_call(outgoing->self->client, &call, &reply, err))
        return false;
    if (reply.status == 412 || reply.status == 409)
        return settle_refusal(outgoing, err);
    return reply.status == 200 ||
           error_set(err, ERR_UNAVAILABLE, "the provider answered %ld", reply.status);
}

/* ---- all of it ---- */

static bool send(struct s3_early *early, const struct s3_outgoing *outgoing, struct error *err)
{
    const struct s3_settings *settings = &outgoing->self->settings;
    bool in_parts = outgoing->size > settings->part_bytes, taken = false;

    if (early && !s3_early_finish(early, outgoing, &taken, err))
        return false;
    if (taken)
        return true;

    /* Completing a multipart upload under a condition is younger than PUT under one, and some
     * providers pass over it. */
    if ((in_parts || !settings->conditional_writes) && !find_owner(outgoing, &taken, err))
        return false;
    return taken || (in_parts ? s3_send_parts(outgoing, err) : send_whole(outgoing, err));
}

/* What the provider has is what was sent, as far as it says. */
static bool look_again(const struct s3_outgoing *outgoing, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    bool found;

    s3_reply_init(&reply);
    if (!s3_look(outgoing->self, outgoing->key, &found, &reply, err))
        return false;
    if (!found)
        return error_set(err, ERR_UNAVAILABLE, "the object is not there after it was written");
    return s3_is_ours(outgoing, &reply) ||
           error_set(err, ERR_UNAVAILABLE,
                     "the object has %llu bytes after it was written, not %llu",
                     (unsigned long long)reply.length, (unsigned long long)outgoing->size);
}

/* Whoever discarded the stage meanwhile has removed, or is about to remove, what it became: which
 * was not there yet. */
static bool check_stage(struct s3_store *self, const char *id, const char *key, struct error *err)
{
    scoped(stage_release) struct stage *stage = NULL;
    struct error failed;

    if (store_stage_open(self->spool, id, &stage, err))
        return true;
    if (err->kind == ERR_NOT_FOUND && !s3_remove(&self->base, key, &failed))
        error_context(err, "and the object could not be removed: %.200s", failed.log);
    return false;
}

bool s3_stage_publish(struct stage *stage, uint64_t size, const char *key, struct error *err)
{
    struct s3_store *self = s3_store(stage->store);
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(stage_release) struct stage *inner = NULL;
    char full[S3_KEY_MAX + 1];
    struct s3_outgoing outgoing = {.self = self, .key = full, .stage_id = stage->id, .size = size};
    struct error ignored;

    if (!s3_full_key(self, key, full, err) ||
        !store_stage_open(self->spool, stage->id, &inner, err))
        return false;
    outgoing.fd = stage_fd(inner);
    outgoing.pieces = stage->sources;
    outgoing.piece_count = stage->source_count;
    if (!check_size(&outgoing, err) || !find_digest(&outgoing, stage->facts, mem, err))
        return false;
    s3_outgoing_describe(&outgoing, stage->facts, mem);
    if (!send(s3_stage(stage)->early, &outgoing, err) || !look_again(&outgoing, err) ||
        !check_stage(self, stage->id, key, err))
        return false;
    /* What cannot be discarded now has no owner any more, and the sweep finds it. */
    store_stage_discard(self->spool, stage->id, &ignored);
    return true;
}
