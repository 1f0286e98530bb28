/* Reading, looking at and removing objects. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/s3.h"

#define GOES_ON_MAX 8 /* times that a download which was cut is taken up again */
/* A removal from another bucket than ours would be taken for done: the marker was seen this
 * recently. */
#define MARKER_AGE_US (10 * US_PER_S)

static bool unexpected(const struct s3_reply *reply, struct error *err)
{
    return error_set(err, ERR_UNAVAILABLE, "the provider answered %ld", reply->status);
}

bool s3_look(struct s3_store *self, const char *key, bool *found, struct s3_reply *reply,
             struct error *err)
{
    struct s3_call call = {.method = "HEAD", .key = key};

    if (!s3_call(self->client, &call, reply, err))
        return false;
    *found = reply->status == 200;
    if (reply->status == 404)
        return true;
    if (!*found)
        return unexpected(reply, err);
    return reply->length != S3_SIZE_UNKNOWN ||
           error_set(err, ERR_UNAVAILABLE, "the provider does not say how long the object is");
}

bool s3_head(struct store *store, const char *key, struct store_object *out, struct error *err)
{
    struct s3_store *self = s3_store(store);
    scoped(s3_reply_done) struct s3_reply reply;
    char full[S3_KEY_MAX + 1];
    bool found;

    s3_reply_init(&reply);
    if (!s3_full_key(self, key, full, err) || !s3_look(self, full, &found, &reply, err))
        return false;
    if (!found)
        return s3_absent(self, err);
    out->size = reply.length;
    out->modified_us = reply.modified_us;
    s3_read_availability(self, &reply, out);
    return true;
}

/* ---- get ---- */

struct reading {
    struct s3_store *self;
    const char *key;         /* with the prefix */
    struct byte_range range; /* as it was asked for */
    struct sink *dest;
    uint64_t at;             /* the next byte that DEST needs */
    bool has_begun;          /* the provider has answered; then these are known: */
    uint64_t end;            /* of what there is of the range */
    char etag[S3_ETAG_SIZE]; /* what goes on is of the same object */
    bool dest_failed;
};

static bool asks_for_whole(const struct reading *reading)
{
    return !reading->has_begun && reading->range.start == 0 &&
           reading->range.length == BYTE_RANGE_REST;
}

static bool answer_fits(const struct reading *reading, const struct s3_reply *reply,
                        struct error *err)
{
    if (reply->length == S3_SIZE_UNKNOWN)
        return error_set(err, ERR_UNAVAILABLE, "the provider does not say how long its answer is");
    if (reply->status == 200 && asks_for_whole(reading))
        return true;
    return (reply->status == 206 && reply->range_start == reading->at &&
            reply->total != S3_SIZE_UNKNOWN && reply->total >= reading->at &&
            reply->length <= reply->total - reading->at) ||
           error_set(err, ERR_UNAVAILABLE, "the provider answered with another range");
}

/* The answer may be another one than was asked for: not a byte of that must reach DEST. */
struct checked_sink {
    struct sink base;
    struct reading *reading;
    const struct s3_reply *reply;
    bool is_checked;
};

static bool checked_write(struct sink *base, const void *bytes, size_t length, struct error *err)
{
    struct checked_sink *sink = container_of(base, struct checked_sink, base);

    if (!sink->is_checked && !answer_fits(sink->reading, sink->reply, err))
        return false;
    sink->is_checked = true;
    if (sink->reading->dest->write(sink->reading->dest, bytes, length, err))
        return true;
    sink->reading->dest_failed = true;
    return false;
}

/* The Range header; false if there is to be none. */
static bool range_text(const struct reading *reading, char *out, size_t size)
{
    uint64_t most = INT64_MAX - reading->range.start;
    bool has_end = reading->has_begun || reading->range.length <= most;
    uint64_t end = reading->has_begun ? reading->end : reading->range.start + reading->range.length;

    if (asks_for_whole(reading))
        return false;
    if (has_end)
        snprintf(out, size, "bytes=%llu-%llu", (unsigned long long)reading->at,
                 (unsigned long long)(end - 1));
    else
        snprintf(out, size, "bytes=%llu-", (unsigned long long)reading->at);
    return true;
}

/* One request; what it delivered counts, even if it failed. */
static bool ask(struct reading *reading, struct s3_reply *reply, struct error *err)
{
    struct checked_sink sink = {.base = {checked_write}, .reading = reading, .reply = reply};
    struct s3_field headers[2];
    char range[64];
    struct s3_call call = {
        .method = "GET", .key = reading->key, .headers = headers, .dest = &sink.base};

    if (range_text(reading, range, sizeof range))
        headers[call.header_count++] = (struct s3_field){"range", range};
    if (reading->has_begun && reading->etag[0] != '\0')
        headers[call.header_count++] = (struct s3_field){"if-match", reading->etag};
    return s3_call(reading->self->client, &call, reply, err);
}

/* Of an empty object no range can be had, and of a range behind the end nothing. */
static bool settle_empty(struct reading *reading, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    uint64_t length;
    bool found;

    s3_reply_init(&reply);
    if (!s3_look(reading->self, reading->key, &found, &reply, err))
        return false;
    if (!found)
        return s3_absent(reading->self, err);
    if (!store_range_length(reading->range, reply.length, &length, err))
        return false;
    return length == 0 ||
           error_set(err, ERR_UNAVAILABLE, "the provider refused a range that there is");
}

static bool begin(struct reading *reading, const struct s3_reply *reply, struct error *err)
{
    if (reading->has_begun)
        return true;
    if (!answer_fits(reading, reply, err))
        return false;
    reading->has_begun = true;
    reading->end = reading->at + reply->length;
    memcpy(reading->etag, reply->etag, sizeof reading->etag);
    return true;
}

/* *MORE if the answer was cut, and the rest is to be asked for; ERR then says why. */
static bool read_piece(struct reading *reading, bool *more, struct error *err)
{
    scoped(s3_reply_done) struct s3_reply reply;
    struct error ignored;

    s3_reply_init(&reply);
    *more = false;
    if (!ask(reading, &reply, err)) {
        if (reply.delivered == 0 || reading->dest_failed || !begin(reading, &reply, &ignored))
            return false;
        reading->at += reply.delivered;
        *more = reading->at < reading->end;
        return *more;
    }
    if (reply.status == 404)
        return s3_absent(reading->self, err);
    if (reply.status == 416 && !reading->has_begun) {
        reading->at = reading->end = 0;
        return settle_empty(reading, err);
    }
    if (reply.status != 200 && reply.status != 206)
        return unexpected(&reply, err);
    if (!begin(reading, &reply, err))
        return false;
    reading->at += reply.delivered;
    return reading->at == reading->end ||
           error_set(err, ERR_UNAVAILABLE, "the object ends early, after %llu bytes",
                     (unsigned long long)reading->at);
}

bool s3_get(struct store *store, const char *key, struct byte_range range, struct sink *dest,
            struct error *err)
{
    char full[S3_KEY_MAX + 1];
    struct reading reading = {
        .self = s3_store(store), .key = full, .range = range, .at = range.start, .dest = dest};
    bool more = true;

    if (!s3_full_key(reading.self, key, full, err))
        return false;
    if (range.length == 0 || range.start > INT64_MAX)
        return settle_empty(&reading, err);
    for (int i = 0; more && i < GOES_ON_MAX; i++)
        if (!read_piece(&reading, &more, err))
            return false;
    return !more; /* else ERR says why it was cut the last time */
}

/* ---- remove ---- */

bool s3_remove(struct store *store, const char *key, struct error *err)
{
    struct s3_store *self = s3_store(store);
    scoped(s3_reply_done) struct s3_reply reply;
    char full[S3_KEY_MAX + 1];
    struct s3_call call = {.method = "DELETE", .key = full};

    s3_reply_init(&reply);
    if (!s3_full_key(self, key, full, err) || !s3_marker_check(self, MARKER_AGE_US, err) ||
        !s3_call(self->client, &call, &reply, err))
        return false;
    return (reply.status >= 200 && reply.status < 300) || reply.status == 404 ||
           unexpected(&reply, err);
}
