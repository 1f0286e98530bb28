/* `audiotricks sessions`: uploads in progress, and how they ended. */
#include "cli/commands.h"
#include "cli/each_id.h"
#include "cli/listing.h"
#include "cli/view.h"

static char *view_progress(struct arena *mem, const json_t *session, const char *name)
{
    const json_t *progress = json_object_get(session, name);

    if (!json_is_number(progress))
        return view_bytes(mem, session, "received_bytes");
    return arena_printf(mem, "%d %%", (int)(json_number_value(progress) * 100));
}

static const struct listing_column columns[] = {
    {{"ID", TABLE_LEFT, 0}, "id", NULL},
    {{"BEGUN", TABLE_LEFT, 4}, "created_at", view_time},
    {{"EXPIRES", TABLE_LEFT, 3}, "expires_at", view_time},
    {{"SIZE", TABLE_RIGHT, 2}, "file_size", view_bytes},
    {{"HAS", TABLE_RIGHT, 1}, "progress", view_progress},
    {{"PROTOCOL", TABLE_LEFT, 5}, "protocol", NULL},
    {{"STATUS", TABLE_LEFT, 1}, "status", NULL},
    {{"NAME", TABLE_LEFT, 0}, "filename", NULL},
};

static enum cli_exit run_ls(struct invocation *in)
{
    return listing_run(in, "/v1/chunked-uploads", NULL, columns, COUNT_OF(columns));
}

static enum cli_exit run_rm(struct invocation *in)
{
    return each_id_run(
        in,
        &(struct each_id){.method = "DELETE", .resource = "chunked-uploads", .done = "removed"});
}

static const struct command sessions_ls = {
    .name = "ls",
    .summary = "list uploads in progress, and those that ended within a day",
    .help =
        "Lists the workspace's upload sessions, whatever the protocol: how much of each has come\n"
        "and when it expires. Quota is reserved for those that are `initiated`.\n"
        "\n"
        "Examples:\n"
        "  audiotricks sessions ls\n"
        "  audiotricks sessions ls --json | jq -r 'select(.status == \"failed\") | .error_code'\n",
    .takes = TAKES_CLIENT,
    .run = run_ls,
};

static const struct command sessions_rm = {
    .name = "rm",
    .summary = "cancel uploads in progress, and give their quota back",
    .usage = "ID...",
    .help = "Cancels sessions, with what has come of them; an upload that one has become stays.\n"
            "\n"
            "Example:\n"
            "  audiotricks sessions rm 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_rm,
};

const struct command command_sessions = {
    .name = "sessions",
    .summary = "list and cancel uploads in progress",
    .children = (const struct command *const[]){&sessions_ls, &sessions_rm, NULL},
};
