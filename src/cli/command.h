/*
 * The command line: a table of commands, their options, their help, their exit codes.
 *
 * Each command is one `const struct command` in a file of its own; main.c holds the table. From the
 * tables come the parser, `--help`, the hints for misspelt words and the shell completion, so that
 * they cannot tell different stories.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/error.h"

/* Every exit code, and what --help says about it. Scripts rely on them: they are never changed. */
#define CLI_EXITS(X)                                                                           \
    X(CLI_OK, 0, "done")                                                                       \
    X(CLI_FAILED, 1, "failed, or several things failed for different reasons")                 \
    X(CLI_USAGE, 2, "wrong usage: an unknown option, a missing argument, a bad configuration") \
    X(CLI_UNREACHABLE, 3, "the server could not be reached or is not available")               \
    X(CLI_DENIED, 4, "the token is missing or not valid, or its role does not allow this")     \
    X(CLI_NOT_FOUND, 5, "there is no such thing, here or on the server")                       \
    X(CLI_REFUSED, 6, "refused: over quota, not audio, in conflict, or already there")         \
    X(CLI_DIFFERENCES, 7, "verify found differences, or doctor found faults")

enum cli_exit {
#define X(name, code, words) name = code,
    CLI_EXITS(X)
#undef X
};

/* One option. A table of them ends with an entry whose NAME is NULL. */
struct command_option {
    const char *name;     /* "on-duplicate" for --on-duplicate */
    char letter;          /* 'o' for -o; 0: none */
    const char *argument; /* "FILE"; NULL: a switch. "a|b|c" in small letters is a closed list */
    const char *help;     /* one line */
};

enum {
    TAKES_CLIENT = 1, /* talks to a server: --server, --token-file, --data, --workspace … */
    TAKES_CONFIGURATION = 2, /* reads the server's configuration: --config and every option of it */
    TAKES_FILES = 4          /* its arguments are files and folders (for the completion) */
};

struct invocation;

struct command {
    const char *name;
    const char *summary; /* one line, no full stop */
    const char *usage;   /* what follows the name, such as "ID..."; NULL: nothing */
    const char *help;    /* the long text: paragraphs and examples, ends with a newline */
    const struct command_option *options; /* NULL: none of its own */
    unsigned takes;                       /* TAKES_… */
    size_t arguments_min;
    size_t arguments_max; /* SIZE_MAX: any number */
    /* A command with commands below it, such as `token ls`: NULL-terminated, and the first is the
     * one that runs when none is named. Such a command has neither options nor RUN of its own. */
    const struct command *const *children;
    enum cli_exit (*run)(struct invocation *in);
    bool hidden; /* not in the help, and its arguments are not looked at */
};

struct program {
    const char *name;
    const char *version;
    const char *summary;
    const struct command *const *commands; /* NULL-terminated */
};

struct given_option {
    const struct command_option *option;
    const char *value; /* "" for a switch */
};

/* One run of a command: what the user gave. */
struct invocation {
    const struct program *program;
    const struct command *command;
    const char *path; /* "token add" */
    char **arguments; /* what is no option */
    size_t argument_count;
    bool json;             /* --json: machine-readable output */
    struct config *config; /* flags, environment and file read; NULL without TAKES_CONFIGURATION */
    struct arena *mem;     /* lives as long as the run */
    struct given_option *given;
    size_t given_count;
};

/* The whole of main(): finds the command, reads its arguments, runs it. Gives the exit code. */
int cli_main(const struct program *program, int argc, char **argv);

/* The value of an option that was given (the last one, if several times); NULL if it was not. The
 * option must stand in the command's tables (asserted). */
const char *option_text(const struct invocation *in, const char *name);
bool option_given(const struct invocation *in, const char *name);
/* The value as a count from MIN to MAX; FALLBACK if it was not given. Fails with ERR_INVALID. */
bool option_count(const struct invocation *in, const char *name, uint64_t fallback, uint64_t min,
                  uint64_t max, uint64_t *out, struct error *err);

/* Prints "audiotricks: " and the error to standard error; gives the exit code that fits its kind.
 */
enum cli_exit cli_fail(const struct error *err);
/* The exit code that fits an error's kind. */
enum cli_exit cli_exit_of(const struct error *err);
/* The code for a run over many things, of which one more ended with NEXT: CLI_OK as long as all did
 * well, the code of the failures while they agree, else CLI_FAILED. */
enum cli_exit cli_exit_join(enum cli_exit so_far, enum cli_exit next);
/* Prints a sentence about wrong usage and where to read more; gives CLI_USAGE. */
__attribute__((format(printf, 2, 3))) enum cli_exit cli_usage(const struct invocation *in,
                                                              const char *fmt, ...);

#endif
