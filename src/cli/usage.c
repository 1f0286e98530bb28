/* `audiotricks usage`: where the bytes are. */
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/view.h"

static char *average(struct arena *mem, const json_t *row, const char *name)
{
    json_int_t files = view_int(row, "file_count", 0);
    json_t *size;
    char *text;

    if (files <= 0)
        return NULL;
    size = json_pack("{s:I}", "size", view_int(row, name, 0) / files);
    text = view_bytes(mem, size, "size");
    json_decref(size);
    return text;
}

static const struct listing_column columns[] = {
    {{"FILES", TABLE_RIGHT, 0}, "file_count", NULL},
    {{"SIZE", TABLE_RIGHT, 0}, "total_bytes", view_bytes},
    {{"LIMIT", TABLE_RIGHT, 2}, "max_storage_bytes", view_limit_bytes},
    {{"AVERAGE", TABLE_RIGHT, 3}, "total_bytes", average},
    {{"OLDEST", TABLE_LEFT, 5}, "oldest_file", view_time},
    {{"NEWEST", TABLE_LEFT, 4}, "newest_file", view_time},
    {{"WORKSPACE", TABLE_LEFT, 0}, "workspace_name", NULL},
};

static enum cli_exit run(struct invocation *in)
{
    return listing_run(in, "/v1/analytics/usage", NULL, columns, COUNT_OF(columns));
}

const struct command command_usage = {
    .name = "usage",
    .summary = "show what each workspace stores",
    .help = "Files, bytes and dates of every workspace that the token may see.\n"
            "\n"
            "Examples:\n"
            "  audiotricks usage\n"
            "  audiotricks usage --workspace podcasts --json | jq .total_bytes\n",
    .takes = TAKES_CLIENT,
    .run = run,
};
