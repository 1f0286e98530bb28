/* Every command of the program; main.c puts them in order. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_help;

#endif
