#include "api/event_streams.h"

#include <pthread.h>
#include <stdio.h>

#include "base/log.h"
#include "catalog/token.h"
#include "service/event_text.h"

#define READ_AT_ONCE 500
/* Proxies end what is silent for a minute. The id lets a stream whose filter rarely lets something
 * pass come back to where it was. */
#define HEARTBEAT_US (15 * US_PER_S)
#define TOKEN_CHECK_US (15 * US_PER_S)
#define RECONNECT_MS 3000

/* Consecutive events: all numbers behind FROM, up to TO. */
struct stretch {
    struct arena *mem;
    struct event *events;
    size_t count;
    int64_t from, to;
    bool is_full; /* there may be more at once */
    bool failed;  /* it holds nothing, and says nothing */
};

struct event_streams {
    struct app *app;
    pthread_mutex_t lock; /* guards the list */
    struct event_stream *first;
    uint64_t count;

    /* The feeds' thread's: */
    struct stretch newest; /* what was read last for all */
    uint64_t newest_round; /* in which it was read */
    unsigned followers;    /* streams that have begun; with the first the newest begins anew */
    struct stretch older;  /* read for one stream that lies further back */
};

struct event_stream {
    struct feed feed;
    struct event_streams *streams;
    struct event_wish wish;
    int64_t position; /* all up to it was sent, or is not wanted */
    bool is_reset;    /* what was asked for is gone */
    bool has_begun;
    int64_t added_us; /* monotonic; when something was sent last */
    int64_t checked_us;
    struct event_stream *previous, *next;
};

/* ---- reading the log ---- */

static bool read_stretch(struct app *app, int64_t after, struct stretch *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    arena_reset(out->mem);
    out->from = out->to = after;
    out->count = 0;
    out->is_full = false;
    if (!database_read(app->database, &db, err) ||
        !event_list(db, after, READ_AT_ONCE, out->mem, &out->events, &out->count, err))
        return false;
    if (out->count > 0)
        out->to = out->events[out->count - 1].sequence;
    out->is_full = out->count == READ_AT_ONCE;
    return true;
}

/* A failure is logged and seen to again in the next round. */
static void read_or_wait(struct app *app, int64_t after, struct stretch *out)
{
    struct error err;

    out->failed = !read_stretch(app, after, out, &err);
    if (out->failed)
        log_event(LOG_WARN, "events could not be read", log_text("error", err.log));
}

static void read_newest(struct event_streams *streams, uint64_t round)
{
    if (streams->newest_round == round)
        return;
    streams->newest_round = round;
    read_or_wait(streams->app, streams->newest.to, &streams->newest);
}

/* The stretch that STREAM goes on with. */
static const struct stretch *stretch_for(struct event_stream *stream, uint64_t round)
{
    struct event_streams *streams = stream->streams;

    read_newest(streams, round);
    if (stream->position >= streams->newest.from)
        return &streams->newest;
    read_or_wait(streams->app, stream->position, &streams->older);
    return &streams->older;
}

/* ---- writing ---- */

static bool is_wanted(const struct event_wish *wish, const struct event *event)
{
    return uuid_equal(event->workspace_id, wish->workspace_id) &&
           (uuid_is_nil(wish->upload_id) || uuid_equal(event->upload_id, wish->upload_id)) &&
           event_types_hold(wish->types, event->type);
}

/* All of it or nothing. */
static bool add_event(struct buf *out, const struct event *event)
{
    size_t before = out->length;

    if (buf_printf(out, "id: %lld\nevent: %s\ndata: ", (long long)event->sequence, event->type) &&
        event_text(out, event) && buf_add_text(out, "\n\n"))
        return true;
    out->length = before;
    out->overflow = false;
    return false;
}

/* What of it comes behind the stream's position. */
static void add_stretch(struct event_stream *stream, const struct stretch *stretch, struct buf *out)
{
    for (size_t i = 0; i < stretch->count; i++) {
        const struct event *event = &stretch->events[i];

        if (event->sequence <= stream->position)
            continue;
        if (is_wanted(&stream->wish, event) && !add_event(out, event)) {
            stream->feed.has_more = true;
            return;
        }
        stream->position = event->sequence;
    }
    stream->feed.has_more = stretch->is_full;
}

/* An older stretch that is not full reaches the newest one. */
static void add_what_is_new(struct event_stream *stream, uint64_t round, struct buf *out)
{
    const struct stretch *stretch = stretch_for(stream, round);
    const struct stretch *newest = &stream->streams->newest;

    stream->feed.has_more = false;
    add_stretch(stream, stretch, out);
    if (stretch == newest || stretch->failed || stream->feed.has_more)
        return;
    if (stream->position < newest->from)
        stream->position = newest->from;
    stream->feed.has_more = true;
}

/* How soon to come back, and where from even before the first event (an id without data sets it).
 */
static void greet(const struct event_stream *stream, struct buf *out)
{
    long long position = (long long)stream->position;

    buf_printf(out, "retry: %d\nid: %lld\n\n", RECONNECT_MS, position);
    if (stream->is_reset)
        buf_printf(out, "id: %lld\nevent: reset\ndata: {\"id\":%lld}\n\n", position, position);
}

static void begin(struct event_stream *stream, const struct feed_round *round, struct buf *out)
{
    struct event_streams *streams = stream->streams;

    if (streams->followers++ == 0)
        streams->newest = (struct stretch){
            .mem = streams->newest.mem, .from = stream->position, .to = stream->position};
    stream->has_begun = true;
    stream->added_us = stream->checked_us = round->now_us;
    greet(stream, out);
}

/* ---- whether it may go on ---- */

static bool token_still_good(const struct event_stream *stream)
{
    scoped(db_release) struct db *db = NULL;
    struct app *app = stream->streams->app;
    struct error ignored;
    bool good = true;

    return !database_read(app->database, &db, &ignored) ||
           !token_is_good(db, stream->wish.token_id, app_now_us(app), &good, &ignored) || good;
}

static bool may_go_on(struct event_stream *stream, const struct feed_round *round)
{
    if (round->now_us - stream->checked_us < TOKEN_CHECK_US)
        return true;
    stream->checked_us = round->now_us;
    return token_still_good(stream);
}

/* ---- the feed ---- */

static bool fill(struct feed *feed, const struct feed_round *round, struct buf *out)
{
    struct event_stream *stream = container_of(feed, struct event_stream, feed);
    size_t before = out->length;

    if (!stream->has_begun)
        begin(stream, round, out);
    if (!may_go_on(stream, round))
        return false;
    add_what_is_new(stream, round->number, out);
    if (out->length == before && round->now_us - stream->added_us >= HEARTBEAT_US)
        buf_printf(out, ":\nid: %lld\n\n", (long long)stream->position);
    if (out->length > before)
        stream->added_us = round->now_us;
    return true;
}

static void link_in(struct event_streams *streams, struct event_stream *stream)
{
    stream->next = streams->first;
    if (streams->first)
        streams->first->previous = stream;
    streams->first = stream;
    streams->count++;
}

static void unlink_from(struct event_streams *streams, struct event_stream *stream)
{
    if (stream->next)
        stream->next->previous = stream->previous;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        streams->first = stream->next;
    streams->count--;
}

/* Of one that has begun in the feeds' thread; else of whoever could not hand it over. */
static void free_stream(struct feed *feed)
{
    struct event_stream *stream = container_of(feed, struct event_stream, feed);
    struct event_streams *streams = stream->streams;

    if (stream->has_begun)
        streams->followers--;
    pthread_mutex_lock(&streams->lock);
    unlink_from(streams, stream);
    pthread_mutex_unlock(&streams->lock);
    free(stream);
}

/* ---- opening ---- */

/* Under the lock. */
static bool has_room(const struct event_streams *streams, struct uuid workspace_id)
{
    const struct event_settings *settings = &streams->app->settings.events;
    uint64_t own = 0;

    for (const struct event_stream *one = streams->first; one; one = one->next)
        own += uuid_equal(one->wish.workspace_id, workspace_id);
    return streams->count < settings->streams_max && own < settings->workspace_streams_max;
}

/* Where it begins: an id that was removed, or that this log has not given yet, says nothing. */
static bool find_position(struct app *app, struct event_stream *stream, struct error *err)
{
    const struct event_wish *wish = &stream->wish;
    scoped(db_release) struct db *db = NULL;
    int64_t removed, last;

    if (!database_snapshot(app->database, &db, err) || !event_removed(db, &removed, err) ||
        !event_last(db, &last, err))
        return false;
    stream->is_reset = wish->continues && (wish->after < removed || wish->after > last);
    stream->position = wish->continues && !stream->is_reset ? wish->after : last;
    return true;
}

bool event_streams_open(struct event_streams *streams, const struct event_wish *wish,
                        struct feed **out, struct error *err)
{
    scoped(memory_free) struct event_stream *stream = calloc(1, sizeof *stream);
    bool admitted;

    if (!stream)
        abort();
    *stream = (struct event_stream){
        .feed = {.fill = fill, .free = free_stream}, .streams = streams, .wish = *wish};
    if (!find_position(streams->app, stream, err))
        return false;
    pthread_mutex_lock(&streams->lock);
    admitted = has_room(streams, wish->workspace_id);
    if (admitted)
        link_in(streams, stream);
    pthread_mutex_unlock(&streams->lock);
    if (!admitted)
        return error_tell(err, ERR_TOO_MANY, "as many streams of events are open as may be");
    *out = &take(stream)->feed;
    return true;
}

uint64_t event_streams_count(struct event_streams *streams)
{
    uint64_t count;

    pthread_mutex_lock(&streams->lock);
    count = streams->count;
    pthread_mutex_unlock(&streams->lock);
    return count;
}

struct event_streams *event_streams_new(struct app *app)
{
    struct event_streams *streams = calloc(1, sizeof *streams);

    if (!streams)
        abort();
    streams->app = app;
    pthread_mutex_init(&streams->lock, NULL);
    streams->newest.mem = arena_new();
    streams->older.mem = arena_new();
    return streams;
}

void event_streams_free(struct event_streams *streams)
{
    if (!streams)
        return;
    arena_free(streams->newest.mem);
    arena_free(streams->older.mem);
    pthread_mutex_destroy(&streams->lock);
    free(streams);
}
