/* Does one request for each id on the command line, and goes on past those that fail. */
#ifndef CLI_EACH_ID_H
#define CLI_EACH_ID_H

#include "cli/client.h"
#include "cli/command.h"

struct each_id {
    const char *method;   /* "DELETE" */
    const char *resource; /* "uploads" */
    const char *below;    /* "undelete" for /v1/uploads/ID/undelete; NULL: the thing itself */
    const struct client_param *params;
    const char *done; /* what is printed before the id: "deleted" */
};

/* Prints a line for each: "deleted ID", or {"id": …, "done": "deleted"} as JSON. */
enum cli_exit each_id_run(struct invocation *in, const struct each_id *what);

#endif
