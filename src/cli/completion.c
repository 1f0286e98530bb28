/* `audiotricks completion bash`: a completion script made from the command table. */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/options.h"

static void print_names(const struct command *const *commands)
{
    const char *gap = "";

    for (; *commands; commands++) {
        if ((*commands)->hidden)
            continue;
        printf("%s%s", gap, (*commands)->name);
        gap = " ";
    }
}

static void print_flags(const struct command *command)
{
    const struct command_option *option;

    for (size_t i = 0; arguments_table_at(command, i, &option); i++) {
        for (; option->name; option++)
            printf(" --%s", option->name);
    }
    if (!(command->takes & TAKES_CONFIGURATION))
        return;
    for (size_t i = 0; i < configuration_option_count; i++) {
        char name[CONFIGURATION_FLAG_SIZE];

        configuration_flag_name(&configuration_options[i], name, sizeof name);
        printf(" --%s", name);
    }
}

/* One branch of the script's `case`: the options, and the words that may stand without dashes. */
static void print_branch(const char *path, const struct command *command)
{
    printf("    '%s')\n        options='", path);
    print_flags(command);
    printf("'\n        files=%d\n        ;;\n", (command->takes & TAKES_FILES) != 0);
}

static void print_parent(const struct command *command)
{
    printf("    '%s')\n        options='--help'\n        words='", command->name);
    print_names(command->children);
    printf("'\n        ;;\n");
}

/* "quota | token": the commands with commands below them. */
static void print_parents(const struct program *program)
{
    const char *gap = "";

    for (const struct command *const *at = program->commands; *at; at++) {
        if (!(*at)->children)
            continue;
        printf("%s%s", gap, (*at)->name);
        gap = " | ";
    }
}

/* Values of options that have a closed list, or are files or folders. */
static void print_values(const struct command *command)
{
    const struct command_option *option;

    for (size_t i = 0; arguments_table_at(command, i, &option); i++) {
        for (; option->name; option++) {
            const char *argument = option->argument;

            if (!argument || !strchr(argument, '|') || argument[0] < 'a' || argument[0] > 'z')
                continue;
            printf("    --%s)\n        mapfile -t COMPREPLY < <(compgen -W '", option->name);
            for (; *argument; argument++)
                putchar(*argument == '|' ? ' ' : *argument);
            printf("' -- \"$word\")\n        return\n        ;;\n");
        }
    }
}

static void walk(const struct command *const *commands, void (*each)(const struct command *command))
{
    for (; *commands; commands++) {
        if (!(*commands)->hidden)
            each(*commands);
        for (const struct command *const *child = (*commands)->children; child && *child; child++)
            each(*child);
    }
}

static void print_branches(const struct program *program)
{
    for (const struct command *const *at = program->commands; *at; at++) {
        char path[96];

        if ((*at)->hidden)
            continue;
        if (!(*at)->children) {
            print_branch((*at)->name, *at);
            continue;
        }
        print_parent(*at);
        for (const struct command *const *child = (*at)->children; *child; child++) {
            snprintf(path, sizeof path, "%s %s", (*at)->name, (*child)->name);
            print_branch(path, *child);
        }
    }
}

static void print_script(const struct program *program)
{
    printf("# bash completion for audiotricks; made by `audiotricks completion bash`.\n"
           "# Use: source <(audiotricks completion bash)\n"
           "_audiotricks()\n"
           "{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    local commands='");
    print_names(program->commands);
    printf(
        "'\n"
        "    local options='' words='' files=0 path=${COMP_WORDS[1]-}\n"
        "    COMPREPLY=()\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$commands --help --version\" -- \"$word\")\n"
        "        return\n"
        "    fi\n"
        "    case $before in\n");
    walk(program->commands, print_values);
    printf("    --token-file | --config | --output | -o)\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
           "        return\n"
           "        ;;\n"
           "    --data)\n"
           "        mapfile -t COMPREPLY < <(compgen -d -- \"$word\")\n"
           "        return\n"
           "        ;;\n"
           "    esac\n"
           "    case $path in\n"
           "    help) words=$commands ;;\n"
           "    completion) words=bash ;;\n"
           "    ");
    print_parents(program);
    printf(")\n"
           "        ((COMP_CWORD == 2)) || path=\"$path ${COMP_WORDS[2]-}\"\n"
           "        ;;\n"
           "    esac\n"
           "    case $path in\n");
    print_branches(program);
    printf("    esac\n"
           "    if [[ $word == -* ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
           "    elif ((files)); then\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
           "    else\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
           "    fi\n"
           "}\n"
           "complete -o filenames -o bashdefault -F _audiotricks audiotricks\n");
}

static enum cli_exit run(struct invocation *in)
{
    if (strcmp(in->arguments[0], "bash") != 0)
        return cli_usage(in, "there is no completion for %s; only for bash", in->arguments[0]);
    print_script(in->program);
    return CLI_OK;
}

const struct command command_completion = {
    .name = "completion",
    .summary = "print a script that completes commands and options",
    .usage = "bash",
    .help =
        "Prints a script for bash that completes commands, options, their values and file names.\n"
        "\n"
        "Examples:\n"
        "  source <(audiotricks completion bash)       in this shell; or for good, in ~/.bashrc\n"
        "  audiotricks completion bash > ~/.local/share/bash-completion/completions/audiotricks\n",
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
