/* The query part of a URL (application/x-www-form-urlencoded). Pure. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "base/arena.h"
#include "base/percent.h"

struct query_pair {
    const char *name;
    const char *value; /* "" if there is no '=' */
};

struct query {
    struct query_pair *pairs; /* in the order sent */
    size_t count;
};

#define QUERY_PAIRS_MAX 100

/* Reads a query without its '?'. Empty pieces (a&&b) are skipped. Fails with ERR_INVALID on bad
 * escapes, NUL, text that is not UTF-8, empty names, and more than QUERY_PAIRS_MAX pairs. */
bool query_parse(struct str text, struct arena *mem, struct query *out, struct error *err);
/* *OUT is the value of NAME, NULL if it is not there. Fails with ERR_INVALID if it is there twice.
 */
bool query_get(const struct query *query, const char *name, const char **out, struct error *err);

#endif
