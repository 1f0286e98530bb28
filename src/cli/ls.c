/* `audiotricks ls`: the uploads of a workspace. */
#include <inttypes.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/table.h"
#include "cli/view.h"

#define DEFAULT_LIMIT 100

static const struct table_column columns[] = {
    {"ID", TABLE_LEFT, 0},      {"UPLOADED", TABLE_LEFT, 3}, {"SIZE", TABLE_RIGHT, 2},
    {"LENGTH", TABLE_RIGHT, 1}, {"TYPE", TABLE_LEFT, 5},     {"STATUS", TABLE_LEFT, 4},
    {"NAME", TABLE_LEFT, 0},
};

struct listing {
    struct arena *mem;
    struct table *table; /* NULL: JSON lines */
    uint64_t count;
};

static bool show(void *context, const json_t *item)
{
    struct listing *listing = context;
    struct arena *mem = listing->mem;

    listing->count++;
    if (!listing->table) {
        view_json(item);
        return !ferror(stdout);
    }
    table_add(listing->table,
              (const char *[]){view_text(item, "id"), view_time(mem, item, "uploaded_at"),
                               view_bytes(mem, item, "file_size"),
                               view_duration(mem, item, "duration"), view_text(item, "file_type"),
                               view_text(item, "status"), view_text(item, "original_filename")});
    return true;
}

static const char *wanted_status(const struct invocation *in)
{
    return option_given(in, "trash") ? "deleted" : option_text(in, "status");
}

static enum cli_exit run(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    struct listing listing = {.mem = in->mem};
    const struct client_param params[] = {
        {"q", in->argument_count ? in->arguments[0] : NULL},
        {"status", wanted_status(in)},
        {"file_type", option_text(in, "type")},
        {"sha256", option_text(in, "sha256")},
        {"uploaded_after", option_text(in, "after")},
        {"uploaded_before", option_text(in, "before")},
        {"sort", option_text(in, "sort")},
        {0},
    };
    struct connect_list list = {
        .path = "/v1/uploads", .params = params, .each = show, .context = &listing};
    struct error err;

    if (!option_count(in, "limit", DEFAULT_LIMIT, 1, UINT32_MAX, &list.limit, &err))
        return cli_usage(in, "%s", err.log);
    if (option_given(in, "all"))
        list.limit = 0;
    if (!in->json)
        listing.table = table_new(in->mem, columns, COUNT_OF(columns));
    if (!connect_open(in, &connection, &err) || !connect_each(&connection, &list, in->mem, &err))
        return cli_fail(&err);
    if (listing.table && listing.count > 0)
        table_print(listing.table, table_terminal_width(stdout), stdout);
    if (list.more && !in->json)
        fprintf(stderr, "These are the first %" PRIu64 "; --limit N or --all shows more.\n",
                listing.count);
    return CLI_OK;
}

static const struct command_option options[] = {
    {"status", 's', "STATUS",
     "uploaded, validating, processing, completed, failed, archived, deleted"},
    {"trash", 0, NULL, "what is in the trash; the same as --status deleted"},
    {"type", 't', "TYPE", "by file type: mp3, wav, flac …"},
    {"sha256", 0, "HEX", "the uploads with this content"},
    {"after", 0, "TIME", "uploaded after: 2026-11-24 or 2026-11-24T08:00:00Z"},
    {"before", 0, "TIME", "uploaded before"},
    {"sort", 0, "FIELD",
     "uploaded_at, file_size, duration, original_filename; -FIELD turns it round"},
    {"limit", 'n', "N", "at most N (default 100)"},
    {"all", 'a', NULL, "all of them, however many"},
    {0},
};

const struct command command_ls = {
    .name = "ls",
    .summary = "list uploads, newest first",
    .usage = "[TEXT]",
    .help =
        "Lists the uploads whose name holds TEXT (upper and lower case count the same), or all.\n"
        "On a terminal the table is fitted to its width; the id always stays whole.\n"
        "\n"
        "Examples:\n"
        "  audiotricks ls\n"
        "  audiotricks ls interview --type wav --after 2026-11-01\n"
        "  audiotricks ls --sort -file_size --limit 10     the ten largest\n"
        "  audiotricks ls --trash                          what `undelete` can bring back\n"
        "  audiotricks ls --all --json | jq -r .id\n",
    .options = options,
    .takes = TAKES_CLIENT,
    .arguments_max = 1,
    .run = run,
};
