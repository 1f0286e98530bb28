/* The rule of this store in the lifecycle of its bucket. The bucket has one lifecycle with the
 * rules of all who use it: it is read, our rule is changed, and the whole is put back. */
#include "store/s3_lifecycle_xml.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "crypto/digest.h"
#include "store/s3.h"

static const struct s3_field query[] = {{"lifecycle", ""}};

/* By the marker's id: stores of other installations may share the bucket. */
static const char *rule_id(const struct s3_store *self, struct arena *mem)
{
    return arena_printf(mem, "audiotricks-%s", self->id);
}

static bool read_all(struct s3_store *self, struct arena *mem, struct s3_lifecycle *out,
                     struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_call call = {.method = "GET", .query = query, .query_count = 1};

    s3_reply_init(&reply);
    if (s3_call(self->client, &call, &reply, err))
        return s3_lifecycle_parse(reply.text.length ? reply.text.bytes : "", reply.text.length,
                                  rule_id(self, mem), mem, out, err);
    if (strcmp(reply.code, "NoSuchLifecycleConfiguration") != 0)
        return false;
    *out = (struct s3_lifecycle){.own.prefix = "", .others = ""};
    return true;
}

static bool write_all(struct s3_store *self, const struct buf *text, struct error *err)
{
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    scoped(s3_reply_done) struct s3_reply reply;
    char md5[BASE64_SIZE(MD5_BYTES)];
    struct digests digests;
    const struct s3_field headers[] = {{"content-md5", md5}, {"content-type", "application/xml"}};
    struct s3_call call = {.method = text->length ? "PUT" : "DELETE",
                           .query = query,
                           .query_count = 1,
                           .headers = headers,
                           .header_count = text->length ? 2 : 0,
                           .body = {.bytes = text->bytes, .length = text->length}};

    if (text->length > 0)
        digest_update(digest, text->bytes, text->length);
    digest_peek(digest, &digests);
    base64_encode(digests.md5, MD5_BYTES, md5);
    s3_reply_init(&reply);
    return s3_call(self->client, &call, &reply, err);
}

/* Providers keep them in an order of their own. */
static int by_days(const void *one, const void *other)
{
    const struct store_transition *a = one, *b = other;

    return (a->days > b->days) - (a->days < b->days);
}

bool s3_lifecycle_read(struct store *store, struct arena *mem, struct store_lifecycle *out,
                       struct error *err)
{
    struct s3_store *self = s3_store(store);
    size_t length = strlen(self->settings.prefix);
    struct s3_lifecycle found;

    if (!read_all(self, mem, &found, err))
        return false;
    if (found.is_changed ||
        (found.own.count > 0 && strncmp(found.own.prefix, self->settings.prefix, length) != 0))
        return error_tell(err, ERR_CONFLICT, "the store's rule was changed by somebody else");
    if (found.own.count > 0)
        found.own.prefix += length;
    qsort(found.own.transitions, found.own.count, sizeof *found.own.transitions, by_days);
    *out = found.own;
    return true;
}

/* Two who read, change and put at the same time lose the rule of one: nothing that the providers
 * have in common would refuse the second. It is told at least by whoever sees it. */
static bool others_stay(struct s3_store *self, const char *others, struct arena *mem,
                        struct error *err)
{
    struct s3_lifecycle found;

    if (!read_all(self, mem, &found, err))
        return false;
    return strcmp(found.others, others) == 0 ||
           error_tell(
               err, ERR_UNAVAILABLE,
               "the rules of others for the bucket changed meanwhile: see that none is lost");
}

bool s3_lifecycle_write(struct store *store, const struct store_lifecycle *wanted,
                        struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(buf_release) struct buf text = {0};
    struct s3_store *self = s3_store(store);
    struct s3_lifecycle lifecycle;

    if (!read_all(self, mem, &lifecycle, err))
        return false;
    lifecycle.own = *wanted;
    lifecycle.own.prefix = arena_printf(mem, "%s%s", self->settings.prefix, wanted->prefix);
    buf_init(&text, S3_XML_MAX);
    s3_lifecycle_format(&lifecycle, rule_id(self, mem), &text);
    if (text.overflow)
        return error_set(err, ERR_INVALID, "the lifecycle is too long");
    return write_all(self, &text, err) && others_stay(self, lifecycle.others, mem, err);
}
