#include "cli/each_id.h"

#include "cli/connect.h"
#include "cli/view.h"

static enum cli_exit do_one(struct invocation *in, const struct connection *connection,
                            const struct each_id *what, const char *id)
{
    scoped(json_decrefp) json_t *answer = NULL;
    scoped(json_decrefp) json_t *line = NULL;
    char *path = connect_path(in->mem, what->resource, id, what->below);
    struct error err;

    if (!connect_ask(connection, what->method,
                     connect_target(connection, in->mem, path, what->params), in->mem, &answer,
                     &err)) {
        error_context(&err, "%s", id);
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

enum cli_exit each_id_run(struct invocation *in, const struct each_id *what)
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
