/*
 * Answers that go on for as long as their reader likes and mostly wait: server-sent events.
 *
 * A handler describes the content as a feed and hands it over with response_feed. Once the handler
 * has returned, one thread of the server writes all feeds: a feed that waits holds neither a worker
 * thread nor a buffer. It is asked for more only when its reader has taken what there was, so a
 * reader that is slow makes nothing grow; one that takes nothing for http_limits.feed_stall_ms is
 * cut off.
 */
#ifndef HTTP_FEED_H
#define HTTP_FEED_H

#include "base/buf.h"

#define FEED_FILL_BYTES ((size_t)64 * 1024) /* most that one call of fill can add */
#define FEED_ROUND_MS 1000                  /* feeds are asked at least so often */

/* One time that feeds are asked. */
struct feed_round {
    uint64_t number; /* the same for all that are asked together, then greater */
    int64_t now_us;  /* clock_monotonic_us() */
};

/* First member of the owner's own struct, otherwise zero. All is called in the one thread of feeds:
 * what a method waits for, all feeds wait for. */
struct feed {
    /*
     * Adds to OUT what there is to send now, whole pieces of it; nothing if there is nothing. Asked
     * after http_server_wake_feeds, every FEED_ROUND_MS, and again at once when it added something
     * that could be sent. False: the answer ends after what was added.
     */
    bool (*fill)(struct feed *feed, const struct feed_round *round, struct buf *out);
    /* The last call: the answer has ended, or the reader is gone. */
    void (*free)(struct feed *feed);
    /* Set by fill, whenever it is called: there may be more at once, though nothing was added. */
    bool has_more;
};

static inline void feed_release(struct feed **variable)
{
    if (*variable)
        (*variable)->free(*variable);
}

#endif
