#include "cli/each_record.h"

#include <string.h>

#include "cli/connect.h"

static bool is_leading(const struct leading_member *leading, const char *member)
{
    for (; leading->member; leading++)
        if (strcmp(member, leading->member) == 0)
            return true;
    return false;
}

/* LEADING are left out of the outermost object: PREFIX "". */
static void show_object(struct arena *mem, const json_t *object, const char *prefix,
                        const struct leading_member *leading)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        const char *label = arena_printf(mem, "%s%s", prefix, view_visible(mem, name));

        if (!*prefix && is_leading(leading, name))
            continue;
        if (json_is_object(value))
            show_object(mem, value, arena_printf(mem, "%s.", label), leading);
        else
            view_pair(label, view_value(mem, value));
    }
}

static void show(struct arena *mem, const json_t *record, const struct leading_member *leading)
{
    for (const struct leading_member *one = leading; one->member; one++)
        view_pair(one->label, one->view ? one->view(mem, record, one->member)
                                        : view_value(mem, json_object_get(record, one->member)));
    show_object(mem, record, "", leading);
}

static enum cli_exit show_one(struct invocation *in, const struct connection *connection,
                              const char *resource, const struct leading_member *leading,
                              const char *id)
{
    scoped(json_decrefp) json_t *record = NULL;
    char *target =
        connect_target(connection, in->mem, connect_path(in->mem, resource, id, NULL), NULL);
    struct error err;

    if (!connect_ask(connection, "GET", target, in->mem, &record, &err)) {
        error_context(&err, "%s", id);
        return cli_fail(&err);
    }
    if (in->json)
        view_json(record);
    else
        show(in->mem, record, leading);
    return CLI_OK;
}

enum cli_exit each_record_run(struct invocation *in, const char *resource,
                              const struct leading_member *leading)
{
    scoped(connect_close) struct connection connection = {0};
    enum cli_exit code = CLI_OK;
    struct error err;

    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    for (size_t i = 0; i < in->argument_count; i++) {
        if (i > 0 && !in->json)
            putchar('\n');
        code = cli_exit_join(code, show_one(in, &connection, resource, leading, in->arguments[i]));
    }
    return code;
}
