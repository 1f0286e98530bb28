/* Workspaces as wholes: made with what every one needs, removed with all that they hold. */
#ifndef SERVICE_WORKSPACES_H
#define SERVICE_WORKSPACES_H

#include "catalog/workspace.h"
#include "service/app.h"

/* Makes a workspace with its quota (LIMITS, or the configured defaults if NULL) and its user
 * "admin". ERR_EXISTS if the name is taken. */
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
