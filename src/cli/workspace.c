/* `audiotricks workspace`: list, add, rename, remove. */
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/each_id.h"
#include "cli/listing.h"
#include "cli/view.h"

static const struct listing_column columns[] = {
    {{"ID", TABLE_LEFT, 0}, "id", NULL},
    {{"CREATED", TABLE_LEFT, 1}, "created_at", view_time},
    {{"NAME", TABLE_LEFT, 0}, "name", NULL},
};

static enum cli_exit run_ls(struct invocation *in)
{
    return listing_run(in, "/v1/workspaces", NULL, columns, COUNT_OF(columns));
}

static enum cli_exit run_add(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    static const char *const members[] = {"id", NULL};
    struct error err;

    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    return listing_change(in, &connection, "POST", "/v1/workspaces",
                          json_pack("{s:s}", "name", in->arguments[0]), members);
}

static enum cli_exit run_rename(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    static const char *const members[] = {"id", "name", NULL};
    const char *id;
    struct error err;

    if (!connect_open(in, &connection, &err) ||
        !connect_find_workspace(&connection, in->arguments[0], in->mem, &id, &err))
        return cli_fail(&err);
    return listing_change(in, &connection, "PATCH", connect_path(in->mem, "workspaces", id, NULL),
                          json_pack("{s:s}", "name", in->arguments[1]), members);
}

static bool remove_one(struct invocation *in, const struct connection *connection,
                       const void *unused, const char *named, const char **id, struct error *err)
{
    const struct client_param params[] = {{"force", option_given(in, "force") ? "true" : NULL},
                                          {0}};
    scoped(json_decrefp) json_t *answer = NULL;

    (void)unused;
    return connect_find_workspace(connection, named, in->mem, id, err) &&
           connect_ask(
               connection, "DELETE",
               client_target(in->mem, connect_path(in->mem, "workspaces", *id, NULL), params),
               in->mem, &answer, err);
}

static enum cli_exit run_rm(struct invocation *in)
{
    return each_named_run(in, &(struct each_named){.change = remove_one, .done = "removed"});
}

static const struct command workspace_ls = {
    .name = "ls",
    .summary = "list the workspaces that the token sees",
    .help = "Example:\n  audiotricks workspace ls\n",
    .takes = TAKES_CLIENT,
    .run = run_ls,
};

static const struct command workspace_add = {
    .name = "add",
    .summary = "make a workspace (with an operator token)",
    .usage = "NAME",
    .help =
        "Makes a workspace and prints its id. Its quota is the server's default; see `quota set`.\n"
        "\n"
        "Example:\n  audiotricks workspace add podcasts\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_add,
};

static const struct command workspace_rename = {
    .name = "rename",
    .summary = "give a workspace another name",
    .usage = "ID|NAME NEW-NAME",
    .help = "Example:\n  audiotricks workspace rename podcasts shows\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run_rename,
};

static const struct command_option rm_options[] = {
    {"force", 0, NULL, "even if it holds uploads: all of them are removed for good"},
    {0},
};

static const struct command workspace_rm = {
    .name = "rm",
    .summary = "remove a workspace (with an operator token)",
    .usage = "ID|NAME...",
    .help = "Removes workspaces that hold no uploads. With --force they may hold some; these, and "
            "what\n"
            "is in their trash, are then removed for good.\n"
            "\n"
            "Example:\n  audiotricks workspace rm podcasts\n",
    .options = rm_options,
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_rm,
};

const struct command command_workspace = {
    .name = "workspace",
    .summary = "list, add, rename, remove workspaces",
    .children = (const struct command *const[]){&workspace_ls, &workspace_add, &workspace_rename,
                                                &workspace_rm, NULL},
};
