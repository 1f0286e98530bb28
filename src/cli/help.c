#include "cli/help.h"

#include <string.h>

#include "cli/arguments.h"
#include "cli/hint.h"
#include "cli/lookup.h"
#include "cli/options.h"

#define COLUMN 28 /* where the explanation of an option begins */

static void print_pair(FILE *out, const char *left, const char *right)
{
    if (strlen(left) + 2 > COLUMN)
        fprintf(out, "%s\n%*s%s\n", left, COLUMN, "", right);
    else
        fprintf(out, "%-*s%s\n", COLUMN, left, right);
}

static void print_options(const struct command_option *option, FILE *out)
{
    for (; option->name; option++) {
        char left[96];
        char letter[] = {'-', option->letter, ',', ' ', 0};

        snprintf(left, sizeof left, "  %s--%s%s%s", option->letter ? letter : "    ", option->name,
                 option->argument ? " " : "", option->argument ? option->argument : "");
        print_pair(out, left, option->help);
    }
}

static void print_configuration(FILE *out)
{
    fputs("\nConfiguration (flag, then environment, then file, then default):\n", out);
    for (size_t i = 0; i < configuration_option_count; i++) {
        const struct config_option *option = &configuration_options[i];
        char name[CONFIGURATION_FLAG_SIZE], left[96], right[256];

        configuration_flag_name(option, name, sizeof name);
        snprintf(left, sizeof left, "      --%s VALUE", name);
        snprintf(right, sizeof right, "%s%s%s%s", option->help, option->fallback ? " [" : "",
                 option->fallback ? option->fallback : "", option->fallback ? "]" : "");
        print_pair(out, left, right);
    }
}

static void print_commands(const struct command *const *commands, FILE *out)
{
    for (; *commands; commands++) {
        char left[64];

        if ((*commands)->hidden)
            continue;
        snprintf(left, sizeof left, "  %s", (*commands)->name);
        fprintf(out, "%-14s%s\n", left, (*commands)->summary);
    }
}

static void print_exits(FILE *out)
{
    fputs("\nExit codes:\n", out);
#define X(name, code, words) fprintf(out, "  %d  %s\n", code, words);
    CLI_EXITS(X)
#undef X
}

void help_program(const struct program *program, FILE *out)
{
    fprintf(out, "%s %s: %s\n\nUsage: %s COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n",
            program->name, program->version, program->summary, program->name);
    print_commands(program->commands, out);
    fputs("\nOptions of every command:\n", out);
    print_options(options_common, out);
    fputs("      --version             the version; stands alone\n", out);
    print_exits(out);
    fprintf(out, "\nMore: %s help COMMAND\n", program->name);
}

void help_command(const struct program *program, const struct command *command, const char *path,
                  FILE *out)
{
    const struct command_option *unused;

    fprintf(out, "%s %s: %s\n\n", program->name, path, command->summary);
    if (command->children) {
        fprintf(out, "Usage: %s %s COMMAND [OPTIONS] [ARGUMENTS]\n\n", program->name, path);
        print_commands(command->children, out);
        fprintf(out, "\nWithout a command: %s.\n", command->children[0]->name);
    } else {
        fprintf(out, "Usage: %s %s [OPTIONS]%s%s\n", program->name, path, command->usage ? " " : "",
                command->usage ? command->usage : "");
    }
    if (command->help)
        fprintf(out, "\n%s", command->help);
    if (command->children) {
        fprintf(out, "\nMore: %s help %s COMMAND\n", program->name, path);
        return;
    }
    fputs("\nOptions:\n", out);
    for (size_t i = 0; arguments_table_at(command, i, &unused); i++)
        print_options(unused, out);
    if (command->takes & TAKES_CONFIGURATION)
        print_configuration(out);
}

static enum cli_exit run_help(struct invocation *in)
{
    const struct command *command;
    size_t used;
    const char *path;
    struct error err;

    if (in->argument_count == 0) {
        help_program(in->program, stdout);
        return CLI_OK;
    }
    if (!lookup_command(in->program, in->arguments, in->argument_count, in->mem, &command, &path,
                        &used, &err))
        return cli_fail(&err);
    if (used < in->argument_count)
        return cli_usage(in, "\"%s\" is no command of %s", in->arguments[used], path);
    help_command(in->program, command, path, stdout);
    return CLI_OK;
}

const struct command command_help = {
    .name = "help",
    .summary = "explain a command",
    .usage = "[COMMAND [SUBCOMMAND]]",
    .help = "Examples:\n"
            "  audiotricks help upload\n"
            "  audiotricks help token add\n",
    .arguments_max = 2,
    .run = run_help,
};
