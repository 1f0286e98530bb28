/* The body of a request, as a source over its connection. Private to the layer. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "base/stream.h"
#include "http/chunked.h"
#include "http/pace.h"

struct exchange;

/* Bytes that came from the connection and nobody has used yet: BYTES[START, END). */
struct inbox {
    char *bytes;
    size_t room;
    size_t start, end;
};

struct body {
    struct source base;
    struct exchange *exchange;
    enum { BODY_NONE, BODY_LENGTH, BODY_CHUNKED } framing;
    uint64_t left;          /* BODY_LENGTH: bytes to come */
    uint64_t received;      /* bytes given out */
    uint64_t limit;         /* that may be given out */
    struct chunked chunked; /* BODY_CHUNKED */
    bool owes_continue;     /* the client waits for `100 Continue` */
    bool is_counted;        /* among the concurrent bodies */
    struct error *failure;  /* what every further read fails with; NULL if none has */
    struct pace pace;
};

void body_init(struct body *body, struct exchange *exchange);
void body_done(struct body *body);
/* Whether another request can follow on the connection, after at most *SKIP bytes have been
 * skipped. */
bool body_leaves_connection(const struct body *body, uint64_t skip_max, uint64_t *skip);

#endif
