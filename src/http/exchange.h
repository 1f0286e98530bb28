/* One request and its answer, from the complete head to the log line. Private to the layer. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "http/body.h"
#include "http/engine.h"
#include "http/head.h"
#include "http/query.h"
#include "http/request.h"
#include "http/response.h"

struct response_header {
    const char *name;
    const char *value;
    bool always; /* stays when the handler fails */
    struct response_header *next;
};

struct response {
    struct exchange *exchange;
    struct response_header *headers; /* in reverse */
    const char *content_type;
    int status;       /* 0 until an answer has begun */
    bool wants_close; /* the handler's wish, or need */
    bool was_cut;     /* begun and not finished: the connection must be closed */
    bool has_place;   /* among the answers that may wait for their reader */
    struct pace pace;
    uint64_t bytes_out;

    /* response_stream */
    struct sink stream;
    enum { STREAM_NONE, STREAM_LENGTH, STREAM_CHUNKED, STREAM_TO_CLOSE } framing;
    uint64_t stream_left; /* STREAM_LENGTH: bytes that are still owed */
    char *gathered;
    size_t gathered_bytes;

    struct feed *feed; /* response_feed: goes on when the exchange is over; NULL: none */
};

/* What a worker lends to every exchange it runs. */
struct workbench {
    struct http_server *server;
    struct arena *mem;
    struct inbox inbox;
    const struct random_source *random; /* buffered: one system call for many ids */
    int64_t date_s;                     /* the second that DATE is of */
    char date[TIME_HTTP_SIZE];
    /* To be called before waiting for anything: others see to what else the worker was told of. */
    void (*pass_on)(struct workbench *bench);
};

struct exchange {
    struct http_server *server;
    struct workbench *bench;
    struct connection *connection;
    struct head head;
    struct request request;
    struct response response;
    struct body body;
    struct route_match match;
    struct query query;
    bool query_is_parsed;
    atomic_bool is_interrupted; /* by another thread: nothing more can be read, ever */
    bool is_trusted;            /* the peer is a proxy whose word counts */
    char id[UUID_TEXT_SIZE];
    char client[ADDRESS_TEXT_SIZE];
};

enum exchange_end {
    EXCHANGE_KEEP,  /* the next request may follow */
    EXCHANGE_FEED,  /* the connection and its feed are to be handed over */
    EXCHANGE_CLOSE, /* all was read: close at once */
    EXCHANGE_LINGER /* the client may still be sending: let it read the answer */
};

/* Answers the request with HEAD, whose body follows in the bench's inbox and the connection. */
enum exchange_end exchange_run(struct exchange *x, const struct head *head);
/* Answers what was no acceptable head with ERR's problem. */
void exchange_refuse(struct exchange *x, const struct error *err);

/* Sends ERR as problem JSON; part of response.c. */
bool response_problem(struct response *res, const struct error *failure, struct error *err);
/* Ends a stream; false if not all of it could be sent. */
bool response_finish(struct response *res, struct error *err);
/* Sends status line and headers, and the COUNT pieces of IOV (at most 2) with them. LENGTH is the
 * body's, RESPONSE_LENGTH_UNKNOWN if it is to be framed otherwise; MORE: the body follows at once.
 */
bool response_send_head(struct response *res, int status, uint64_t length, const struct iovec *iov,
                        unsigned count, bool more, struct error *err);
/* Writes to the client, counted. */
bool response_write(struct response *res, struct iovec *iov, unsigned count, bool more,
                    struct error *err);
/* A place among the answers that may wait for their reader, until response_done; false if all are
 * taken. Whoever has none sends what can be sent at once, and takes one before it waits. */
bool response_take_place(struct response *res);
/* The same, before waiting: an answer that has begun and may not wait is cut off. */
bool response_may_wait(struct response *res, struct error *err);
/* The answer is over, well or not. */
void response_done(struct response *res);
/* Whether a body is to be sent at all. */
bool response_has_body(const struct response *res, int status);

#endif
