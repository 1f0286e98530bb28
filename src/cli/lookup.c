#include "cli/lookup.h"

#include <string.h>

#include "cli/hint.h"

static const struct command *find(const struct command *const *commands, const char *name)
{
    for (; *commands; commands++) {
        if (strcmp((*commands)->name, name) == 0)
            return *commands;
    }
    return NULL;
}

static bool unknown_command(const struct command *const *commands, const char *where,
                            const char *name, struct error *err)
{
    struct hint hint;

    hint_init(&hint, name);
    for (; *commands; commands++) {
        if (!(*commands)->hidden)
            hint_offer(&hint, (*commands)->name);
    }
    if (hint.best)
        return error_tell(err, ERR_INVALID, "unknown command \"%s%s\"; did you mean \"%s%s\"?",
                          where, name, where, hint.best);
    return error_tell(err, ERR_INVALID, "unknown command \"%s%s\"", where, name);
}

bool lookup_command(const struct program *program, char *const *words, size_t count,
                    struct arena *mem, const struct command **out, const char **path, size_t *used,
                    struct error *err)
{
    const struct command *command = count > 0 ? find(program->commands, words[0]) : NULL;

    if (!command)
        return unknown_command(program->commands, "", count > 0 ? words[0] : "", err);
    *path = command->name;
    *used = 1;
    if (command->children && count > 1 && words[1][0] != '-') {
        const struct command *child = find(command->children, words[1]);

        if (!child)
            return unknown_command(command->children, arena_printf(mem, "%s ", command->name),
                                   words[1], err);
        *path = arena_printf(mem, "%s %s", command->name, child->name);
        *used = 2;
        command = child;
    }
    *out = command;
    return true;
}
