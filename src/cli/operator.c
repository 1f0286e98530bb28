/* `audiotricks operator`: operators' tokens, by the data folder alone; no token is needed. */
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/catalog_lock.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/view.h"
#include "service/operator_tokens.h"

#define PAGE 200
#define NAME_UNLESS_GIVEN "operator"

static const struct listing_column columns[] = {
    {{"ID", TABLE_LEFT, 0}, "id", NULL},
    {{"BEGINS", TABLE_LEFT, 3}, "prefix", NULL},
    {{"CREATED", TABLE_LEFT, 5}, "created_at", view_time},
    {{"LAST USED", TABLE_LEFT, 2}, "last_used_at", view_time},
    {{"EXPIRES", TABLE_LEFT, 1}, "expires_at", view_time},
    {{"REVOKED", TABLE_LEFT, 0}, "revoked_at", view_time},
    {{"NAME", TABLE_LEFT, 0}, "name", NULL},
};

static const char *data_folder(const struct invocation *in)
{
    return config_text(in->config, "server", "data");
}

/* The catalog alone: a store that is away must not lock operators out. */
static bool open_catalog(struct invocation *in, int *lock, struct app **out, struct error *err)
{
    const struct app_options options = {.data = data_folder(in),
                                        .existing_only = true,
                                        .without_media = true,
                                        .without_stores = true};

    return catalog_share(in->config, lock, err) && app_open(in->config, &options, out, err);
}

static json_t *time_value(int64_t time_us)
{
    char text[TIME_RFC3339_SIZE];

    if (time_us == 0)
        return json_null();
    time_to_rfc3339(time_us, text);
    return json_string(text);
}

/* As the API has it. */
static json_t *record(const struct token *token)
{
    char id[UUID_TEXT_SIZE];

    uuid_format(token->id, id);
    return json_pack("{s:s, s:n, s:n, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", id, "user_id",
                     "workspace_id", "role", token_role_name(token->role), "name", token->name,
                     "prefix", token->prefix, "created_at", time_value(token->created_at_us),
                     "last_used_at", time_value(token->last_used_at_us), "expires_at",
                     time_value(token->expires_at_us), "revoked_at",
                     time_value(token->revoked_at_us));
}

/* ---- ls ---- */

static bool collect(struct app *app, struct arena *mem, json_t *items, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    const struct uuid nil = {{0}};
    struct uuid after = {{0}};
    struct token *page;
    size_t count;

    if (!database_read(app->database, &db, err))
        return false;
    do {
        if (!token_list(db, nil, after, PAGE, mem, &page, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            after = page[i].id;
            json_array_append_new(items, record(&page[i]));
        }
    } while (count == PAGE);
    return true;
}

static enum cli_exit run_ls(struct invocation *in)
{
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;
    scoped(json_decrefp) json_t *items = json_array();
    struct error err;

    if (!open_catalog(in, &lock, &app, &err) || !collect(app, in->mem, items, &err))
        return cli_fail(&err);
    listing_show(in, items, columns, COUNT_OF(columns));
    return CLI_OK;
}

/* ---- add ---- */

static bool read_wish(struct invocation *in, const char **name, uint64_t *lifetime_ms,
                      struct error *err)
{
    const char *expires = option_text(in, "expires");

    *name = option_given(in, "name") ? option_text(in, "name") : NAME_UNLESS_GIVEN;
    *lifetime_ms = 0;
    if (strlen(*name) > TOKEN_NAME_MAX)
        return error_tell(err, ERR_INVALID, "--name has at most %d bytes", TOKEN_NAME_MAX);
    if (expires && (!str_to_ms(str_from(expires), lifetime_ms) || *lifetime_ms < 1000))
        return error_tell(err, ERR_INVALID, "--expires %s: it takes a time such as 12h or 90d",
                          expires);
    return true;
}

static enum cli_exit run_add(struct invocation *in)
{
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;
    scoped(json_decrefp) json_t *made = NULL;
    struct token_secret secret;
    struct token token;
    uint64_t lifetime_ms;
    const char *name;
    int64_t expires_at_us = 0;
    struct error err;

    if (!read_wish(in, &name, &lifetime_ms, &err) || !open_catalog(in, &lock, &app, &err))
        return cli_fail(&err);
    if (lifetime_ms > 0)
        expires_at_us = app_now_us(app) + (int64_t)lifetime_ms * 1000;
    if (!operator_tokens_add(app, name, expires_at_us, &secret, &token, &err))
        return cli_fail(&err);
    if (in->json) {
        made = record(&token);
        json_object_set_new(made, "token", json_string(secret.text));
        view_json(made);
        return CLI_OK;
    }
    printf("%s\n", secret.text);
    if (isatty(STDERR_FILENO))
        fputs("Keep it: it is not shown again.\n", stderr);
    return CLI_OK;
}

/* ---- replace ---- */

static enum cli_exit run_replace(struct invocation *in)
{
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;
    scoped(json_decrefp) json_t *made = NULL;
    struct token_secret secret;
    struct token token;
    uint64_t revoked;
    struct error err;

    if (!open_catalog(in, &lock, &app, &err) ||
        !operator_tokens_replace(app, data_folder(in), option_given(in, "all"), &secret, &token,
                                 &revoked, &err))
        return cli_fail(&err);
    if (in->json) {
        made = record(&token);
        json_object_set_new(made, "revoked", json_integer((json_int_t)revoked));
        view_json(made);
    } else {
        printf("a new token is in %s/operator-token; %llu revoked\n", data_folder(in),
               (unsigned long long)revoked);
    }
    return CLI_OK;
}

/* ---- revoke ---- */

static enum cli_exit revoke_one(struct invocation *in, struct app *app, const char *text)
{
    scoped(json_decrefp) json_t *line = NULL;
    struct error err;
    struct uuid id;

    if (!uuid_parse(str_from(text), &id)) {
        error_set(&err, ERR_NOT_FOUND, "%s: there is no such token", text);
        return cli_fail(&err);
    }
    if (!operator_tokens_revoke(app, id, &err)) {
        error_context(&err, "%s", text);
        return cli_fail(&err);
    }
    if (in->json) {
        line = json_pack("{s:s, s:s}", "id", text, "done", "revoked");
        view_json(line);
    } else {
        printf("%s  revoked\n", text);
    }
    return CLI_OK;
}

static enum cli_exit run_revoke(struct invocation *in)
{
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;
    enum cli_exit code = CLI_OK;
    struct error err;

    if (!open_catalog(in, &lock, &app, &err))
        return cli_fail(&err);
    for (size_t i = 0; i < in->argument_count; i++)
        code = cli_exit_join(code, revoke_one(in, app, in->arguments[i]));
    return code;
}

/* ---- the commands ---- */

static const struct command_option add_options[] = {
    {"name", 0, "TEXT", "what it is for, shown in lists"},
    {"expires", 0, "TIME", "how long it is good: 12h, 90d; else until revoked"},
    {0},
};

static const struct command_option replace_options[] = {
    {"all", 0, NULL, "revoke every other operator's token too"},
    {0},
};

static const struct command operator_ls = {
    .name = "ls",
    .summary = "list operators' tokens; the secret itself is never shown",
    .help = "Example:\n  audiotricks operator ls --data /srv/audiotricks\n",
    .takes = TAKES_CONFIGURATION,
    .run = run_ls,
};

static const struct command operator_add = {
    .name = "add",
    .summary = "make an operator's token and print it, once",
    .help = "An operator's token may do everything in every workspace.\n"
            "\n"
            "Example:\n"
            "  audiotricks operator add --data /srv/audiotricks --name backup --expires 90d\n",
    .options = add_options,
    .takes = TAKES_CONFIGURATION,
    .run = run_add,
};

static const struct command operator_replace = {
    .name = "replace",
    .summary = "put a new token into DATA/operator-token, and revoke the old one",
    .help =
        "For a token that was lost, or seen by others. The one that stands in\n"
        "DATA/operator-token is worthless at once; with --all every other operator's token, "
        "too.\n"
        "Where the file is gone nothing says which token it held: `ls` and `revoke`, or --all.\n"
        "\n"
        "Examples:\n"
        "  audiotricks operator replace --data /srv/audiotricks\n"
        "  audiotricks operator replace --data /srv/audiotricks --all\n",
    .options = replace_options,
    .takes = TAKES_CONFIGURATION,
    .run = run_replace,
};

static const struct command operator_revoke = {
    .name = "revoke",
    .summary = "make operators' tokens worthless, at once",
    .usage = "ID...",
    .help = "Example:\n"
            "  audiotricks operator revoke --data /srv/audiotricks "
            "01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CONFIGURATION,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_revoke,
};

const struct command command_operator = {
    .name = "operator",
    .summary = "list, add, replace, revoke operators' tokens, on the server's data",
    .children = (const struct command *const[]){&operator_ls, &operator_add, &operator_replace,
                                                &operator_revoke, NULL},
};
