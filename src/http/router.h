/*
 * Which handler answers which method and path. Built once from a table, then only read, by any
 * thread. Knows nothing of connections.
 *
 * A path pattern is segments divided by '/': text matches itself, "{id}" any one segment that is
 * not empty, and "{key...}", only at the end, one or more segments with the slashes between them.
 * Where text and a parameter both match, text wins, segment by segment, without going back.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "base/arena.h"
#include "base/error.h"
#include "http/method.h"

struct request;
struct response;

/*
 * Answers one request: parses, asks a service, and sends the answer with one of response.h's
 * functions. False becomes the error's problem JSON; once an answer has begun it closes the
 * connection instead, so that the client sees that it was cut short.
 */
typedef bool http_handler(struct request *req, struct response *res, struct error *err);

enum route_flags {
    ROUTE_STREAMS = 1, /* takes a body of any size; without it, bodies over json_body_max_bytes are
                          refused with ERR_BODY_TOO_LARGE before the handler runs */
    ROUTE_LOG_QUIET = 2, /* successful requests are logged at debug level only (health, metrics) */
    ROUTE_QUICK = 4      /* asks neither a database, a disk nor anybody else: other requests may
                            wait for it */
};

struct route {
    enum http_method method; /* a GET route answers HEAD too, unless HEAD has a route of its own */
    const char *path;        /* "/v1/uploads/{id}/content" */
    http_handler *handler;
    unsigned flags;    /* enum route_flags */
    const void *extra; /* the table's owner's: not looked at here */
};

struct router;

#define ROUTE_PARAMS_MAX 8

struct route_param {
    const char *name;
    const char *value; /* percent-decoded, UTF-8 not checked, no NUL inside */
};

struct route_match {
    const struct route *route;
    struct route_param params[ROUTE_PARAMS_MAX];
    unsigned param_count;
};

/* Compiles COUNT routes, which must outlive it. A malformed pattern, a method and path twice, two
 * names for the parameter at one place, or more than ROUTE_PARAMS_MAX of them are programming
 * errors (asserted). */
struct router *router_new(const struct route *routes, size_t count);
void router_free(struct router *router);
DEFINE_RELEASE(router, struct router)

/*
 * Finds the route for METHOD and PATH (as sent, still encoded, without the query). Values are
 * decoded into MEM; a '/' that was sent as %2F is data of its segment.
 *
 * Fails with ERR_NOT_FOUND if no pattern matches the path, ERR_METHOD if patterns do but not for
 * METHOD, ERR_INVALID for escapes that are malformed or hold NUL, segments that are "." or "..",
 * and an encoded '/' inside "{key...}".
 */
bool router_match(const struct router *router, enum http_method method, struct str path,
                  struct arena *mem, struct route_match *out, struct error *err);

/* The methods that PATH has, as the value of Allow: "GET, HEAD, OPTIONS". NULL if it has none. */
const char *router_allow(const struct router *router, struct str path, struct arena *mem);

/* Every route, in the table's order; NULL past the last. */
const struct route *router_route_at(const struct router *router, size_t index);

#endif
