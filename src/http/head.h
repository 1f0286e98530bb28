/*
 * Reads the head of a request: llhttp parses it, and what llhttp lets pass is refused here
 * (obs-fold, bare CR or LF, missing or double Host, lengths that contradict, unknown transfer
 * codings). Pure.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/arena.h"
#include "base/error.h"
#include "http/method.h"

struct head_limits {
    size_t head_max_bytes;
    size_t target_max_bytes;
    unsigned headers_max;
};

struct header {
    struct str name;
    struct str value; /* NUL-terminated, trimmed */
};

struct head {
    enum http_method method;
    bool is_http_1_0;
    bool keep_alive;       /* what the client asks for */
    bool expects_continue; /* Expect: 100-continue, of an HTTP/1.1 client */
    bool is_resumable;     /* Upload-Complete is there: the client may await an interim answer that
                              the handler gives, and what breaks off is to be kept */
    bool is_chunked;
    bool has_length;
    uint64_t length;   /* of the body; 0 without has_length */
    struct str target; /* NUL-terminated */
    const char *path;  /* of the target, without the query */
    const char *query; /* NULL if there is none */
    struct header *headers;
    size_t header_count;
};

enum head_progress { HEAD_PARTIAL, HEAD_COMPLETE, HEAD_BAD };

/*
 * Finds the end of the head that begins at BYTES; *SKIP are empty lines before it, *LENGTH the
 * bytes from there to behind its end. HEAD_BAD, with ERR, if no continuation can make it a good
 * one, so that nobody waits for the end of nonsense.
 */
enum head_progress head_find(const char *bytes, size_t length, const struct head_limits *limits,
                             size_t *skip, size_t *head_length, struct error *err);

/*
 * Parses a complete head; all text of OUT is a copy in MEM.
 *
 * Fails with ERR_INVALID, ERR_NOT_IMPLEMENTED (unknown method or transfer coding), ERR_VERSION,
 * ERR_URI_TOO_LONG, ERR_HEAD_TOO_LARGE, ERR_EXPECTATION. After any of them the connection must be
 * closed, since nobody can know where the next request would begin.
 */
bool head_parse(const char *bytes, size_t length, const struct head_limits *limits,
                struct arena *mem, struct head *out, struct error *err);

/* The value of a header, joined with ", " if it came several times; NULL if there is none. */
const char *head_header(const struct head *head, const char *name, struct arena *mem);

#endif
