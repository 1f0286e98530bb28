#include "cli/listing.h"

#include "cli/view.h"

struct listing {
    struct invocation *in;
    struct table *table;
    const struct listing_column *columns;
    size_t count;
};

static bool show(void *context, const json_t *item)
{
    struct listing *listing = context;
    struct arena *mem = listing->in->mem;
    const char **cells = arena_array(mem, listing->count, sizeof *cells);

    if (listing->in->json) {
        view_json(item);
        return !ferror(stdout);
    }
    for (size_t i = 0; i < listing->count; i++) {
        const struct listing_column *column = &listing->columns[i];

        cells[i] = column->view ? column->view(mem, item, column->member)
                                : view_value(mem, json_object_get(item, column->member));
    }
    table_add(listing->table, cells);
    return true;
}

enum cli_exit listing_run(struct invocation *in, const char *path,
                          const struct client_param *params, const struct listing_column *columns,
                          size_t count)
{
    scoped(connect_close) struct connection connection = {0};
    struct listing listing = {.in = in, .columns = columns, .count = count};
    struct connect_list list = {.path = path, .params = params, .each = show, .context = &listing};
    struct table_column *headings = arena_array(in->mem, count, sizeof *headings);
    struct error err;

    for (size_t i = 0; i < count; i++)
        headings[i] = columns[i].column;
    listing.table = table_new(in->mem, headings, count);
    if (!connect_open(in, &connection, &err) || !connect_each(&connection, &list, in->mem, &err))
        return cli_fail(&err);
    if (!in->json)
        table_print(listing.table, table_terminal_width(stdout), stdout);
    return CLI_OK;
}

enum cli_exit listing_change(struct invocation *in, const struct connection *connection,
                             const char *method, const char *path, json_t *body,
                             const char *const *members)
{
    scoped(json_decrefp) json_t *owned = body;
    scoped(json_decrefp) json_t *record = NULL;
    struct error err;

    if (!connect_tell(connection, method, connect_target(connection, in->mem, path, NULL), owned,
                      in->mem, &record, &err))
        return cli_fail(&err);
    if (in->json) {
        view_json(record);
        return CLI_OK;
    }
    for (size_t i = 0; members[i]; i++) {
        const char *value = view_value(in->mem, json_object_get(record, members[i]));

        if (members[1])
            view_pair(members[i], value);
        else
            printf("%s\n", value ? value : "");
    }
    return CLI_OK;
}
