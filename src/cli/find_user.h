/* A user that is given by id or name. */
#ifndef CLI_FIND_USER_H
#define CLI_FIND_USER_H

#include "cli/connect.h"

/* *OUT is the id of the user NAMED; an id is taken as it is. Fails with ERR_NOT_FOUND if the
 * workspace has none of that name, and as connect_each. */
bool find_user(const struct connection *connection, const char *named, struct arena *mem,
               const char **out, struct error *err);

#endif
