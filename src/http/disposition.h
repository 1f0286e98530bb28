/* Content-Disposition: file names in headers (RFC 6266, 8187; for multipart RFC 7578). Pure. */
#ifndef HTTP_DISPOSITION_H
#define HTTP_DISPOSITION_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct disposition {
    const char *type;     /* lower case: "attachment", "form-data" */
    const char *name;     /* the form field; NULL if none */
    const char *filename; /* from filename* if it is there and well-formed, else filename; UTF-8 as
                             sent, NULL if none. Not checked beyond that: it may hold slashes */
};

/*
 * Reads a header's value. In quoted strings, \" and \\ are undone, other backslashes stand for
 * themselves; in form-data, %22, %0D and %0A of names are undone as browsers write them.
 *
 * Fails with ERR_INVALID if it is malformed, has a parameter twice, a NUL, or a filename that is
 * not UTF-8 (ISO-8859-1 of filename* is converted).
 */
bool disposition_parse(struct str header, struct arena *mem, struct disposition *out,
                       struct error *err);

/* "attachment; filename=\"caf_.wav\"; filename*=UTF-8''caf%C3%A9.wav": TYPE with FILENAME, which
 * may hold any bytes; filename* only where it says more. */
char *disposition_format(const char *type, const char *filename, struct arena *mem);

/* One parameter of a header such as Content-Type ("boundary", "charset"), unquoted: *OUT is NULL if
 * there is none. Fails with ERR_INVALID if the header is malformed or has it twice. */
bool header_parameter(struct str header, const char *name, struct arena *mem, const char **out,
                      struct error *err);

#endif
