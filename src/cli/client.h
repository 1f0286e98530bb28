/*
 * HTTP requests to an AudioTricks server, over libcurl.
 *
 * Knows methods, headers, JSON, problems and retries; what a route means is the commands' business.
 * A client is used by one thread at a time and keeps its connection between requests.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/stream.h"

#define CLIENT_LENGTH_UNKNOWN UINT64_MAX

struct client_options {
    const char *server; /* http://HOST:PORT[/PREFIX], https://…, or unix:/PATH */
    const char *token;  /* NULL: none is sent */
    unsigned retries;   /* after the first attempt */
    unsigned silence_s; /* so long may nothing move on a connection; 0: SILENCE_S (silence.h) */
};

/* A request's body that is not JSON. */
struct client_content {
    struct source *source;
    uint64_t length; /* bytes; CLIENT_LENGTH_UNKNOWN: sent in chunks */
    /* Back to the first byte; NULL: it can be read once only, so what has been sent of it is never
     * repeated. */
    bool (*rewind)(struct client_content *self);
};

struct client_request {
    const char *method; /* "GET", "POST" … */
    const char *target; /* path and query, ready for the request line; see client_target */
    const json_t *json; /* a body of JSON; NULL: none */
    struct client_content *content; /* or a body of bytes; NULL: none */
    const char *const *headers;     /* "Name: value", NULL-terminated; NULL: none */
    struct sink *sink;              /* takes the body of a 2xx answer; NULL: it is JSON */
    /* Called before the first byte reaches SINK, with the status; may refuse. NULL: not needed */
    bool (*begin)(void *context, const struct client_request *request, long status,
                  struct error *err);
    /* Whether the server answers as soon as it has the body. NULL: it may have to work for minutes
     * before, unless it is only read from (GET, HEAD). */
    bool (*answers_soon)(void *context);
    void *context;   /* of both */
    bool repeatable; /* doing it twice does no harm: worth a retry */
};

struct client_answer {
    long status;
    json_t *json;     /* NULL if there was no body; the caller's to json_decref */
    const char *etag; /* in the arena; NULL if there was none */
};

struct client;

/* Fails with ERR_INVALID if the server's address is none. Connects with the first request. */
bool client_open(const struct client_options *options, struct client **out, struct error *err);
void client_free(struct client *client);
DEFINE_RELEASE(client, struct client)

/*
 * Sends REQUEST and gives the answer if its status is 2xx or 304. Waits and tries again, as often
 * as the options say, when no connection could be made and, if the request is repeatable, when the
 * connection broke before the answer, the answer was not the server's, or there is hope in what the
 * server says (see retry.h).
 *
 * Fails with the kind of the server's problem (problem.h); ERR_UNAVAILABLE if no connection could
 * be made, it broke, or somebody else than an AudioTricks server answered; ERR_INTERNAL if the
 * answer is too long; what SOURCE or SINK fails with.
 */
bool client_send(struct client *client, const struct client_request *request, struct arena *mem,
                 struct client_answer *out, struct error *err);

/* A name and a value of a query. A list ends with a NULL name; a NULL value leaves its name out. */
struct client_param {
    const char *name;
    const char *value;
};

/* PATH with the query that PARAMS make; values are percent-encoded. */
char *client_target(struct arena *mem, const char *path, const struct client_param *params);
/* TEXT as one segment of a path or a value of a query: all but unreserved characters (RFC 3986
 * section 2.3) percent-encoded. */
char *client_encode(struct arena *mem, const char *text);

/* Waits, whatever signals come meanwhile. */
void client_wait_ms(uint64_t ms);

#endif
