/* Webhooks: who is told of a workspace's events, and how they know that it is us. */
#ifndef CATALOG_WEBHOOK_H
#define CATALOG_WEBHOOK_H

#include "db/db.h"

#define WEBHOOK_SECRET_MIN 24 /* bytes */
#define WEBHOOK_SECRET_MAX 64
#define WEBHOOK_URL_MAX 2000
#define WEBHOOK_DESCRIPTION_MAX 200

struct webhook_secret {
    uint8_t bytes[WEBHOOK_SECRET_MAX];
    size_t length; /* 0: none */
};

struct webhook {
    struct uuid id;
    struct uuid workspace_id;
    const char *url;
    const char *description;
    const char *event_types; /* with commas; "": all */
    struct webhook_secret secret;
    struct webhook_secret previous_secret;
    int64_t previous_secret_expires_at_us; /* 0: there is none */
    bool enabled;
    int64_t from_sequence; /* it is told of events behind this one */
    int64_t created_at_us;
    int64_t updated_at_us;
};

bool webhook_insert(struct db *tx, const struct webhook *webhook, struct error *err);
bool webhook_count(struct db *db, struct uuid workspace_id, uint64_t *out, struct error *err);
/* ERR_NOT_FOUND if the workspace has none of that id. */
bool webhook_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
                   struct webhook *out, struct error *err);
/* At most LIMIT of a workspace whose id is greater than AFTER. */
bool webhook_list(struct db *db, struct uuid workspace_id, struct uuid after, size_t limit,
                  struct arena *mem, struct webhook **out, size_t *count, struct error *err);
/* All, of every workspace, that are to be told of events; at most LIMIT. */
bool webhook_list_enabled(struct db *db, size_t limit, struct arena *mem, struct webhook **out,
                          size_t *count, struct error *err);
/* Writes everything but id, workspace and time of making. ERR_NOT_FOUND as webhook_by_id. */
bool webhook_change(struct db *tx, const struct webhook *webhook, struct error *err);
/* From then on it is not there any more; its row and its deliveries are left to webhook_forget, its
 * secrets are gone. ERR_NOT_FOUND as webhook_by_id. */
bool webhook_remove(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t now_us,
                    struct error *err);
/* The same with all of a workspace. */
bool webhook_remove_all(struct db *tx, struct uuid workspace_id, int64_t now_us, struct error *err);
/* Takes away what is left of those that were removed: at most LIMIT deliveries, of which *COUNT
 * were there, and the webhooks that have none. */
bool webhook_forget(struct db *tx, size_t limit, uint64_t *count, struct error *err);

#endif
