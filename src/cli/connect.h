/* A client command's connection: which server, which token, which workspace. */
#ifndef CLI_CONNECT_H
#define CLI_CONNECT_H

#include "cli/client.h"
#include "cli/command.h"

struct connection {
    struct client *client;
    struct client_options options; /* for more clients of the same kind, one a thread */
    const char *workspace;         /* the id; NULL: not named */
};

/*
 * Reads --server, --token-file, --data, --workspace, --retries and the AUDIOTRICKS_CLIENT_…
 * environment. A workspace that is given by its name is looked up. Fails with ERR_UNAUTHORIZED if
 * there is no token, ERR_NOT_FOUND if no such workspace is to be seen, and as client_send.
 */
bool connect_open(const struct invocation *in, struct connection *out, struct error *err);
void connect_close(struct connection *connection);

/* PATH with the query of PARAMS (may be NULL) and, if one was named, the workspace. */
char *connect_target(const struct connection *connection, struct arena *mem, const char *path,
                     const struct client_param *params);
/* "/v1/uploads/ID/content" for ("uploads", ID, "content"); the last may be NULL. */
char *connect_path(struct arena *mem, const char *resource, const char *id, const char *below);

/* Sends a request without a body (GET is repeatable, DELETE too) and gives the answer's JSON, which
 * may be NULL. */
bool connect_ask(const struct connection *connection, const char *method, const char *target,
                 struct arena *mem, json_t **out, struct error *err);
/* Sends JSON. PUT and PATCH are repeatable, POST is not. */
bool connect_tell(const struct connection *connection, const char *method, const char *target,
                  const json_t *body, struct arena *mem, json_t **out, struct error *err);

/* Walks a list through its pages. EACH gets an item and says whether to go on. */
struct connect_list {
    const char *path;
    const struct client_param *params;
    uint64_t limit; /* most items in all; 0: every one */
    bool (*each)(void *context, const json_t *item);
    void *context;
    bool more; /* set: there would have been more than LIMIT */
};
bool connect_each(const struct connection *connection, struct connect_list *list, struct arena *mem,
                  struct error *err);

/* The id of the workspace that is given by id or name. Fails with ERR_NOT_FOUND. */
bool connect_find_workspace(const struct connection *connection, const char *named,
                            struct arena *mem, const char **out, struct error *err);

/* The workspace that a command works on: the named one, or the only one that the token sees. Fails
 * with ERR_INVALID if there are several. */
bool connect_workspace(const struct connection *connection, struct arena *mem, const char **out,
                       struct error *err);

#endif
