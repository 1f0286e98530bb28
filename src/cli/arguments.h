/* From argv to an invocation: options in any order, `--` ends them. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "cli/command.h"

/* Options that every command takes, and those of commands that talk to a server. */
extern const struct command_option options_common[];
extern const struct command_option options_client[];
extern const struct command_option options_configuration[];

/*
 * Reads COUNT arguments behind the command's name into IN, whose program, command, mem and (for
 * TAKES_CONFIGURATION) config are set. Fails with ERR_INVALID, in words for the user: an unknown
 * option (with the nearest known one), a missing or superfluous value, too few or too many
 * arguments. With --help the number of arguments is not looked at.
 */
bool arguments_read(struct invocation *in, char **arguments, size_t count, struct error *err);

/* The option tables that apply to COMMAND: false past the last. */
bool arguments_table_at(const struct command *command, size_t index,
                        const struct command_option **out);

#endif
