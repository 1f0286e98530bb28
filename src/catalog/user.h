/* Users: to whom, within a workspace, uploads and tokens belong. */
#ifndef CATALOG_USER_H
#define CATALOG_USER_H

#include "db/db.h"

#define USER_NAME_MAX 100 /* bytes */

struct user {
    struct uuid id;
    struct uuid workspace_id;
    const char *name;
    int64_t created_at_us;
    int64_t disabled_at_us; /* 0: not disabled */
};

/* ERR_EXISTS if the workspace has a user of that name. */
bool user_insert(struct db *tx, const struct user *user, struct error *err);
/* ERR_NOT_FOUND if the workspace has no such user. */
bool user_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                struct user *out, struct error *err);
/*
 * Disables it, or ends that. Its tokens are revoked with it and stay so. ERR_NOT_FOUND as
 * user_by_id.
 */
bool user_set_disabled(struct db *tx, struct uuid workspace_id, struct uuid id, bool disabled,
                       int64_t now_us, struct error *err);
/*
 * Removes it, its tokens revoked: it is not found any more and its name is free, but what it did
 * keeps it. Again it changes nothing. Fails with ERR_NOT_FOUND if the workspace never had it,
 * ERR_CONFLICT if it is the workspace's first.
 */
bool user_remove(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                 struct error *err);
/* The workspace's oldest user, to whom what the operator does belongs. ERR_NOT_FOUND. */
bool user_first(struct db *db, struct uuid workspace_id, struct uuid *out, struct error *err);
/* At most LIMIT users whose id is greater than AFTER, in the order of their ids. */
bool user_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
               struct arena *mem, struct user **out, size_t *count, struct error *err);

#endif
