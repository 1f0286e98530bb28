/* Copies that the provider makes, changes of class, restoring. */
#include <stdio.h>
#include <string.h>

#include "base/percent.h"
#include "base/str.h"
#include "store/s3.h"

static bool unexpected(const struct s3_reply *reply, struct error *err)
{
    return error_set(err, ERR_UNAVAILABLE, "the provider answered %ld %s", reply->status,
                     reply->code);
}

/* ---- from what, to what ---- */

static bool look_at(struct s3_store *self, const char *key, struct s3_reply *reply,
                    struct store_object *out, struct error *err)
{
    bool found;

    if (!s3_look(self, key, &found, reply, err))
        return false;
    if (!found)
        return s3_absent(self, err);
    s3_read_availability(self, reply, out);
    return true;
}

static bool is_readable(const struct store_object *object, struct error *err)
{
    return object->availability == STORE_AT_HAND || object->availability == STORE_RESTORED ||
           error_tell(err, ERR_CONFLICT, "the content is archived and must be restored first");
}

/* All is said again: a copy in parts takes nothing over by itself, and a copy onto itself must
 * replace what it says. */
static void outgoing_of(struct s3_store *self, const char *from, const char *to,
                        const struct s3_reply *source, const char *storage_class, struct arena *mem,
                        struct s3_outgoing *out)
{
    *out = (struct s3_outgoing){.self = self,
                                .key = to,
                                .stage_id = source->stage,
                                .sha256 = source->sha256,
                                .fd = -1,
                                .size = source->length,
                                .source_etag = source->etag,
                                .replaces = strcmp(from, to) == 0};
    out->source =
        percent_encode(arena_printf(mem, "%s/%s", self->settings.bucket, from), true, mem);
    s3_outgoing_say(out, "content-type", source->content_type);
    s3_outgoing_say(out, "x-amz-meta-original-filename", source->filename);
    s3_outgoing_say(out, "x-amz-meta-upload-timestamp", source->timestamp);
    s3_outgoing_say(out, "x-amz-meta-sha256", source->sha256);
    s3_outgoing_say(out, "x-amz-meta-stage", source->stage);
    s3_outgoing_place(out, storage_class);
}

/* ---- one request ---- */

static bool copy_whole(const struct s3_outgoing *outgoing, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_field headers[S3_OBJECT_HEADERS_MAX + 3];
    char code[S3_CODE_SIZE];
    const char *etag;
    size_t count = outgoing->header_count;
    struct s3_call call = {
        .method = "PUT", .key = outgoing->key, .headers = headers, .body.bytes = ""};

    memcpy(headers, outgoing->headers, count * sizeof *headers);
    headers[count++] = (struct s3_field){"x-amz-copy-source", outgoing->source};
    headers[count++] = (struct s3_field){"x-amz-copy-source-if-match", outgoing->source_etag};
    headers[count++] = (struct s3_field){"x-amz-metadata-directive", "REPLACE"};
    call.header_count = count;
    s3_reply_init(&reply);
    if (!s3_call(outgoing->self->client, &call, &reply, err))
        return false;
    if (reply.status != 200)
        return unexpected(&reply, err);
    return s3_xml_copied(reply.text.length ? reply.text.bytes : "", reply.text.length, false, mem,
                         &etag, code, err) &&
           (!*code || error_set(err, ERR_UNAVAILABLE, "the provider answered 200 %s", code));
}

static bool copy(const struct s3_outgoing *outgoing, struct error *err)
{
    return outgoing->size > outgoing->self->settings.copy_bytes ? s3_send_parts(outgoing, err)
                                                                : copy_whole(outgoing, err);
}

/* What came of it, by what the provider has; STORAGE_CLASS may be NULL. */
static bool check_copy(const struct s3_outgoing *outgoing, const char *storage_class,
                       struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    struct store_object object;

    s3_reply_init(&reply);
    if (!look_at(outgoing->self, outgoing->key, &reply, &object, err))
        return false;
    if (!s3_is_ours(outgoing, &reply))
        return error_set(err, ERR_UNAVAILABLE, "the copy is another object than its source");
    return !storage_class || strcmp(object.storage_class, storage_class) == 0 ||
           error_set(err, ERR_UNAVAILABLE, "the object is of class %s afterwards",
                     object.storage_class);
}

/* ---- copy ---- */

/* *IS_COPY if TO is what outgoing was to become. */
static bool check_free(const struct s3_outgoing *outgoing, bool *is_copy, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    bool found;

    s3_reply_init(&reply);
    if (!s3_look(outgoing->self, outgoing->key, &found, &reply, err))
        return false;
    *is_copy = found && s3_is_ours(outgoing, &reply) && *outgoing->stage_id;
    return !found || *is_copy || error_set(err, ERR_EXISTS, "the key is taken");
}

bool s3_copy(struct store *store, const char *stage_id, const char *from, const char *to,
             struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(s3_reply_done) struct s3_reply source;
    char full_from[S3_KEY_MAX + 1], full_to[S3_KEY_MAX + 1];
    struct s3_store *self = s3_store(store);
    struct store_object object;
    struct s3_outgoing outgoing;
    bool is_copy;

    (void)stage_id; /* the provider needs none */
    s3_reply_init(&source);
    if (!s3_full_key(self, from, full_from, err) || !s3_full_key(self, to, full_to, err) ||
        !look_at(self, full_from, &source, &object, err) || !is_readable(&object, err))
        return false;
    if (strcmp(from, to) == 0)
        return error_set(err, ERR_EXISTS, "an object is no copy of itself");
    outgoing_of(self, full_from, full_to, &source, NULL, mem, &outgoing);
    return check_free(&outgoing, &is_copy, err) &&
           (is_copy || (copy(&outgoing, err) && check_copy(&outgoing, NULL, err)));
}

/* ---- class ---- */

static bool is_class(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < STORE_CLASS_SIZE &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

/* A copy onto itself. */
bool s3_set_class(struct store *store, const char *key, const char *storage_class,
                  struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(s3_reply_done) struct s3_reply source;
    struct s3_store *self = s3_store(store);
    char full[S3_KEY_MAX + 1];
    struct store_object object;
    struct s3_outgoing outgoing;

    s3_reply_init(&source);
    if (!is_class(storage_class))
        return error_tell(err, ERR_INVALID, "a storage class is like STANDARD_IA");
    if (!s3_full_key(self, key, full, err) || !look_at(self, full, &source, &object, err))
        return false;
    if (strcmp(object.storage_class, storage_class) == 0)
        return true;
    if (!is_readable(&object, err))
        return false;
    outgoing_of(self, full, full, &source, storage_class, mem, &outgoing);
    return copy(&outgoing, err) && check_copy(&outgoing, storage_class, err);
}

/* ---- restore ---- */

static bool ask_restore(struct s3_store *self, const char *key, const char *text, size_t length,
                        struct error *err)
{
    static const struct s3_field query[] = {{"restore", ""}};
    static const struct s3_field headers[] = {{"content-type", "application/xml"}};
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_call call = {.method = "POST",
                           .key = key,
                           .query = query,
                           .query_count = 1,
                           .headers = headers,
                           .header_count = 1,
                           .body = {.bytes = text, .length = length}};

    s3_reply_init(&reply);
    if (!s3_call(self->client, &call, &reply, err))
        return false;
    if (reply.status == 404)
        return s3_absent(self, err);
    /* 409: another has just asked */
    return (reply.status >= 200 && reply.status < 300) ||
           strcmp(reply.code, "RestoreAlreadyInProgress") == 0 || unexpected(&reply, err);
}

bool s3_restore(struct store *store, const char *key, unsigned days, const char *tier,
                struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_store *self = s3_store(store);
    char full[S3_KEY_MAX + 1];
    struct store_object object;
    const char *text;

    s3_reply_init(&reply);
    if (days == 0 ||
        (tier &&
         strspn(tier, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != strlen(tier)))
        return error_tell(err, ERR_INVALID, "for a day at least, and a tier such as Standard");
    if (!s3_full_key(self, key, full, err) || !look_at(self, full, &reply, &object, err))
        return false;
    if (object.availability == STORE_AT_HAND)
        return error_tell(err, ERR_CONFLICT, "the content is not archived");
    if (object.availability == STORE_RESTORING)
        return true;
    text = arena_printf(mem,
                        "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                        "<Days>%u</Days>%s%s%s</RestoreRequest>",
                        days, tier ? "<GlacierJobParameters><Tier>" : "", tier ? tier : "",
                        tier ? "</Tier></GlacierJobParameters>" : "");
    return ask_restore(self, full, text, strlen(text), err);
}
