/* `audiotricks user`: list, add, disable, enable, remove. */
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/each_id.h"
#include "cli/find_user.h"
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

/* ---- those that are there ---- */

static char *target_of(struct invocation *in, const struct connection *connection, const char *id)
{
    return connect_target(connection, in->mem, connect_path(in->mem, "users", id, NULL), NULL);
}

static bool set_disabled(struct invocation *in, const struct connection *connection,
                         const void *disabled, const char *named, const char **id,
                         struct error *err)
{
    scoped(json_decrefp) json_t *body = json_pack("{s:b}", "disabled", *(const bool *)disabled);
    scoped(json_decrefp) json_t *answer = NULL;

    return find_user(connection, named, in->mem, id, err) &&
           connect_tell(connection, "PATCH", target_of(in, connection, *id), body, in->mem, &answer,
                        err);
}

static enum cli_exit run_disable(struct invocation *in)
{
    return each_named_run(
        in,
        &(struct each_named){.change = set_disabled, .context = &(bool){true}, .done = "disabled"});
}

static enum cli_exit run_enable(struct invocation *in)
{
    return each_named_run(
        in,
        &(struct each_named){.change = set_disabled, .context = &(bool){false}, .done = "enabled"});
}

static bool remove_one(struct invocation *in, const struct connection *connection,
                       const void *unused, const char *named, const char **id, struct error *err)
{
    scoped(json_decrefp) json_t *answer = NULL;

    (void)unused;
    return find_user(connection, named, in->mem, id, err) &&
           connect_ask(connection, "DELETE", target_of(in, connection, *id), in->mem, &answer, err);
}

static enum cli_exit run_rm(struct invocation *in)
{
    return each_named_run(in, &(struct each_named){.change = remove_one, .done = "removed"});
}

/* ---- the commands ---- */

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

static const struct command user_disable = {
    .name = "disable",
    .summary = "disable users and revoke their tokens, at once",
    .usage = "ID|NAME...",
    .help = "Example:\n  audiotricks user disable --workspace podcasts anna\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_disable,
};

static const struct command user_enable = {
    .name = "enable",
    .summary = "let disabled users have tokens again",
    .usage = "ID|NAME...",
    .help = "The tokens that they had stay revoked: make new ones with `token add`.\n"
            "\n"
            "Example:\n  audiotricks user enable --workspace podcasts anna\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_enable,
};

static const struct command user_rm = {
    .name = "rm",
    .summary = "remove users; what they uploaded stays",
    .usage = "ID|NAME...",
    .help = "Their tokens are revoked at once and their names are free again. Their uploads stay, "
            "with\n"
            "their names in the history. The first user of a workspace can be disabled, but not\n"
            "removed: what operators do belongs to it.\n"
            "\n"
            "Example:\n  audiotricks user rm --workspace podcasts anna\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_rm,
};

const struct command command_user = {
    .name = "user",
    .summary = "list, add, disable, enable, remove users",
    .children = (const struct command *const[]){&user_ls, &user_add, &user_disable, &user_enable,
                                                &user_rm, NULL},
};
