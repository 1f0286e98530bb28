/* `audiotricks webhooks`: who is told of what happens. */
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/each_id.h"
#include "cli/listing.h"
#include "cli/view.h"

static char *view_types(struct arena *mem, const json_t *webhook, const char *name)
{
    const json_t *list = json_object_get(webhook, name), *type;
    char *joined = arena_strdup(mem, "");
    size_t i;

    json_array_foreach(list, i, type)
    {
        joined = arena_printf(mem, "%s%s%s", joined, i > 0 ? "," : "", json_string_value(type));
    }
    return *joined ? joined : arena_strdup(mem, "all");
}

static char *view_enabled(struct arena *mem, const json_t *webhook, const char *name)
{
    return arena_strdup(mem, json_is_true(json_object_get(webhook, name)) ? "yes" : "no");
}

static const struct listing_column columns[] = {
    {{"ID", TABLE_LEFT, 0}, "id", NULL},
    {{"MADE", TABLE_LEFT, 3}, "created_at", view_time},
    {{"ENABLED", TABLE_LEFT, 1}, "enabled", view_enabled},
    {{"EVENTS", TABLE_LEFT, 2}, "event_types", view_types},
    {{"URL", TABLE_LEFT, 0}, "url", NULL},
};

static enum cli_exit run_ls(struct invocation *in)
{
    return listing_run(in, "/v1/webhooks", NULL, columns, COUNT_OF(columns));
}

static json_t *list_of(const char *text)
{
    struct str rest = str_from(text), one;
    json_t *list = json_array();

    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        json_array_append_new(list, json_stringn(one.ptr, one.len));
    }
    return list;
}

static enum cli_exit run_add(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    scoped(json_decrefp) json_t *body = json_object();
    static const char *const members[] = {"id", "secret", NULL};
    const char *events = option_text(in, "events"), *description = option_text(in, "description");
    enum cli_exit code;
    struct error err;

    json_object_set_new(body, "url", json_string(in->arguments[0]));
    if (events)
        json_object_set_new(body, "event_types", list_of(events));
    if (description)
        json_object_set_new(body, "description", json_string(description));
    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    code = listing_change(in, &connection, "POST", "/v1/webhooks", take(body), members);
    if (code == CLI_OK && !in->json && isatty(STDERR_FILENO))
        fputs("Keep the secret: it is not shown again.\n", stderr);
    return code;
}

static enum cli_exit run_rm(struct invocation *in)
{
    return each_id_run(
        in, &(struct each_id){.method = "DELETE", .resource = "webhooks", .done = "removed"});
}

static enum cli_exit run_test(struct invocation *in)
{
    return each_id_run(
        in, &(struct each_id){
                .method = "POST", .resource = "webhooks", .below = "test", .done = "test queued"});
}

static const struct command_option add_options[] = {
    {"events", 0, "TYPE,...", "which types of events, such as upload.created; else all"},
    {"description", 0, "TEXT", "what it is for, shown by --json"},
    {0},
};

static const struct command webhooks_ls = {
    .name = "ls",
    .summary = "list webhooks; their secrets are never shown",
    .help = "Example:\n  audiotricks webhooks ls --json | jq -r .url\n",
    .takes = TAKES_CLIENT,
    .run = run_ls,
};

static const struct command webhooks_add = {
    .name = "add",
    .summary = "make a webhook and print its id and its secret, once",
    .usage = "URL",
    .help = "From now on each event is sent to URL in a POST of its own, signed with the secret\n"
            "(docs/api.md says how a receiver checks it).\n"
            "\n"
            "Example:\n"
            "  audiotricks webhooks add --events upload.created,upload.status \\\n"
            "      https://hooks.example.org/audiotricks\n",
    .options = add_options,
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_add,
};

static const struct command webhooks_rm = {
    .name = "rm",
    .summary = "remove webhooks and what they have not been told yet",
    .usage = "ID...",
    .help = "Example:\n  audiotricks webhooks rm 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_rm,
};

static const struct command webhooks_test = {
    .name = "test",
    .summary = "send webhook.test to webhooks",
    .usage = "ID...",
    .help = "How it went is in the list of deliveries (GET /v1/webhooks/ID/deliveries).\n"
            "\n"
            "Example:\n"
            "  audiotricks webhooks test 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_test,
};

const struct command command_webhooks = {
    .name = "webhooks",
    .summary = "list, add, remove, test webhooks",
    .children = (const struct command *const[]){&webhooks_ls, &webhooks_add, &webhooks_rm,
                                                &webhooks_test, NULL},
};
