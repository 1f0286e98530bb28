/*
 * The event log: every change of a status, in the order of commits. It is written by the catalog's
 * triggers (sql/migrations), in the transaction of the change; nobody else adds to it.
 */
#ifndef CATALOG_EVENT_H
#define CATALOG_EVENT_H

#include "db/db.h"

#define EVENT_TYPES(X)    \
    X("upload.created")   \
    X("upload.status")    \
    X("upload.deleted")   \
    X("upload.undeleted") \
    X("upload.purged")    \
    X("chunk.status")     \
    X("job.status")

struct event {
    int64_t sequence; /* from 1, grows, never given twice */
    struct uuid workspace_id;
    struct uuid upload_id; /* nil: of a job without one */
    const char *type;
    struct uuid subject_id; /* the chunk or the job; of a new upload, whose content it shares */
    const char *subject;    /* the chunk's index, the job's kind; NULL: an upload's event */
    const char *old_status; /* NULL: it is new */
    const char *status;     /* NULL: it is gone */
    const char *error_code; /* NULL: none */
    int64_t created_at_us;
};

/* A set of types; 0 is every type. */
typedef uint32_t event_types;

/* "upload.status,job.status"; NULL and "" give every type. Fails with ERR_INVALID, naming the one
 * that is unknown. */
bool event_types_parse(const char *text, event_types *out, struct error *err);
/* Whether TYPE is in the set. */
bool event_types_hold(event_types types, const char *type);
/* The COUNTth type; NULL past the last. */
const char *event_type_at(size_t index);

/* The newest number given; 0: none yet. */
bool event_last(struct db *db, int64_t *out, struct error *err);
/* At most LIMIT events behind AFTER, in order, of all workspaces. */
bool event_list(struct db *db, int64_t after, size_t limit, struct arena *mem, struct event **out,
                size_t *count, struct error *err);

/* Up to which number events have been removed. */
bool event_removed(struct db *db, int64_t *out, struct error *err);
/* Removes events older than BEFORE_US, at most LIMIT of them; *COUNT is how many. */
bool event_remove(struct db *tx, int64_t before_us, size_t limit, uint64_t *count,
                  struct error *err);

/* Up to which event webhooks have their deliveries. Only goes forward. */
bool event_delivered(struct db *db, int64_t *out, struct error *err);
bool event_set_delivered(struct db *tx, int64_t sequence, struct error *err);

#endif
