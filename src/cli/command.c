#include "cli/command.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/configuration.h"
#include "cli/help.h"
#include "cli/lookup.h"
#include "cli/text.h"

enum cli_exit cli_exit_of(const struct error *err)
{
    switch (err->kind) {
    case ERR_INVALID:
        return CLI_USAGE;
    case ERR_UNAVAILABLE:
    case ERR_TOO_MANY:
        return CLI_UNREACHABLE;
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
        return CLI_DENIED;
    case ERR_STORE_DIFFERS:
        return CLI_REFUSED;
    case ERR_NOT_FOUND:
    case ERR_CACHE_MISS:
    case ERR_CONTENT_UNKNOWN:
        return CLI_NOT_FOUND;
    case ERR_INTERNAL:
    case ERR_GONE_CLIENT:
    case ERR_INCOMPLETE:
    case ERR_CHECKSUM:
        return CLI_FAILED;
    default:
        return error_status(err) >= 500 ? CLI_FAILED : CLI_REFUSED;
    }
}

/* What went wrong may quote names of files and what a server said: neither acts on the terminal. */
static void complain(const char *text)
{
    char visible[TEXT_VISIBLE_SIZE(sizeof((struct error *)0)->log)];

    text_visible(text, visible, sizeof visible);
    fprintf(stderr, "audiotricks: %s\n", visible);
}

enum cli_exit cli_fail(const struct error *err)
{
    complain(err->log);
    return cli_exit_of(err);
}

enum cli_exit cli_exit_join(enum cli_exit so_far, enum cli_exit next)
{
    if (so_far == CLI_OK || so_far == next)
        return next;
    return next == CLI_OK ? so_far : CLI_FAILED;
}

static enum cli_exit usage_says(const char *path, const char *text)
{
    complain(text);
    fprintf(stderr, "Try: audiotricks help%s%s\n", *path ? " " : "", path);
    return CLI_USAGE;
}

enum cli_exit cli_usage(const struct invocation *in, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = arena_vprintf(in->mem, fmt, args);
    va_end(args);
    return usage_says(in->path, text);
}

/* Output that did not arrive is a failure: a full disk must not pass for a finished listing. */
static enum cli_exit flush_output(enum cli_exit code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno != EPIPE)
        fprintf(stderr, "audiotricks: standard output: %s\n", strerror(errno));
    return code == CLI_OK ? CLI_FAILED : code;
}

static enum cli_exit run_command(struct invocation *in, char **arguments, size_t count)
{
    scoped(config_release) struct config *config = NULL;
    struct error err;

    if (in->command->takes & TAKES_CONFIGURATION)
        in->config = config = configuration_new();
    if (!arguments_read(in, arguments, count, &err))
        return usage_says(in->path, err.log);
    if (option_given(in, "help")) {
        help_command(in->program, in->command, in->path, stdout);
        return CLI_OK;
    }
    if (config && !configuration_read(config, option_text(in, "config"), in->mem, &err))
        return usage_says(in->path, err.log);
    return in->command->run(in);
}

static enum cli_exit find_and_run(const struct program *program, char **arguments, size_t count)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct invocation in = {.program = program, .mem = mem};
    size_t used = 0;
    struct error err;

    if (!lookup_command(program, arguments, count, mem, &in.command, &in.path, &used, &err))
        return usage_says("", err.log);
    if (in.command->hidden)
        return in.command->run(&in);
    if (in.command->children) {
        if (used < count &&
            (strcmp(arguments[used], "--help") == 0 || strcmp(arguments[used], "-h") == 0)) {
            help_command(program, in.command, in.path, stdout);
            return CLI_OK;
        }
        in.command = in.command->children[0];
        in.path = arena_printf(mem, "%s %s", in.path, in.command->name);
    }
    return run_command(&in, arguments + used, count - used);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int cli_main(const struct program *program, int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters; texts are UTF-8 everywhere */
    if (argc < 2) {
        help_program(program, stderr);
        return CLI_USAGE;
    }
    if (is_one_of(argv[1], "--help", "-h")) {
        help_program(program, stdout);
        return flush_output(CLI_OK);
    }
    if (is_one_of(argv[1], "--version", "-V")) {
        if (argc > 2 && strcmp(argv[2], "--json") == 0)
            printf("{\"version\": \"%s\"}\n", program->version);
        else
            printf("%s %s\n", program->name, program->version);
        return flush_output(CLI_OK);
    }
    if (argv[1][0] == '-') {
        fprintf(stderr, "audiotricks: unknown option %s; a command comes first, then its options\n",
                argv[1]);
        return usage_says("", "no command");
    }
    return flush_output(find_and_run(program, argv + 1, (size_t)argc - 1));
}
