/* `audiotricks info`: all that is known of uploads. */
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/view.h"

/* Shown first, in this order and in words; everything else follows under its own name. */
static const struct {
    const char *member;
    const char *label;
    char *(*view)(struct arena *mem, const json_t *object, const char *name);
} leading[] = {
    {"original_filename", "name", NULL},
    {"id", "id", NULL},
    {"status", "status", NULL},
    {"file_size", "size", view_bytes},
    {"duration", "length", view_duration},
    {"uploaded_at", "uploaded", view_time},
    {"deleted_at", "in the trash since", view_time},
};

static bool is_leading(const char *member)
{
    for (size_t i = 0; i < COUNT_OF(leading); i++) {
        if (strcmp(member, leading[i].member) == 0)
            return true;
    }
    return false;
}

static void show_object(struct arena *mem, const json_t *object, const char *prefix)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        const char *label = arena_printf(mem, "%s%s", prefix, view_visible(mem, name));

        if (!*prefix && is_leading(name))
            continue;
        if (json_is_object(value))
            show_object(mem, value, arena_printf(mem, "%s.", label));
        else
            view_pair(label, view_value(mem, value));
    }
}

static void show(struct arena *mem, const json_t *record)
{
    for (size_t i = 0; i < COUNT_OF(leading); i++) {
        const char *member = leading[i].member;

        view_pair(leading[i].label, leading[i].view
                                        ? leading[i].view(mem, record, member)
                                        : view_value(mem, json_object_get(record, member)));
    }
    show_object(mem, record, "");
}

static enum cli_exit show_one(struct invocation *in, const struct connection *connection,
                              const char *id)
{
    scoped(json_decrefp) json_t *record = NULL;
    char *target =
        connect_target(connection, in->mem, connect_path(in->mem, "uploads", id, NULL), NULL);
    struct error err;

    if (!connect_ask(connection, "GET", target, in->mem, &record, &err)) {
        error_context(&err, "%s", id);
        return cli_fail(&err);
    }
    if (in->json)
        view_json(record);
    else
        show(in->mem, record);
    return CLI_OK;
}

static enum cli_exit run(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    enum cli_exit code = CLI_OK;
    struct error err;

    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    for (size_t i = 0; i < in->argument_count; i++) {
        if (i > 0 && !in->json)
            putchar('\n');
        code = cli_exit_join(code, show_one(in, &connection, in->arguments[i]));
    }
    return code;
}

const struct command command_info = {
    .name = "info",
    .summary = "show all that is known of uploads",
    .usage = "ID...",
    .help =
        "Shows the record of each upload: name, digests, audio facts, tags, where it is stored.\n"
        "\n"
        "Examples:\n"
        "  audiotricks info 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n"
        "  audiotricks info --json ID | jq .metadata.tags\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run,
};
