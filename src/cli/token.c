/* `audiotricks token`: list, add, revoke. */
#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/each_id.h"
#include "cli/find_user.h"
#include "cli/listing.h"
#include "cli/view.h"

static const struct listing_column columns[] = {
    {{"ID", TABLE_LEFT, 0}, "id", NULL},
    {{"ROLE", TABLE_LEFT, 0}, "role", NULL},
    {{"BEGINS", TABLE_LEFT, 3}, "prefix", NULL},
    {{"LAST USED", TABLE_LEFT, 2}, "last_used_at", view_time},
    {{"EXPIRES", TABLE_LEFT, 1}, "expires_at", view_time},
    {{"REVOKED", TABLE_LEFT, 4}, "revoked_at", view_time},
    {{"NAME", TABLE_LEFT, 0}, "name", NULL},
};

static enum cli_exit run_ls(struct invocation *in)
{
    return listing_run(in, "/v1/tokens", NULL, columns, COUNT_OF(columns));
}

/* What the new token is to be; the user's name is looked up. */
static bool describe_token(struct invocation *in, const struct connection *connection, json_t *body,
                           struct error *err)
{
    const char *role = option_text(in, "role"), *user = option_text(in, "user");
    const char *name = option_text(in, "name"), *expires = option_text(in, "expires");
    const char *user_id = NULL;
    uint64_t ms = 0;

    if (expires && (!str_to_ms(str_from(expires), &ms) || ms < 1000))
        return error_tell(err, ERR_INVALID, "--expires %s: it takes a time such as 12h or 90d",
                          expires);
    json_object_set_new(body, "role", json_string(role ? role : "writer"));
    if (name)
        json_object_set_new(body, "name", json_string(name));
    if (expires)
        json_object_set_new(body, "expires_in_s", json_integer((json_int_t)(ms / 1000)));
    if (!user)
        return true;
    if (!find_user(connection, user, in->mem, &user_id, err))
        return false;
    json_object_set_new(body, "user_id", json_string(user_id));
    return true;
}

static enum cli_exit run_add(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    scoped(json_decrefp) json_t *body = json_object();
    static const char *const members[] = {"token", NULL};
    enum cli_exit code;
    struct error err;

    if (!connect_open(in, &connection, &err) || !describe_token(in, &connection, body, &err))
        return cli_fail(&err);
    code = listing_change(in, &connection, "POST", "/v1/tokens", take(body), members);
    if (code == CLI_OK && !in->json && isatty(STDERR_FILENO))
        fputs("Keep it: it is not shown again.\n", stderr);
    return code;
}

static enum cli_exit run_revoke(struct invocation *in)
{
    return each_id_run(
        in, &(struct each_id){.method = "DELETE", .resource = "tokens", .done = "revoked"});
}

static const struct command_option add_options[] = {
    {"role", 0, "reader|writer|admin|operator", "what it may do (default writer)"},
    {"user", 0, "ID|NAME", "whose token it is; else the one of the token in use"},
    {"name", 0, "TEXT", "what it is for, shown in lists"},
    {"expires", 0, "TIME", "how long it is good: 12h, 90d; else until revoked"},
    {0},
};

static const struct command token_ls = {
    .name = "ls",
    .summary = "list tokens; the secret itself is never shown",
    .help = "Example:\n  audiotricks token ls --workspace podcasts\n",
    .takes = TAKES_CLIENT,
    .run = run_ls,
};

static const struct command token_add = {
    .name = "add",
    .summary = "make a token and print it, once",
    .help = "Makes a token with the role that it needs and no more: readers look and download, "
            "writers\n"
            "also upload and delete, admins also manage users and tokens of their workspace.\n"
            "\n"
            "Examples:\n"
            "  audiotricks token add --user anna --role writer --name laptop --expires 90d\n"
            "  audiotricks token add --role reader > player.token\n",
    .options = add_options,
    .takes = TAKES_CLIENT,
    .run = run_add,
};

static const struct command token_revoke = {
    .name = "revoke",
    .summary = "make tokens worthless, at once",
    .usage = "ID...",
    .help = "Example:\n  audiotricks token revoke 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_revoke,
};

const struct command command_token = {
    .name = "token",
    .summary = "list, add, revoke access tokens",
    .children = (const struct command *const[]){&token_ls, &token_add, &token_revoke, NULL},
};
