/* `audiotricks usage`: where the bytes are. */
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/table.h"
#include "cli/view.h"

static const struct table_column columns[] = {
    {"FILES", TABLE_RIGHT, 0},    {"SIZE", TABLE_RIGHT, 0},  {"LIMIT", TABLE_RIGHT, 2},
    {"AVERAGE", TABLE_RIGHT, 3},  {"OLDEST", TABLE_LEFT, 5}, {"NEWEST", TABLE_LEFT, 4},
    {"WORKSPACE", TABLE_LEFT, 0},
};

static char *average(struct arena *mem, const json_t *row)
{
    json_int_t files = view_int(row, "file_count", 0);
    json_t *size;
    char *text;

    if (files <= 0)
        return NULL;
    size = json_pack("{s:I}", "size", view_int(row, "total_bytes", 0) / files);
    text = view_bytes(mem, size, "size");
    json_decref(size);
    return text;
}

static void add_row(struct arena *mem, struct table *table, const json_t *row)
{
    table_add(table, (const char *[]){view_value(mem, json_object_get(row, "file_count")),
                                      view_bytes(mem, row, "total_bytes"),
                                      view_limit_bytes(mem, row, "max_storage_bytes"),
                                      average(mem, row), view_time(mem, row, "oldest_file"),
                                      view_time(mem, row, "newest_file"),
                                      view_text(row, "workspace_name")});
}

static enum cli_exit run(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    scoped(json_decrefp) json_t *answer = NULL;
    struct table *table = table_new(in->mem, columns, COUNT_OF(columns));
    json_t *row;
    size_t index;
    struct error err;

    if (!connect_open(in, &connection, &err) ||
        !connect_ask(&connection, "GET",
                     connect_target(&connection, in->mem, "/v1/analytics/usage", NULL), in->mem,
                     &answer, &err))
        return cli_fail(&err);
    json_array_foreach(json_object_get(answer, "items"), index, row)
    {
        if (in->json)
            view_json(row);
        else
            add_row(in->mem, table, row);
    }
    if (!in->json)
        table_print(table, table_terminal_width(stdout), stdout);
    return CLI_OK;
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
