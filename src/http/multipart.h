/*
 * Reads multipart/form-data (RFC 7578, RFC 2046) as it comes, in constant memory: one part after
 * the other, each part's content as a source. Knows nothing of connections.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/stream.h"

#define MULTIPART_BOUNDARY_MAX 70        /* RFC 2046 section 5.1.1 */
#define MULTIPART_LINE_MAX (4 * 1024)    /* bytes of a header line */
#define MULTIPART_HEADS_MAX (256 * 1024) /* bytes of all parts' headers together */
#define MULTIPART_PARTS_MAX 1000
#define MULTIPART_BUFFER_BYTES (64 * 1024)

struct multipart;

struct multipart_part {
    const char *name;     /* of the form field */
    const char *filename; /* NULL if it is a plain field */
    const char *type;     /* Content-Type as sent; NULL if none */
    struct source *body;  /* the content; valid until the next multipart_next */
};

/* *OUT is the boundary in a Content-Type. Fails with ERR_MEDIA_TYPE if the type is not
 * multipart/form-data, ERR_INVALID if the boundary is missing or not a valid one. */
bool multipart_boundary(struct str content_type, struct arena *mem, const char **out,
                        struct error *err);

/* Reads BODY, which must outlive it, divided by BOUNDARY; its memory is MEM's. */
struct multipart *multipart_new(struct source *body, const char *boundary, struct arena *mem);

/*
 * Goes to the next part, past what was not read of the one before; *FOUND is false after the last,
 * when what followed the end has been read too. The part's text lives in the arena.
 *
 * Fails with ERR_INVALID if the syntax is wrong or a limit is exceeded, ERR_INCOMPLETE if the body
 * ends before the closing boundary, and as the body's source. The part's source fails likewise.
 */
bool multipart_next(struct multipart *multipart, bool *found, struct multipart_part *out,
                    struct error *err);
/* Another header of the current part; NULL if it has none. */
const char *multipart_header(const struct multipart *multipart, const char *name);
/* The rest of the current part as NUL-terminated text. Fails with ERR_BODY_TOO_LARGE past LIMIT. */
bool multipart_read_small(struct multipart *multipart, size_t limit, char **out, size_t *length,
                          struct error *err);

#endif
