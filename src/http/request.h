/*
 * What a handler sees of a request. It belongs to the worker thread that runs the handler and is
 * gone when the handler has returned; all its text lives in MEM.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/arena.h"
#include "base/stream.h"
#include "http/conditional.h"
#include "http/router.h"

struct app; /* whatever the server was given; never looked into here */

struct request {
    enum http_method method; /* what is asked for: a GET handler sees METHOD_HEAD for HEAD. As sent,
                                unless http_options.before put another in its place */
    const char *path;        /* as sent: still encoded, without the query */
    const char *query;       /* as sent, without '?'; NULL if there was none */
    const struct route *route;
    struct app *app;
    struct arena *mem;  /* emptied after the request */
    const char *id;     /* the request id: a trusted proxy's X-Request-Id, else a new UUID */
    const char *client; /* the client's address as text: behind trusted proxies the one they saw;
                           "unix" for a unix socket's */
    const char *scheme; /* "http" or "https", as the client used it */
    const char *host;   /* with port, as the client used it; "" if an HTTP/1.0 client sent none */
    int64_t started_us; /* clock_monotonic_us() when the head was complete */
    void *context; /* the handler's side's own, NULL at the start: who is calling, for example */
};

/* ---- path and query ---- */

/* A path parameter of the route, decoded. The route must have it (asserted). */
const char *request_param(const struct request *req, const char *name);
/*
 * *OUT is the decoded value of a query parameter, NULL if it is not there, "" if it has none.
 * Fails with ERR_INVALID if it is given twice, or if any part of the query is malformed (bad
 * escape, NUL, not UTF-8).
 */
bool request_query(struct request *req, const char *name, const char **out, struct error *err);
/* A decimal number from MIN to MAX, or FALLBACK if it is not there. Fails with ERR_INVALID. */
bool request_query_number(struct request *req, const char *name, uint64_t min, uint64_t max,
                          uint64_t fallback, uint64_t *out, struct error *err);
/* "true" or "1", "false" or "0", or FALLBACK if it is not there. Fails with ERR_INVALID. */
bool request_query_bool(struct request *req, const char *name, bool fallback, bool *out,
                        struct error *err);
/* Fails with ERR_INVALID, naming it, if the query has a parameter that is none of NAMES
 * (NULL-terminated). */
bool request_query_only(struct request *req, const char *const *names, struct error *err);

/* ---- headers ---- */

/*
 * A header's value, without blanks around it; several lines of one name are joined with ", " (RFC
 * 9110 section 5.3). NULL if there is none. Headers that may come once only (Authorization,
 * Content-Type, Content-Disposition, Range, Idempotency-Key …) were refused if they came twice.
 */
const char *request_header(const struct request *req, const char *name);
/* The COUNTth header as it was sent, for tests and logs: false past the last. */
bool request_header_at(const struct request *req, size_t index, struct str *name,
                       struct str *value);
/* Whether Content-Type, without its parameters, is TYPE ("application/json"). */
bool request_has_type(const struct request *req, const char *type);
/* A field of the trailers; NULL if there is none or the body has not been read to its end. */
const char *request_trailer(const struct request *req, const char *name);
/* If-Match and the rest, ready for conditions_evaluate(). */
void request_conditions(const struct request *req, struct conditions *out);
/* For writes: fails with ERR_PRECONDITION unless If-Match, If-None-Match and If-Unmodified-Since
 * allow a change of what VALIDATORS describe. */
bool request_check_conditions(const struct request *req, const struct validators *validators,
                              struct error *err);

/* The methods that the request's path has, as the value of Allow; NULL if there is nothing at it.
 */
const char *request_allow(const struct request *req);

/* "https://audio.example:8443" + PATH: what the client would call PATH. */
const char *request_url(const struct request *req, const char *path);

/* ---- body ---- */

#define REQUEST_LENGTH_UNKNOWN UINT64_MAX

/* Bytes of the body: 0 if there is none, REQUEST_LENGTH_UNKNOWN for chunked transfer. */
uint64_t request_body_length(const struct request *req);
/*
 * The body as it arrives. The first read sends `100 Continue` if the client waits for it: check
 * everything that can be checked before. Reads go straight into the caller's memory; 256 KiB at a
 * time is a good size. A handler need not read to the end: what is small is then skipped, else the
 * connection is closed after the answer.
 *
 * Its read fails with ERR_INCOMPLETE if the client closed too early, ERR_SLOW below the minimum
 * rate, ERR_INVALID for bad chunks, ERR_UNAVAILABLE when the server ends; and the first one with
 * ERR_UNAVAILABLE if too many bodies are being received already.
 */
struct source *request_body(struct request *req);
/* Makes reads of the body fail soon; the answer can still be sent, and the connection is closed
 * after it. Any thread may call it while the handler runs. */
void request_interrupt(struct request *req);
/*
 * The whole of a small body as NUL-terminated text in MEM. Fails with ERR_BODY_TOO_LARGE past LIMIT
 * bytes, and as request_body()'s read.
 */
bool request_read_small(struct request *req, size_t limit, char **out, size_t *length,
                        struct error *err);

/* For answers that go on for long (events): true once the server is stopping or the client has
 * closed. */
bool request_should_end(const struct request *req);

#endif
