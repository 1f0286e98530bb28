/*
 * This server among those that share its database: who it is, and which duties are its own.
 *
 * A node that is alive says so every few seconds; what it is silent about for longer than its lease
 * others do in its place. Where the database is a file the server is alone: it has every duty, and
 * says nothing.
 */
#ifndef SERVICE_NODE_H
#define SERVICE_NODE_H

#include "service/app.h"

/* What one node does for all. */
enum duty {
    DUTY_SWEEP,    /* clearing away what is nobody's, or of nodes that are silent */
    DUTY_WEBHOOKS, /* making deliveries and sending them */
    DUTIES
};

struct node;

/* The id of the data folder DATA, in its file "node-id", which is made if MAKE. Without one it is
 * nil. Fails with ERR_INVALID if the file holds none. */
bool node_id_read(const char *data, bool make, const struct clock *clock,
                  const struct random_source *random, struct uuid *out, struct error *err);

/*
 * Enters the node and takes the duties that are free, all of them before it returns; then keeps
 * them, in a thread of its own. What an earlier start of this node held is its own at once. Sets
 * app->node.
 *
 * Fails with ERR_EXISTS if another server runs with this id: its data folder is a copy.
 */
bool node_start(struct app *app, const char *data, struct node **out, struct error *err);
/* Gives up what it holds, for others to take at once. */
void node_free(struct node *node);
DEFINE_RELEASE(node, struct node)

/* Whether other servers may be at work on the same data. */
bool node_is_shared(const struct app *app);
/* This start of the server; nil where it is alone, or is no server. */
struct uuid node_instance(const struct app *app);

/* Whether it is for this server to look after what the node ID (nil: none) had begun: its own, and
 * with DUTY_SWEEP that of all that are silent. */
bool node_looks_after(const struct app *app, struct uuid id, bool *out, struct error *err);
/* Whether other nodes are alive. */
bool node_has_company(const struct app *app, bool *out, struct error *err);

/* Whether the duty is this server's now. True of whoever is alone. */
bool node_has(const struct app *app, enum duty duty);
/* The same in a transaction, and nobody else can have it before that ends. Fails with ERR_CONFLICT
 * if it is another's: who stood still for too long changes nothing. */
bool node_must_have(struct db *tx, const struct app *app, enum duty duty, struct error *err);

#endif
