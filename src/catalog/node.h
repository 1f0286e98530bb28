/*
 * Nodes: the servers that share a database, and their duties: what one of them does for all. Tables
 * nodes and duties.
 *
 * A node is a data folder, and an instance of it one start of its server. Both nodes and duties are
 * held by leases, which run by the clock of the database. As all that change the catalog follow one
 * another, whoever finds in its transaction that the duty is still its own is alone with it.
 */
#ifndef CATALOG_NODE_H
#define CATALOG_NODE_H

#include "db/db.h"

struct node_row {
    struct uuid id;       /* of the data folder */
    struct uuid instance; /* of the start */
    const char *host;     /* where the folder is, for people */
    int64_t lease_until_us;
};

/* The time by which leases run. */
bool node_clock(struct db *db, int64_t *now_us, struct error *err);

/* ERR_NOT_FOUND if no server was started with this id. */
bool node_by_id(struct db *db, struct uuid id, struct arena *mem, struct node_row *out,
                struct error *err);
/* A start: whatever the node had before is this instance's. */
bool node_begin(struct db *tx, const struct node_row *node, int64_t now_us, struct error *err);
/* Gives the node more time. *KEPT is false if another instance of it has started. */
bool node_keep(struct db *tx, const struct node_row *node, bool *kept, struct error *err);
/* At most LIMIT nodes that have a lease at NOW_US. */
bool node_alive(struct db *db, int64_t now_us, size_t limit, struct arena *mem, struct uuid **out,
                size_t *count, struct error *err);
/* At most LIMIT whose lease had run out by BEFORE_US and that were receiving uploads of one
 * request.
 */
bool node_silent(struct db *db, int64_t before_us, size_t limit, struct arena *mem,
                 struct uuid **out, size_t *count, struct error *err);
/* Sessions of one request that are no node's become this one's. */
bool node_adopt(struct db *tx, struct uuid id, struct error *err);

/* Takes the duty, or keeps it, until UNTIL_US. *TAKEN is false while another has it. */
bool duty_take(struct db *tx, const char *name, struct uuid instance, int64_t now_us,
               int64_t until_us, bool *taken, struct error *err);
/* Whether nobody has taken it since INSTANCE did. */
bool duty_is_held(struct db *db, const char *name, struct uuid instance, bool *out,
                  struct error *err);
/* Gives it up, for others to take at once. Nothing if it is another's. */
bool duty_leave(struct db *tx, const char *name, struct uuid instance, struct error *err);

#endif
