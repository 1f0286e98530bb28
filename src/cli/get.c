/* `audiotricks get`: downloads. */
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/download.h"
#include "cli/names.h"
#include "cli/view.h"

static bool is_folder(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* Where the content of RECORD goes: the folder given, the file given, or a file here. */
static const char *choose_path(const struct invocation *in, const json_t *record, const char *id)
{
    const char *output = option_text(in, "output");
    char name[NAME_SIZE];

    name_for_file(view_text(record, "original_filename"), id, name);
    if (!output)
        return arena_strdup(in->mem, name);
    if (is_folder(output))
        return arena_printf(in->mem, "%s%s%s", output, output[strlen(output) - 1] == '/' ? "" : "/",
                            name);
    return output;
}

static void report(const struct invocation *in, const struct download *download)
{
    const char *path = download->path;
    json_t *line;

    if (in->json) {
        if (!utf8_is_valid(str_from(path))) /* JSON has no other text */
            path = view_visible(in->mem, path);
        line = json_pack("{s:s, s:s, s:I, s:s}", "id", download->id, "file", path, "bytes",
                         (json_int_t)download->size_bytes, "sha256", download->sha256);
        view_json(line);
        json_decref(line);
        return;
    }
    meter_say(download->meter, stdout, "%s  %s", download->id, view_visible(in->mem, path));
}

static bool fetch(struct invocation *in, const struct connection *connection, const char *id,
                  const json_t *record, struct error *err)
{
    scoped(meter_release) struct meter *meter = NULL;
    const char *output = option_text(in, "output"), *sha256 = view_text(record, "checksum_sha256");
    json_int_t size = view_int(record, "file_size", -1);
    struct download download = {
        .connection = connection, .id = id, .sha256 = sha256, .force = option_given(in, "force")};

    if (!sha256 || size < 0)
        return error_tell(err, ERR_INTERNAL,
                          "the server's record has no checksum_sha256 or no file_size");
    download.meter = meter = meter_new(1, (uint64_t)size);
    download.size_bytes = (uint64_t)size;
    if (output && strcmp(output, "-") == 0)
        return download_to_stream(&download, stdout, in->mem, err);
    download.path = choose_path(in, record, id);
    if (!download_to_file(&download, in->mem, err))
        return false;
    report(in, &download);
    return true;
}

static enum cli_exit get_one(struct invocation *in, const struct connection *connection,
                             const char *id)
{
    scoped(json_decrefp) json_t *record = NULL;
    char *target =
        connect_target(connection, in->mem, connect_path(in->mem, "uploads", id, NULL), NULL);
    struct error err;

    if (connect_ask(connection, "GET", target, in->mem, &record, &err) &&
        fetch(in, connection, id, record, &err))
        return CLI_OK;
    error_context(&err, "%s", id);
    return cli_fail(&err);
}

static enum cli_exit run(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    const char *output = option_text(in, "output");
    enum cli_exit code = CLI_OK;
    struct error err;

    if (output && in->argument_count > 1 && !is_folder(output))
        return cli_usage(in, "%s is no folder; several uploads need one", output);
    if (output && output[0] && output[strlen(output) - 1] == '/' && !is_folder(output))
        return cli_usage(in, "there is no folder %s", output);
    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    for (size_t i = 0; i < in->argument_count; i++)
        code = cli_exit_join(code, get_one(in, &connection, in->arguments[i]));
    return code;
}

static const struct command_option options[] = {
    {"output", 'o', "FILE|DIR", "where to put it (default: here, under its own name); -: stdout"},
    {"force", 'f', NULL, "replace a file that is there"},
    {0},
};

const struct command command_get = {
    .name = "get",
    .summary = "download uploads, resumed and checked",
    .usage = "ID...",
    .help =
        "Downloads each upload under the name it had (what no file name should hold becomes '_').\n"
        "Bytes arrive in NAME.part; run again after an interruption, it goes on from there. The\n"
        "file appears under its name only when its SHA-256 is right, and no file is ever replaced\n"
        "without --force.\n"
        "\n"
        "Examples:\n"
        "  audiotricks get 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n"
        "  audiotricks get ID1 ID2 ID3 -o recordings/\n"
        "  audiotricks get ID -o - | ffplay -\n",
    .options = options,
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run,
};
