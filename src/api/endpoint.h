/*
 * What stands between a route and its handler: who is calling, whether their role suffices, which
 * workspace is meant, and whether the query holds only what the route knows. All of it is said in
 * the table of routes, so that it cannot be forgotten in a handler.
 */
#ifndef API_ENDPOINT_H
#define API_ENDPOINT_H

#include "base/uuid.h"
#include "catalog/token.h"
#include "catalog/upload.h"
#include "http/request.h"
#include "http/response.h"
#include "service/app.h"

/* Who is calling, and what about. */
struct caller {
    enum token_role role;
    struct uuid token_id;     /* nil where the route takes callers without a token */
    struct uuid user_id;      /* the operator acts as the first user of the workspace meant */
    struct uuid workspace_id; /* the one that is meant, once it is known; nil: all (operator) */
    bool is_remembered;       /* the token was good before; it may not be (SCOPE_UPLOAD) */
};

enum scope {
    SCOPE_PUBLIC,         /* takes anyone */
    SCOPE_SERVER,         /* a token; the workspace is the token's, nil for the operator */
    SCOPE_REPORT,         /* as SCOPE_SERVER, but ?workspace_id= may narrow it */
    SCOPE_WORKSPACE,      /* the token's workspace; the operator names one with ?workspace_id= */
    SCOPE_UPLOAD,         /* as SCOPE_WORKSPACE, but a token that is known need not have been asked
                             for: the handler confirms the caller, or has the transaction do it that
                             the request begins with */
    SCOPE_PATH_WORKSPACE, /* the workspace is the path's {id} */
    SCOPE_LINK,           /* as SCOPE_WORKSPACE, or no token but a link's signature (checked by the
                             handler; then everything in struct caller is nil) */
    SCOPE_LOCAL           /* a token, or none from this machine (checked by the handler) */
};

typedef bool endpoint_handler(struct request *req, const struct caller *who, struct response *res,
                              struct error *err);

/* What a route's `extra` points at. */
struct endpoint {
    enum scope scope;
    enum token_role role; /* the least that suffices; of no meaning for SCOPE_PUBLIC */
    endpoint_handler *answer;
    const char *const *query; /* parameters it knows beside workspace_id; NULL-terminated */
};

/* The handler of every route of the API. Who is remembered and refused is told why only if their
 * token is good. */
bool endpoint_answer(struct request *req, struct response *res, struct error *err);

/* Asks for the token of WHO, if they are only remembered. Fails as for any token that is not good.
 */
bool endpoint_confirm(struct request *req, const struct caller *who, struct response *res,
                      struct error *err);

/* Whether the route of ENDPOINT knows the parameter ?workspace_id=. */
bool endpoint_takes_workspace(const struct endpoint *endpoint);

/* Fails with ERR_UNAUTHORIZED, the same to the client whatever WHY the log hears: missing,
 * malformed, unknown, expired and revoked tokens are not told apart. */
bool endpoint_refuse(struct response *res, const char *why, struct error *err);

/* The path's {id}. What is no UUID names nothing: ERR_NOT_FOUND. */
bool endpoint_id(const struct request *req, struct uuid *out, struct error *err);
/* The upload of that id in the caller's workspace, live or in the trash. ERR_NOT_FOUND. */
bool endpoint_upload(struct request *req, const struct caller *who, struct upload *out,
                     struct error *err);

#endif
