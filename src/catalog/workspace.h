/* Workspaces: who is apart from whom. */
#ifndef CATALOG_WORKSPACE_H
#define CATALOG_WORKSPACE_H

#include "db/db.h"

#define WORKSPACE_NAME_MAX 100 /* bytes */

struct workspace {
    struct uuid id;
    const char *name;
    int64_t created_at_us;
};

/* ERR_EXISTS if a live workspace has that name, whatever the case of its ASCII letters. */
bool workspace_insert(struct db *tx, const struct workspace *workspace, struct error *err);
/* A live one. ERR_NOT_FOUND. */
bool workspace_by_id(struct db *db, struct uuid id, struct arena *mem, struct workspace *out,
                     struct error *err);
/* At most LIMIT live workspaces whose id is greater than AFTER, in the order of their ids. */
bool workspace_list(struct db *db, struct uuid after, size_t limit, struct arena *mem,
                    struct workspace **out, size_t *count, struct error *err);
/* ERR_EXISTS, ERR_NOT_FOUND. */
bool workspace_rename(struct db *tx, struct uuid id, const char *name, struct error *err);
/* Marks it deleted and revokes its tokens. ERR_CONFLICT while it has uploads or open sessions,
 * ERR_NOT_FOUND. */
bool workspace_delete(struct db *tx, struct uuid id, int64_t now_us, struct error *err);
/* The only live workspace; ERR_INVALID if there are several or none. */
bool workspace_only(struct db *db, struct uuid *out, struct error *err);

#endif
