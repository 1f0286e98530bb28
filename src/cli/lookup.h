/* Finds the command that words on the command line name. */
#ifndef CLI_LOOKUP_H
#define CLI_LOOKUP_H

#include "cli/command.h"

/*
 * Walks from the program's commands down to the one that WORDS name: *USED words were the names,
 * *PATH is them joined. A command with children whose child is not named is given itself. Hidden
 * commands are found too. Fails with ERR_INVALID, with the nearest known name.
 */
bool lookup_command(const struct program *program, char *const *words, size_t count,
                    struct arena *mem, const struct command **out, const char **path, size_t *used,
                    struct error *err);

#endif
