/* Misspelt AUDIOTRICKS_… variables of the environment are not silently ignored. */
#ifndef CLI_VARIABLES_H
#define CLI_VARIABLES_H

#include "base/arena.h"
#include "base/error.h"

#define VARIABLE_CONFIG_FILE "AUDIOTRICKS_CONFIG"
#define VARIABLE_CLIENT_SERVER "AUDIOTRICKS_CLIENT_SERVER"
#define VARIABLE_CLIENT_TOKEN "AUDIOTRICKS_CLIENT_TOKEN"
#define VARIABLE_CLIENT_SILENCE_S "AUDIOTRICKS_CLIENT_SILENCE_S"

/* Those of the server: fails with ERR_INVALID if one is no option's, with the nearest that is. */
bool variables_check(struct arena *mem, struct error *err);
/* Those of client commands (AUDIOTRICKS_CLIENT_…): a line to standard error for each that is not
 * known. */
void variables_warn(struct arena *mem);

#endif
