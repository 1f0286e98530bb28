/* `audiotricks cache stats` and `clear`: results of processing that are kept. */
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/table.h"
#include "cli/view.h"

#define PATH "/v1/cache"

/* ---- stats ---- */

static const struct table_column columns[] = {
    {"TYPE", TABLE_LEFT, 0},    {"RESULTS", TABLE_RIGHT, 1}, {"SIZE", TABLE_RIGHT, 3},
    {"STORED", TABLE_RIGHT, 2}, {"HITS", TABLE_RIGHT, 0},    {"MISSES", TABLE_RIGHT, 0},
    {"SAVED", TABLE_RIGHT, 1},
};

/* "2:35:00" */
static char *saved(struct arena *mem, const json_t *figures)
{
    json_int_t s = view_int(figures, "time_saved_ms", 0) / 1000;

    return arena_printf(mem, "%lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60),
                        (long long)(s % 60));
}

static void add_row(struct table *table, struct arena *mem, const char *name, const json_t *figures)
{
    const char *cells[] = {name,
                           view_value(mem, json_object_get(figures, "entries")),
                           view_bytes(mem, figures, "data_bytes"),
                           view_bytes(mem, figures, "stored_bytes"),
                           view_value(mem, json_object_get(figures, "hits")),
                           view_value(mem, json_object_get(figures, "misses")),
                           saved(mem, figures)};

    table_add(table, cells);
}

static void show(struct arena *mem, const json_t *cache)
{
    struct table *table = table_new(mem, columns, COUNT_OF(columns));
    json_t *type;
    size_t i;

    json_array_foreach(json_object_get(cache, "types"), i, type)
    {
        add_row(table, mem, view_text(type, "cache_type"), type);
    }
    add_row(table, mem, "all", cache);
    table_print(table, table_terminal_width(stdout), stdout);
    printf("\n%s of %s\n", view_bytes(mem, cache, "used_bytes"),
           view_limit_bytes(mem, cache, "max_bytes"));
}

static enum cli_exit run_stats(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    scoped(json_decrefp) json_t *cache = NULL;
    struct error err;

    if (!connect_open(in, &connection, &err) ||
        !connect_ask(&connection, "GET", connect_target(&connection, in->mem, PATH, NULL), in->mem,
                     &cache, &err))
        return cli_fail(&err);
    if (in->json)
        view_json(cache);
    else
        show(in->mem, cache);
    return CLI_OK;
}

/* ---- clear ---- */

static enum cli_exit run_clear(struct invocation *in)
{
    const struct client_param params[] = {{"cache_type", option_text(in, "type")}, {NULL, NULL}};
    scoped(connect_close) struct connection connection = {0};
    scoped(json_decrefp) json_t *answer = NULL;
    struct error err;

    if (!connect_open(in, &connection, &err) ||
        !connect_ask(&connection, "DELETE", connect_target(&connection, in->mem, PATH, params),
                     in->mem, &answer, &err))
        return cli_fail(&err);
    if (in->json)
        view_json(answer);
    else
        printf("%lld removed\n", (long long)view_int(answer, "removed", 0));
    return CLI_OK;
}

static const struct command cache_stats = {
    .name = "stats",
    .summary = "show what the cache holds, and what it has saved",
    .help =
        "Results of processing that are kept, by type: how many, their size, how much of that is\n"
        "stored, how often one was found or not, and the time that those found had taken to\n"
        "make.\n"
        "\n"
        "Examples:\n"
        "  audiotricks cache stats\n"
        "  audiotricks cache stats --json | jq '.types[] | {cache_type, hits, misses}'\n",
    .takes = TAKES_CLIENT,
    .run = run_stats,
};

static const struct command_option clear_options[] = {
    {"type", 0, "TYPE", "only results of this type"},
    {0},
};

static const struct command cache_clear_command = {
    .name = "clear",
    .summary = "remove results from the cache",
    .help =
        "Removes all results of the workspace, or those of one type. Uploads and the figures of\n"
        "hits and misses stay. This needs the role admin.\n"
        "\n"
        "Example:\n"
        "  audiotricks cache clear --type transcription\n",
    .options = clear_options,
    .takes = TAKES_CLIENT,
    .run = run_clear,
};

const struct command command_cache = {
    .name = "cache",
    .summary = "show and clear results of processing that are kept",
    .children = (const struct command *const[]){&cache_stats, &cache_clear_command, NULL},
};
