/* Short lists of records: as a table for people, as JSON lines for programs. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "cli/client.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/table.h"

struct listing_column {
    struct table_column column;
    const char *member;                                                       /* of the record */
    char *(*view)(struct arena *mem, const json_t *object, const char *name); /* NULL: as it is */
};

/* Prints all of PATH's list. */
enum cli_exit listing_run(struct invocation *in, const char *path,
                          const struct client_param *params, const struct listing_column *columns,
                          size_t count);

/* Prints ITEMS, records that were found in another way. */
void listing_show(struct invocation *in, const json_t *items, const struct listing_column *columns,
                  size_t count);

/* Sends BODY (which is released) to PATH and prints the record that comes back: as JSON, else its
 * MEMBERS (NULL-terminated) one a line, a lone member without its name. */
enum cli_exit listing_change(struct invocation *in, const struct connection *connection,
                             const char *method, const char *path, json_t *body,
                             const char *const *members);

#endif
