/* Workspaces as wholes: made with what every one needs, removed with all that they hold. */
#ifndef SERVICE_WORKSPACES_H
#define SERVICE_WORKSPACES_H

#include "catalog/idempotency.h"
#include "catalog/workspace.h"
#include "service/app.h"

struct workspace_wish {
    struct uuid id; /* that it is to have */
    const char *name;
    const struct quota_limits *limits; /* NULL: the configured defaults */
    struct idempotency once;           /* the request; without a key it makes one each time */
};

/*
 * Makes a workspace with its quota and its user "admin"; or gives the one that the same request has
 * made before. ERR_EXISTS if the name is taken; ERR_NOT_FOUND if the one made before is gone; and
 * as idempotency_claim.
 */
bool workspaces_make(struct app *app, const struct workspace_wish *wish, struct arena *mem,
                     struct workspace *out, struct error *err);
/* The same without a request. */
bool workspaces_add(struct app *app, const char *name, const struct quota_limits *limits,
                    struct arena *mem, struct workspace *out, struct error *err);
/*
 * Removes it. With FORCE the uploads in progress are ended and every upload is purged first.
 *
 * Fails with ERR_NOT_FOUND; with ERR_CONFLICT if it holds uploads or open sessions and FORCE is
 * false, or, with FORCE, while an upload of a single request runs: nothing has been purged then.
 */
bool workspaces_remove(struct app *app, struct uuid id, struct uuid user_id, bool force,
                       struct error *err);
/* The user to whom an upload of the operator's belongs: the workspace's first. ERR_NOT_FOUND. */
bool workspaces_owner(struct app *app, struct uuid workspace_id, struct uuid *out,
                      struct error *err);

#endif
