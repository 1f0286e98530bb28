#include "cli/arguments.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "cli/hint.h"
#include "cli/options.h"

const struct command_option options_common[] = {
    {"json", 0, NULL, "machine-readable output: JSON, one object a line"},
    {"help", 'h', NULL, "this text"},
    {0},
};

const struct command_option options_client[] = {
    {"server", 0, "URL", "the server; else $AUDIOTRICKS_CLIENT_SERVER, else http://127.0.0.1:8080"},
    {"token-file", 0, "FILE",
     "read the token from FILE; else $AUDIOTRICKS_CLIENT_TOKEN, else --data"},
    {"data", 0, "DIR", "use DIR/operator-token; else ./data/operator-token if it is there"},
    {"workspace", 'w', "ID|NAME", "the workspace; needed only where a token sees several"},
    {"retries", 0, "N", "how often to try again when the server is away or busy (default 4)"},
    {0},
};

const struct command_option options_configuration[] = {
    {"config", 0, "FILE", "read this configuration file; else $AUDIOTRICKS_CONFIG"},
    {0},
};

bool arguments_table_at(const struct command *command, size_t index,
                        const struct command_option **out)
{
    const struct command_option *tables[4];
    size_t count = 0;

    if (command->options)
        tables[count++] = command->options;
    if (command->takes & TAKES_CLIENT)
        tables[count++] = options_client;
    if (command->takes & TAKES_CONFIGURATION)
        tables[count++] = options_configuration;
    tables[count++] = options_common;
    if (index >= count)
        return false;
    *out = tables[index];
    return true;
}

static const struct command_option *find_option(const struct command *command, struct str name,
                                                char letter)
{
    const struct command_option *option;

    for (size_t i = 0; arguments_table_at(command, i, &option); i++) {
        for (; option->name; option++) {
            if (letter ? option->letter == letter : str_equal_text(name, option->name))
                return option;
        }
    }
    return NULL;
}

static void offer_options(const struct command *command, struct hint *hint)
{
    const struct command_option *option;

    for (size_t i = 0; arguments_table_at(command, i, &option); i++) {
        for (; option->name; option++)
            hint_offer(hint, option->name);
    }
}

static bool unknown_option(struct invocation *in, const char *argument, struct error *err)
{
    size_t length = strcspn(argument + 2, "=");
    char *name = arena_strndup(in->mem, argument + 2, length);
    struct hint hint;

    hint_init(&hint, name);
    offer_options(in->command, &hint);
    if (in->command->takes & TAKES_CONFIGURATION) {
        for (size_t i = 0; i < configuration_option_count; i++) {
            char *flag = arena_alloc(in->mem, CONFIGURATION_FLAG_SIZE);

            configuration_flag_name(&configuration_options[i], flag, CONFIGURATION_FLAG_SIZE);
            hint_offer(&hint, flag);
        }
    }
    if (hint.best)
        return error_tell(err, ERR_INVALID, "unknown option --%s; did you mean --%s?", name,
                          hint.best);
    return error_tell(err, ERR_INVALID, "unknown option --%s", name);
}

/* "a|b|c" in small letters is a closed list; "ID|NAME" only names what is wanted. */
static bool is_closed_list(const char *argument)
{
    return strchr(argument, '|') && argument[0] >= 'a' && argument[0] <= 'z';
}

static bool is_listed(const char *list, const char *value)
{
    struct str rest = str_from(list), part;

    while (str_split(&rest, '|', &part)) {
        if (str_equal_text(part, value))
            return true;
    }
    return false;
}

static bool note_option(struct invocation *in, const struct command_option *option,
                        const char *value, struct error *err)
{
    if (option->argument && is_closed_list(option->argument) && !is_listed(option->argument, value))
        return error_tell(err, ERR_INVALID, "--%s %s: it takes one of %s", option->name, value,
                          option->argument);
    in->given[in->given_count++] = (struct given_option){option, value};
    if (strcmp(option->name, "json") == 0)
        in->json = true;
    return true;
}

/* "--name", "--name=value", "--name value": *USED is the number of arguments it took. */
static bool read_long(struct invocation *in, const char *argument, const char *next, size_t *used,
                      struct error *err)
{
    const char *equals = strchr(argument, '=');
    struct str name = {argument + 2,
                       equals ? (size_t)(equals - argument - 2) : strlen(argument + 2)};
    const struct command_option *option = find_option(in->command, name, 0);
    int used_by_config = 0;

    *used = 1;
    if (!option && in->config) {
        if (!config_flag(in->config, argument, next, &used_by_config, err))
            return false;
        *used = (size_t)used_by_config;
    }
    if (!option)
        return used_by_config > 0 || unknown_option(in, argument, err);
    if (!option->argument && equals)
        return error_tell(err, ERR_INVALID, "--%s takes no value", option->name);
    if (!option->argument)
        return note_option(in, option, "", err);
    if (equals)
        return note_option(in, option, equals + 1, err);
    if (!next)
        return error_tell(err, ERR_INVALID, "--%s needs a value: %s", option->name,
                          option->argument);
    *used = 2;
    return note_option(in, option, next, err);
}

/* "-x", "-xy" (switches together), "-oVALUE", "-o VALUE". */
static bool read_short(struct invocation *in, const char *argument, const char *next, size_t *used,
                       struct error *err)
{
    *used = 1;
    for (const char *letter = argument + 1; *letter; letter++) {
        const struct command_option *option = find_option(in->command, (struct str){0}, *letter);

        if (!option)
            return error_tell(err, ERR_INVALID, "unknown option -%c", *letter);
        if (!option->argument) {
            if (!note_option(in, option, "", err))
                return false;
            continue;
        }
        if (letter[1])
            return note_option(in, option, letter + 1, err);
        if (!next)
            return error_tell(err, ERR_INVALID, "-%c needs a value: %s", *letter, option->argument);
        *used = 2;
        return note_option(in, option, next, err);
    }
    return true;
}

static bool check_count(const struct invocation *in, struct error *err)
{
    const struct command *command = in->command;

    if (option_given(in, "help"))
        return true;
    if (in->argument_count < command->arguments_min)
        return error_tell(err, ERR_INVALID, "something is missing: audiotricks %s %s", in->path,
                          command->usage ? command->usage : "");
    if (in->argument_count > command->arguments_max)
        return error_tell(err, ERR_INVALID, "\"%s\" is one argument too many",
                          in->arguments[command->arguments_max]);
    return true;
}

bool arguments_read(struct invocation *in, char **arguments, size_t count, struct error *err)
{
    size_t used = 1, letters = 0;

    for (size_t i = 0; i < count; i++)
        letters += strlen(arguments[i]); /* a cluster of switches gives one option per letter */
    in->given = arena_array(in->mem, letters + 1, sizeof *in->given);
    in->arguments = arena_array(in->mem, count + 1, sizeof *in->arguments);
    for (size_t i = 0; i < count; i += used) {
        char *argument = arguments[i], *next = i + 1 < count ? arguments[i + 1] : NULL;

        used = 1;
        if (strcmp(argument, "--") == 0) {
            while (++i < count)
                in->arguments[in->argument_count++] = arguments[i];
            break;
        }
        if (argument[0] != '-' || !argument[1])
            in->arguments[in->argument_count++] = argument;
        else if (argument[1] == '-') {
            if (!read_long(in, argument, next, &used, err))
                return false;
        } else if (!read_short(in, argument, next, &used, err)) {
            return false;
        }
    }
    return check_count(in, err);
}

const char *option_text(const struct invocation *in, const char *name)
{
    const struct command_option *option = find_option(in->command, str_from(name), 0);

    assert(option);
    for (size_t i = in->given_count; i > 0; i--) {
        if (in->given[i - 1].option == option)
            return in->given[i - 1].value;
    }
    return NULL;
}

bool option_given(const struct invocation *in, const char *name)
{
    return option_text(in, name) != NULL;
}

bool option_count(const struct invocation *in, const char *name, uint64_t fallback, uint64_t min,
                  uint64_t max, uint64_t *out, struct error *err)
{
    const char *text = option_text(in, name);
    uint64_t value = fallback;

    if (text && (!str_to_u64(str_from(text), max, &value) || value < min))
        return error_tell(err, ERR_INVALID, "--%s %s: it takes a number from %llu to %llu", name,
                          text, (unsigned long long)min, (unsigned long long)max);
    *out = value;
    return true;
}
