/* The framing of chunked transfer coding (RFC 9112 section 7.1), apart from the bytes it frames. */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define CHUNK_LINE_MAX 256               /* bytes of a size with its extensions */
#define CHUNK_EXTENSIONS_MAX (16 * 1024) /* bytes of all extensions of a body */
#define CHUNK_TRAILERS_MAX 4096          /* bytes of all trailers */

struct chunked {
    enum chunked_state {
        CHUNKED_SIZE, /* at the start of a size line */
        CHUNKED_SIZE_DIGITS,
        CHUNKED_SIZE_BLANK, /* blanks between the size and what follows it */
        CHUNKED_EXTENSION,
        CHUNKED_SIZE_LF,
        CHUNKED_DATA, /* LEFT bytes of content follow */
        CHUNKED_DATA_CR,
        CHUNKED_DATA_LF,
        CHUNKED_TRAILER,
        CHUNKED_DONE
    } state;
    uint64_t left;
    unsigned line_bytes;
    unsigned extension_bytes;
    char *trailers; /* lines as sent, once the state is CHUNKED_DONE; NULL if there are none */
    size_t trailer_bytes;
};

/*
 * Reads framing from BYTES until content follows (CHUNKED_DATA), the body is over (CHUNKED_DONE),
 * or BYTES are used up. *USED says how many were. Trailers are kept in MEM.
 *
 * Fails with ERR_INVALID if the framing is malformed or exceeds a limit.
 */
bool chunked_feed(struct chunked *self, const char *bytes, size_t length, struct arena *mem,
                  size_t *used, struct error *err);
/* Says that LENGTH bytes of content, at most LEFT, were taken. */
void chunked_took(struct chunked *self, uint64_t length);

/* The value of a trailer; NULL if there is none. */
const char *chunked_trailer(const struct chunked *self, const char *name, struct arena *mem);

#endif
