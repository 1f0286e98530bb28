/* The commands below `audiotricks store`. */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "cli/command.h"

extern const struct command store_command_class;
extern const struct command store_command_restore;

#endif
