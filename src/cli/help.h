/* The texts of --help, made from the tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

/* What the program is, its commands, its exit codes. */
void help_program(const struct program *program, FILE *out);
/* One command: usage, text, options. PATH is how it is called, such as "token add". */
void help_command(const struct program *program, const struct command *command, const char *path,
                  FILE *out);

/* `audiotricks help [COMMAND [SUBCOMMAND]]` */
extern const struct command command_help;

#endif
