/* `audiotricks user`: list and add. */
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/listing.h"
#include "cli/view.h"

static const struct listing_column columns[] = {
    {{"ID", TABLE_LEFT, 0}, "id", NULL},
    {{"CREATED", TABLE_LEFT, 1}, "created_at", view_time},
    {{"DISABLED", TABLE_LEFT, 2}, "disabled_at", view_time},
    {{"NAME", TABLE_LEFT, 0}, "name", NULL},
};

static enum cli_exit run_ls(struct invocation *in)
{
    return listing_run(in, "/v1/users", NULL, columns, COUNT_OF(columns));
}

static enum cli_exit run_add(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    static const char *const members[] = {"id", NULL};
    struct error err;

    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    return listing_change(in, &connection, "POST", "/v1/users",
                          json_pack("{s:s}", "name", in->arguments[0]), members);
}

static const struct command user_ls = {
    .name = "ls",
    .summary = "list the users of a workspace",
    .help = "Example:\n  audiotricks user ls --workspace podcasts\n",
    .takes = TAKES_CLIENT,
    .run = run_ls,
};

static const struct command user_add = {
    .name = "add",
    .summary = "add a user to a workspace",
    .usage = "NAME",
    .help = "Adds a user and prints its id. What a user may do depends on the tokens that are made "
            "for\n"
            "it: see `token add`.\n"
            "\n"
            "Example:\n  audiotricks user add --workspace podcasts anna\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_add,
};

const struct command command_user = {
    .name = "user",
    .summary = "list and add the users of a workspace",
    .children = (const struct command *const[]){&user_ls, &user_add, NULL},
};
