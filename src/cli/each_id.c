#include "cli/each_id.h"

#include "cli/view.h"

static enum cli_exit do_one(struct invocation *in, const struct connection *connection,
                            const struct each_named *what, const char *named)
{
    scoped(json_decrefp) json_t *line = NULL;
    const char *id = NULL;
    struct error err;

    if (!what->change(in, connection, what->context, named, &id, &err)) {
        error_context(&err, "%s", named);
        return cli_fail(&err);
    }
    if (in->json) {
        line = json_pack("{s:s, s:s}", "id", id, "done", what->done);
        view_json(line);
    } else {
        printf("%s  %s\n", id, what->done);
    }
    return CLI_OK;
}

enum cli_exit each_named_run(struct invocation *in, const struct each_named *what)
{
    scoped(connect_close) struct connection connection = {0};
    enum cli_exit code = CLI_OK;
    struct error err;

    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    for (size_t i = 0; i < in->argument_count; i++)
        code = cli_exit_join(code, do_one(in, &connection, what, in->arguments[i]));
    return code;
}

static bool ask_by_id(struct invocation *in, const struct connection *connection,
                      const void *context, const char *named, const char **id, struct error *err)
{
    scoped(json_decrefp) json_t *answer = NULL;
    const struct each_id *what = context;
    char *path = connect_path(in->mem, what->resource, named, what->below);

    *id = named;
    return connect_ask(connection, what->method,
                       connect_target(connection, in->mem, path, what->params), in->mem, &answer,
                       err);
}

enum cli_exit each_id_run(struct invocation *in, const struct each_id *what)
{
    return each_named_run(
        in, &(struct each_named){.change = ask_by_id, .context = what, .done = what->done});
}
