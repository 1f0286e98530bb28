/* `audiotricks quota show` and `set`. */
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/view.h"

static char *quota_target(const struct invocation *in, const char *workspace)
{
    return connect_path(in->mem, "workspaces", workspace, "quota");
}

static void show(struct arena *mem, const json_t *quota)
{
    view_pair("workspace", view_value(mem, json_object_get(quota, "workspace_id")));
    view_pair("storage",
              arena_printf(mem, "%s of %s%s%s", view_bytes(mem, quota, "current_storage_bytes"),
                           view_limit_bytes(mem, quota, "max_storage_bytes"),
                           view_int(quota, "reserved_bytes", 0) ? ", being uploaded: " : "",
                           view_int(quota, "reserved_bytes", 0)
                               ? view_bytes(mem, quota, "reserved_bytes")
                               : ""));
    view_pair("files", arena_printf(mem, "%" JSON_INTEGER_FORMAT " of %s",
                                    view_int(quota, "current_file_count", 0),
                                    view_limit(mem, quota, "max_file_count")));
    view_pair("largest file", view_limit_bytes(mem, quota, "max_file_size"));
    view_pair("uploads this month", arena_printf(mem, "%" JSON_INTEGER_FORMAT " of %s, %s",
                                                 view_int(quota, "monthly_uploads", 0),
                                                 view_limit(mem, quota, "max_monthly_uploads"),
                                                 view_bytes(mem, quota, "monthly_upload_bytes")));
    view_pair("kept for days", view_value(mem, json_object_get(quota, "retention_days")));
    view_pair("archived after days",
              view_value(mem, json_object_get(quota, "archive_threshold_days")));
    view_pair("archived to", view_value(mem, json_object_get(quota, "archive_storage_class")));
}

static enum cli_exit show_answer(struct invocation *in, const json_t *quota)
{
    if (in->json)
        view_json(quota);
    else
        show(in->mem, quota);
    return CLI_OK;
}

static enum cli_exit run_show(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    scoped(json_decrefp) json_t *quota = NULL;
    const char *workspace;
    struct error err;

    if (!connect_open(in, &connection, &err) ||
        !connect_workspace(&connection, in->mem, &workspace, &err) ||
        !connect_ask(&connection, "GET", quota_target(in, workspace), in->mem, &quota, &err))
        return cli_fail(&err);
    return show_answer(in, quota);
}

static const struct {
    const char *option;
    const char *column;
    enum { LIMIT_BYTES, LIMIT_COUNT } kind;
} limits[] = {
    {"storage", "max_storage_bytes", LIMIT_BYTES},
    {"files", "max_file_count", LIMIT_COUNT},
    {"file-size", "max_file_size", LIMIT_BYTES},
    {"monthly-uploads", "max_monthly_uploads", LIMIT_COUNT},
    {"retention-days", "retention_days", LIMIT_COUNT},
    {"archive-days", "archive_threshold_days", LIMIT_COUNT},
};

/* Adds what the user wrote for one limit to CHANGE; "none" is null. */
static bool add_limit(const char *option, const char *text, const char *column, bool in_bytes,
                      json_t *change, struct error *err)
{
    uint64_t value;

    if (strcmp(text, "none") == 0 || strcmp(text, "unlimited") == 0) {
        json_object_set_new(change, column, json_null());
        return true;
    }
    if (in_bytes ? !str_to_bytes(str_from(text), &value)
                 : !str_to_u64(str_from(text), INT32_MAX, &value))
        return error_tell(err, ERR_INVALID, "--%s %s: it takes %s, or none", option, text,
                          in_bytes ? "a size such as 10GiB" : "a number");
    if (value > INT64_MAX)
        return error_tell(err, ERR_INVALID, "--%s %s: too large", option, text);
    json_object_set_new(change, column, json_integer((json_int_t)value));
    return true;
}

static bool read_change(const struct invocation *in, json_t *change, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        const char *text = option_text(in, limits[i].option);

        if (text && !add_limit(limits[i].option, text, limits[i].column,
                               limits[i].kind == LIMIT_BYTES, change, err))
            return false;
    }
    if (json_object_size(change) == 0)
        return error_tell(err, ERR_INVALID,
                          "nothing to set; give a limit, such as --storage 10GiB");
    return true;
}

static enum cli_exit run_set(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    scoped(json_decrefp) json_t *change = json_object();
    scoped(json_decrefp) json_t *quota = NULL;
    const char *workspace;
    struct error err;

    if (!read_change(in, change, &err))
        return cli_usage(in, "%s", err.log);
    if (!connect_open(in, &connection, &err) ||
        !connect_workspace(&connection, in->mem, &workspace, &err) ||
        !connect_tell(&connection, "PUT", quota_target(in, workspace), change, in->mem, &quota,
                      &err))
        return cli_fail(&err);
    return show_answer(in, quota);
}

static const struct command_option set_options[] = {
    {"storage", 0, "SIZE", "bytes of all files together, such as 10GiB"},
    {"files", 0, "N", "number of files"},
    {"file-size", 0, "SIZE", "size of one file"},
    {"monthly-uploads", 0, "N", "uploads in a calendar month (UTC)"},
    {"retention-days", 0, "N", "days that files are kept"},
    {"archive-days", 0, "N", "days after which files are archived"},
    {0},
};

static const struct command quota_show = {
    .name = "show",
    .summary = "show limits and what is used of them",
    .help = "Examples:\n"
            "  audiotricks quota\n"
            "  audiotricks quota show --workspace podcasts --json\n",
    .takes = TAKES_CLIENT,
    .run = run_show,
};

static const struct command quota_set = {
    .name = "set",
    .summary = "change limits (with an operator token)",
    .help = "Sets the limits that are given and leaves the others. Sizes: 500M, 10GiB, 1.5T (1024 "
            "based;\n"
            "10GB counts by 1000). `none` means no limit. A limit below what is used already only\n"
            "stops new uploads.\n"
            "\n"
            "Examples:\n"
            "  audiotricks quota set --workspace podcasts --storage 10GiB --files 5000\n"
            "  audiotricks quota set --workspace podcasts --file-size none\n",
    .options = set_options,
    .takes = TAKES_CLIENT,
    .run = run_set,
};

const struct command command_quota = {
    .name = "quota",
    .summary = "show or set a workspace's limits",
    .children = (const struct command *const[]){&quota_show, &quota_set, NULL},
};
