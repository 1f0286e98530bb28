/* Keys in the bucket, and the object that says whose bucket it is. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/str.h"
#include "store/s3.h"

#define LAYOUT 1
#define MARKER_MAX 256 /* bytes */

bool s3_is_own_name(const char *key)
{
    return strcmp(key, S3_MARKER) == 0 || strcmp(key, S3_PROBE) == 0;
}

static void join(const struct s3_store *self, const char *name, char out[static S3_KEY_MAX + 1])
{
    size_t prefix = strlen(self->settings.prefix), length = strlen(name);

    assert(prefix + length <= S3_KEY_MAX);
    memcpy(out, self->settings.prefix, prefix);
    memcpy(out + prefix, name, length + 1);
}

bool s3_full_key(const struct s3_store *self, const char *key, char out[static S3_KEY_MAX + 1],
                 struct error *err)
{
    if (s3_is_own_name(key))
        return error_set(err, ERR_INVALID, "the key is one of the store's own names");
    if (strlen(self->settings.prefix) + strlen(key) > S3_KEY_MAX)
        return error_set(err, ERR_INVALID, "the key exceeds %d bytes with the prefix", S3_KEY_MAX);
    join(self, key, out);
    return true;
}

/* ---- the marker ---- */

static bool marker_parse(struct s3_reply *reply, char id[static S3_ID_SIZE], struct error *err)
{
    int layout = 0;

    if (reply->text.length > MARKER_MAX ||
        sscanf(reply->text.length ? reply->text.bytes : "",
               " { \"id\" : \"%32[0-9a-f]\" , \"layout\" : %d }", id, &layout) != 2 ||
        strlen(id) != S3_ID_SIZE - 1)
        return error_set(err, ERR_UNAVAILABLE, S3_MARKER " is not readable");
    return layout == LAYOUT ||
           error_set(err, ERR_UNAVAILABLE, "the bucket has layout %d, this server knows %d", layout,
                     LAYOUT);
}

static bool marker_read(struct s3_store *self, char id[static S3_ID_SIZE], bool *found,
                        struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    char key[S3_KEY_MAX + 1];
    struct s3_call call = {.method = "GET", .key = key};

    s3_reply_init(&reply);
    join(self, S3_MARKER, key);
    if (!s3_call(self->client, &call, &reply, err))
        return false;
    *found = reply.status == 200;
    if (!*found && reply.status != 404)
        return error_set(err, ERR_UNAVAILABLE, "the provider answered %ld", reply.status);
    return !*found || marker_parse(&reply, id, err);
}

bool s3_marker_seen(struct s3_store *self, const struct s3_store *inner, bool *out,
                    struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    char key[S3_KEY_MAX + 1], id[S3_ID_SIZE];
    struct s3_call call = {.method = "GET", .key = key};
    struct error ignored;

    s3_reply_init(&reply);
    join(inner, S3_MARKER, key);
    *out = false;
    if (!s3_call(self->client, &call, &reply, err))
        return reply.status == 403;
    *out = reply.status == 200 && marker_parse(&reply, id, &ignored) && strcmp(id, inner->id) == 0;
    return true;
}

/* Of several who make it at once one does; all read it afterwards. */
static bool marker_make(struct s3_store *self, struct error *err)
{
    static const struct s3_field headers[] = {{"content-type", "application/json"},
                                              {"if-none-match", "*"}};
    scoped(s3_reply_done) struct s3_reply reply;
    uint8_t random[(S3_ID_SIZE - 1) / 2];
    char id[S3_ID_SIZE], key[S3_KEY_MAX + 1], text[MARKER_MAX];
    struct s3_call call = {.method = "PUT", .key = key, .headers = headers};

    call.header_count = self->settings.conditional_writes ? 2 : 1;
    random_system.fill(&random_system, random, sizeof random);
    hex_encode(random, sizeof random, id);
    call.body =
        (struct s3_body){.bytes = text,
                         .length = (uint64_t)snprintf(
                             text, sizeof text, "{\"id\": \"%s\", \"layout\": %d}\n", id, LAYOUT)};
    s3_reply_init(&reply);
    join(self, S3_MARKER, key);
    return s3_call(self->client, &call, &reply, err) &&
           (reply.status == 200 || reply.status == 412 || reply.status == 409 ||
            error_set(err, ERR_UNAVAILABLE, "the provider answered %ld to the marker",
                      reply.status));
}

static bool is_the_same(const struct s3_store *self, const char *id, struct error *err)
{
    return strcmp(self->id, id) == 0 ||
           error_set(err, ERR_UNAVAILABLE, "the bucket now holds another store, %s", id);
}

static bool missing(enum error_kind kind, struct error *err)
{
    return error_set(err, kind, "the bucket has no " S3_MARKER ": emptied, or another one");
}

bool s3_marker_open(struct s3_store *self, bool make, struct error *err)
{
    char id[S3_ID_SIZE];
    bool found;

    if (!marker_read(self, id, &found, err))
        return false;
    if (!found && !make)
        return missing(ERR_NOT_FOUND, err);
    if (!found && (!marker_make(self, err) || !marker_read(self, id, &found, err)))
        return false;
    if (!found)
        return missing(ERR_UNAVAILABLE, err);
    if (self->id[0] != '\0' && !is_the_same(self, id, err))
        return false;
    memcpy(self->id, id, sizeof self->id);
    atomic_store(&self->seen_at_us, clock_monotonic_us());
    return true;
}

bool s3_marker_check(struct s3_store *self, int64_t max_age_us, struct error *err)
{
    int64_t now_us = clock_monotonic_us();
    char id[S3_ID_SIZE];
    bool found;

    if (max_age_us > 0 && now_us - atomic_load(&self->seen_at_us) <= max_age_us)
        return true;
    if (!marker_read(self, id, &found, err))
        return false;
    if (!found)
        return missing(ERR_UNAVAILABLE, err);
    if (!is_the_same(self, id, err))
        return false;
    atomic_store(&self->seen_at_us, now_us);
    return true;
}

bool s3_absent(struct s3_store *self, struct error *err)
{
    return s3_marker_check(self, 0, err) &&
           error_set(err, ERR_NOT_FOUND, "there is no such object");
}
