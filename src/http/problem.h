/* Errors as problem details (RFC 9457). Pure. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/arena.h"
#include "base/error.h"

#define PROBLEM_MEDIA_TYPE "application/problem+json"

/*
 * {"type","title","status","code","detail","request_id"} and, if ERR has a limit, "limit" and
 * "remaining", as JSON text. What the log says is not in it.
 */
char *problem_json(const struct error *err, const char *request_id, struct arena *mem,
                   size_t *length);

/* "Not Found" for 404; "Error" if the status has no name. */
const char *status_phrase(int status);

#endif
