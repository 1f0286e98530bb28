/*
 * How a handler answers. Exactly one of response_json, response_text, response_empty,
 * response_content, response_stream and response_feed is called, once, after any response_header
 * and response_interim; what it sends has left or is with the kernel when it returns, so the memory
 * and descriptors given to it are the caller's again.
 *
 * Date, Content-Length, Connection and X-Request-Id are set by the layer. For HEAD the body is left
 * out and the rest stays the same. All of these fail with ERR_GONE_CLIENT if the client went away
 * or reads more slowly than the limit, which a handler just passes on.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "base/error.h"
#include "base/stream.h"

struct response;

/*
 * Sets a header; the same name again adds another line, except that Content-Type is replaced. NAME
 * is a token (asserted). VALUE is copied; bytes that could break out of the line (CR, LF, NUL and
 * other controls but tab) are replaced by blanks.
 */
void response_header(struct response *res, const char *name, const char *value);
__attribute__((format(printf, 3, 4))) void
response_header_printf(struct response *res, const char *name, const char *fmt, ...);
/* The same for a header that stays when the handler fails; the others are then dropped. */
void response_header_always(struct response *res, const char *name, const char *value);
/* Closes the connection after this answer. */
void response_close(struct response *res);

struct interim_field {
    const char *name;  /* a token */
    const char *value; /* made safe as response_header does */
};

/*
 * Sends an interim answer (1xx) of COUNT fields ahead of the real one, of which it says nothing;
 * nothing to a client of HTTP/1.0, which does not know of them. `100 Continue` is not this
 * function's: reading the body sends it. DROPPABLE: not sent while the client has not taken what
 * was sent before, so that whoever sends without reading is never waited for.
 */
bool response_interim(struct response *res, int status, const struct interim_field *fields,
                      unsigned count, bool droppable, struct error *err);

/* Sends LENGTH bytes of JSON; Content-Type is application/json unless it was set. */
bool response_json(struct response *res, int status, const char *json, size_t length,
                   struct error *err);
/* Sends LENGTH bytes of anything; Content-Type must have been set. */
bool response_text(struct response *res, int status, const char *text, size_t length,
                   struct error *err);
/* Sends an answer without content: 201, 202, 204, 304 … */
bool response_empty(struct response *res, int status, struct error *err);

/* A representation that can be read at any place. */
struct content {
    uint64_t size;       /* bytes */
    const char *type;    /* its media type */
    const char *etag;    /* strong, with its quotes; NULL: none */
    int64_t modified_us; /* 0: not known */
    int fd;              /* sent with sendfile; stays the caller's. -1: use WRITE */
    bool (*write)(void *context, uint64_t start, uint64_t length, struct sink *dest,
                  struct error *err); /* writes exactly LENGTH bytes from START on */
    void *context;                    /* for WRITE */
};

/*
 * Answers a GET or HEAD of CONTENT as RFC 9110 sections 13 and 14 say: preconditions (304, 412),
 * If-Range, one range (206), several (multipart/byteranges), none that can be met (416 with
 * Content-Range), or all of it (200); with ETag, Last-Modified, Accept-Ranges and Content-Type.
 * Headers set before (Content-Disposition, Repr-Digest, Cache-Control) go along.
 *
 * Fails with ERR_PRECONDITION and ERR_RANGE, for which the problem is sent as for any error, with
 * what WRITE failed with, and with ERR_UNAVAILABLE if the file is shorter than SIZE.
 */
bool response_content(struct response *res, const struct content *content, struct error *err);

#define RESPONSE_LENGTH_UNKNOWN UINT64_MAX

/*
 * Begins an answer whose body is written to *OUT, in pieces of any size, until the handler returns
 * true; LENGTH bytes exactly (asserted), or RESPONSE_LENGTH_UNKNOWN for chunked transfer. Small
 * writes are gathered. For HEAD everything written is dropped.
 */
bool response_stream(struct response *res, int status, uint64_t length, struct sink **out,
                     struct error *err);
/* Sends what was gathered, for events that must not wait. */
bool response_flush(struct response *res, struct error *err);

struct feed;

/*
 * Answers 200 with FEED (http/feed.h), which goes on when the handler has returned; the handler
 * must then return true. Content-Type must have been set; the connection is closed after it. For
 * HEAD there is only the head, and the feed is freed at once. On success FEED is the layer's, else
 * it stays the caller's. Fails with ERR_UNAVAILABLE too, if there can be no thread for it.
 */
bool response_feed(struct response *res, struct feed *feed, struct error *err);

/* Whether an answer has begun. */
bool response_has_begun(const struct response *res);

#endif
