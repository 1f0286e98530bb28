/*
 * Deliveries: what is to be told to a webhook, and how that went. Those of one lane (an upload) go
 * out one after the other, in the order of their events.
 */
#ifndef CATALOG_DELIVERY_H
#define CATALOG_DELIVERY_H

#include "db/db.h"

struct delivery {
    struct uuid id;
    struct uuid webhook_id;
    struct uuid workspace_id;
    struct uuid upload_id;  /* nil: of no upload */
    int64_t event_sequence; /* 0: of no event, a test */
    const char *event_type;
    const char *event_data;
    int64_t event_at_us;
    const char *lane;
    const char *status; /* pending, delivered, dead */
    int64_t attempts;
    int64_t next_attempt_at_us; /* 0: it has ended, or an earlier one of its lane has not */
    int64_t retry_until_us;     /* a failure behind it is the last */
    int64_t last_attempt_at_us; /* 0: none yet; what follows is of it */
    int64_t duration_ms;
    int64_t response_status; /* 0: no answer */
    const char *error;       /* NULL: it went well */
    int64_t created_at_us;
};

#define DELIVERY_PENDING "pending"
#define DELIVERY_DELIVERED "delivered"
#define DELIVERY_DEAD "dead"

/* Queues it: to be sent at once, at its created_at_us, or when those of its lane before it have
 * ended. Nothing happens if its webhook is gone. */
bool delivery_insert(struct db *tx, const struct delivery *delivery, struct error *err);
/* At most LIMIT of a webhook that have a time for their next attempt, the earliest first. */
bool delivery_due(struct db *db, struct uuid webhook_id, size_t limit, struct arena *mem,
                  struct delivery **out, size_t *count, struct error *err);

/* Records an attempt: status, next_attempt_at_us, retry_until_us and the five of the last attempt
 * are taken from DELIVERY. If it has ended the next of its lane is due at NOW_US. Nothing happens
 * if it is gone.
 */
bool delivery_attempted(struct db *tx, const struct delivery *delivery, int64_t now_us,
                        struct error *err);

/* By hand: sends one that has ended once more, outside the order, with RETRY_UNTIL_US of its own,
 * or one that waits for its next attempt now. ERR_CONFLICT if it waits for an earlier one of its
 * lane; ERR_NOT_FOUND. */
bool delivery_again(struct db *tx, struct uuid webhook_id, struct uuid id, int64_t now_us,
                    int64_t retry_until_us, struct arena *mem, struct error *err);

bool delivery_by_id(struct db *db, struct uuid webhook_id, struct uuid id, struct arena *mem,
                    struct delivery *out, struct error *err);
/* At most LIMIT of a webhook whose id is less than BEFORE (nil: any), the newest first; of one
 * STATUS, or of all where it is "". */
bool delivery_list(struct db *db, struct uuid webhook_id, struct uuid before, const char *status,
                   size_t limit, struct arena *mem, struct delivery **out, size_t *count,
                   struct error *err);
/* How many have not ended, of all webhooks. */
bool delivery_backlog(struct db *db, uint64_t *out, struct error *err);
/* Removes at most LIMIT that have ended and whose id is less than BEFORE. */
bool delivery_forget(struct db *tx, struct uuid before, size_t limit, uint64_t *count,
                     struct error *err);

#endif
