/* Does one thing for each name on the command line, and goes on past those that fail. */
#ifndef CLI_EACH_ID_H
#define CLI_EACH_ID_H

#include "cli/client.h"
#include "cli/command.h"
#include "cli/connect.h"

struct each_named {
    /* Does it for NAMED, and gives the id of what that is, in the invocation's arena. */
    bool (*change)(struct invocation *in, const struct connection *connection, const void *context,
                   const char *named, const char **id, struct error *err);
    const void *context;
    const char *done; /* what is printed behind the id: "deleted" */
};

/* Prints a line for each: "ID  deleted", or {"id": …, "done": "deleted"} as JSON. */
enum cli_exit each_named_run(struct invocation *in, const struct each_named *what);

/* One request for each, where ids alone are taken. */
struct each_id {
    const char *method;   /* "DELETE" */
    const char *resource; /* "uploads" */
    const char *below;    /* "undelete" for /v1/uploads/ID/undelete; NULL: the thing itself */
    const struct client_param *params;
    const char *done;
};

/* As each_named_run. */
enum cli_exit each_id_run(struct invocation *in, const struct each_id *what);

#endif
