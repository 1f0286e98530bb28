/* `audiotricks config`: every option with its effective value and where that came from. */
#include <jansson.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/settings_check.h"
#include "cli/table.h"
#include "cli/view.h"

static const struct table_column columns[] = {
    {"OPTION", TABLE_LEFT, 0},
    {"FROM", TABLE_LEFT, 0},
    {"VALUE", TABLE_LEFT, 0},
};

static const char *origin_name(enum config_origin origin)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};

    return names[origin];
}

/* What may be shown of a value. */
static const char *shown(const struct config_option *option, const char *text)
{
    return text && option->type == CONFIG_SECRET ? "***" : text;
}

static void print_json(struct arena *mem, const char *name, const struct config_option *option,
                       const char *value, const char *origin, bool is_named)
{
    char flag[CONFIGURATION_FLAG_SIZE], variable[CONFIGURATION_VARIABLE_SIZE];
    json_t *line;

    configuration_flag_name(option, flag, sizeof flag);
    configuration_variable_name(option, variable, sizeof variable);
    line = json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s}", "option", name, "value", value, "origin",
                     origin, "flag", is_named ? NULL : arena_printf(mem, "--%s", flag),
                     "environment", is_named ? NULL : variable, "help", option->help);
    view_json(line);
    json_decref(line);
}

static void print_one(struct invocation *in, struct table *table, const char *name,
                      const struct config_option *option, const char *text, const char *origin,
                      bool is_named)
{
    const char *value = shown(option, text);

    if (in->json)
        print_json(in->mem, name, option, value, origin, is_named);
    else
        table_add(table, (const char *[]){name, origin, value ? value : "(not set)"});
}

/* [store "main"]: what the file says in each named section. */
static void print_named(struct invocation *in, struct table *table,
                        const struct config_option *option)
{
    const char *name;

    for (size_t i = 0; config_named_at(in->config, option->section, i, &name); i++) {
        const char *text = config_named_text(in->config, option->section, name, option->key);

        if (text)
            print_one(in, table,
                      arena_printf(in->mem, "%s \"%s\".%s", option->section, name, option->key),
                      option, text, origin_name(CONFIG_FILE), true);
    }
}

static enum cli_exit run(struct invocation *in)
{
    struct table *table = table_new(in->mem, columns, COUNT_OF(columns));
    struct config_value value;
    struct error err;

    for (size_t i = 0; config_at(in->config, i, &value); i++)
        print_one(in, table,
                  arena_printf(in->mem, "%s.%s", value.option->section, value.option->key),
                  value.option, value.text, origin_name(value.origin), false);
    for (size_t i = 0; i < configuration_named_option_count; i++)
        print_named(in, table, &configuration_named_options[i]);
    if (!in->json)
        table_print(table, table_terminal_width(stdout), stdout);
    return settings_check(in->config, &err) ? CLI_OK : cli_fail(&err);
}

const struct command command_config = {
    .name = "config",
    .summary = "show every option of the server and where its value comes from",
    .help =
        "Prints the configuration that `serve` would run with: a flag wins over the environment\n"
        "(AUDIOTRICKS_UPLOADS_ACCEPT for [uploads] accept), that over the file, that over the\n"
        "default. Secrets are not shown. If `serve` would refuse it the reason comes last, and it\n"
        "ends with 2.\n"
        "\n"
        "Examples:\n"
        "  audiotricks config\n"
        "  audiotricks config --config /etc/audiotricks.conf --listen 0.0.0.0:8080\n"
        "  audiotricks config --json | jq -r 'select(.origin != \"default\") | .option'\n",
    .takes = TAKES_CONFIGURATION,
    .run = run,
};
