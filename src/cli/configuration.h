/* The server's configuration, gathered for a command: flags, environment, file, defaults. */
#ifndef CLI_CONFIGURATION_H
#define CLI_CONFIGURATION_H

#include "base/arena.h"
#include "base/config.h"

/* An empty configuration over the table of options.h. */
struct config *configuration_new(void);
/* Adds the environment and the file to a configuration that has its flags. PATH NULL:
 * $AUDIOTRICKS_CONFIG, or no file. Fails with ERR_INVALID as config_environment and config_file. */
bool configuration_read(struct config *config, const char *path, struct arena *mem,
                        struct error *err);

#endif
