/*
 * Deleting, in two steps: into the trash, from which a file comes back whole, and for good. Shared
 * bytes outlive every owner but the last: who is the last is decided in the transaction that
 * removes the row.
 */
#ifndef SERVICE_TRASH_H
#define SERVICE_TRASH_H

#include "catalog/upload.h"
#include "service/app.h"

/* Puts the upload into the trash. What is there already stays as it is. ERR_NOT_FOUND. */
bool trash_put(struct app *app, struct uuid workspace_id, struct uuid user_id, struct uuid id,
               struct error *err);
/* Takes it back; a live upload stays as it is. OUT is the record afterwards. ERR_NOT_FOUND. */
bool trash_undelete(struct app *app, struct uuid workspace_id, struct uuid user_id, struct uuid id,
                    struct arena *mem, struct upload *out, struct error *err);
/* Removes the record, live or in the trash, for good, gives its quota back, and removes the bytes
 * if no other upload shares them. Succeeds if there is no such upload. */
bool trash_purge(struct app *app, struct uuid workspace_id, struct uuid user_id, struct uuid id,
                 struct error *err);
/* Purges every upload of a workspace. */
bool trash_purge_all(struct app *app, struct uuid workspace_id, struct uuid user_id,
                     struct error *err);

#endif
