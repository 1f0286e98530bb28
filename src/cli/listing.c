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

static void begin(struct listing *listing, struct invocation *in,
                  const struct listing_column *columns, size_t count)
{
    struct table_column *headings = arena_array(in->mem, count, sizeof *headings);

    for (size_t i = 0; i < count; i++)
        headings[i] = columns[i].column;
    *listing = (struct listing){
        .in = in, .table = table_new(in->mem, headings, count), .columns = columns, .count = count};
}

static void end(const struct listing *listing)
{
    if (!listing->in->json)
        table_print(listing->table, table_terminal_width(stdout), stdout);
}

void listing_show(struct invocation *in, const json_t *items, const struct listing_column *columns,
                  size_t count)
{
    struct listing listing;
    json_t *item;
    size_t i;

    begin(&listing, in, columns, count);
    json_array_foreach((json_t *)items, i, item)
    {
        if (!show(&listing, item))
            break;
    }
    end(&listing);
}

enum cli_exit listing_run(struct invocation *in, const char *path,
                          const struct client_param *params, const struct listing_column *columns,
                          size_t count)
{
    scoped(connect_close) struct connection connection = {0};
    struct listing listing;
    struct connect_list list = {.path = path, .params = params, .each = show, .context = &listing};
    struct error err;

    begin(&listing, in, columns, count);
    if (!connect_open(in, &connection, &err) || !connect_each(&connection, &list, in->mem, &err))
        return cli_fail(&err);
    end(&listing);
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
