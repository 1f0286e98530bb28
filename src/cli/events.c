/* `audiotricks events`: what happens in a workspace, as it happens. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/event_reader.h"
#include "cli/view.h"

#define RECONNECT_MS 3000 /* until the server says how long */

struct following {
    struct arena *mem; /* of one event */
    bool json;
    uint64_t limit; /* 0: no end */
    uint64_t count;
    bool is_done;
};

/* ---- showing ---- */

static const char *visible(const struct following *following, const json_t *object,
                           const char *name)
{
    const char *text = view_value(following->mem, json_object_get(object, name));

    return text ? text : "-";
}

/* What it is of besides the upload: a chunk's index, a job's kind. */
static const char *subject_of(const struct following *following, const json_t *data)
{
    if (json_object_get(data, "chunk_index"))
        return arena_printf(following->mem, "  chunk %s", visible(following, data, "chunk_index"));
    if (json_object_get(data, "kind"))
        return arena_printf(following->mem, "  %s", visible(following, data, "kind"));
    return "";
}

static void show_for_people(const struct following *following, const char *type,
                            const json_t *event)
{
    const json_t *data = json_object_get(event, "data");
    const char *at = view_time(following->mem, event, "timestamp");
    const char *error_code = view_text(data, "error_code");

    printf("%s  %-16s  %s%s  %s -> %s%s%s\n", at ? at : "-", view_visible(following->mem, type),
           visible(following, data, "upload_id"), subject_of(following, data),
           visible(following, data, "old_status"), visible(following, data, "status"),
           error_code ? "  " : "", error_code ? visible(following, data, "error_code") : "");
}

/* What was asked for is not kept any more: a program has to see that among the events. */
static void show_gap(const struct following *following, const char *type, const json_t *event)
{
    scoped(json_decrefp) json_t *line = NULL;

    fputs("audiotricks: events that were asked for are no longer kept; others follow\n", stderr);
    if (following->json) {
        line = json_pack("{s:I, s:s}", "id", view_int(event, "id", 0), "type", type);
        view_json(line);
    }
}

static bool show(void *context, const char *type, const json_t *event, struct error *err)
{
    struct following *following = context;
    bool is_gap = strcmp(type, "reset") == 0;

    arena_reset(following->mem);
    if (is_gap)
        show_gap(following, type, event);
    else if (following->json)
        view_json(event);
    else
        show_for_people(following, type, event);
    if (fflush(stdout) != 0)
        return error_errno(err, "write to standard output");
    following->count += !is_gap;
    following->is_done = following->limit > 0 && following->count >= following->limit;
    return !following->is_done;
}

/* ---- following ---- */

static bool note_begin(void *context, const struct client_request *request, long status,
                       struct error *err)
{
    bool *began = context;

    (void)request, (void)status, (void)err;
    *began = true;
    return true;
}

/* One connection, until it ends. *BEGAN: it was answered with a stream. */
static bool read_once(const struct connection *connection, const char *target,
                      struct event_reader *reader, bool *began, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *const headers[] = {
        reader->last_id[0] ? arena_printf(mem, "Last-Event-ID: %s", reader->last_id) : NULL, NULL};
    struct client_request request = {.method = "GET",
                                     .target = target,
                                     .headers = headers,
                                     .sink = &reader->base,
                                     .begin = note_begin,
                                     .context = began,
                                     .repeatable = true};
    struct client_answer answer;

    *began = false;
    event_reader_restart(reader);
    return client_send(connection->client, &request, mem, &answer, err);
}

/* A stream that broke or that the server ended is taken up where it was; one that cannot be had,
 * for as long as a client command tries, is the end. */
static bool follow(const struct connection *connection, const char *target,
                   struct event_reader *reader, struct following *following, struct error *err)
{
    bool began;

    while (read_once(connection, target, reader, &began, err) ||
           (began && !following->is_done && err->kind == ERR_UNAVAILABLE))
        client_wait_ms(reader->retry_ms > 0 ? reader->retry_ms : RECONNECT_MS);
    return following->is_done;
}

static enum cli_exit run(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    scoped(event_reader_release) struct event_reader reader;
    scoped(arena_release) struct arena *mem = arena_new();
    struct following following = {.mem = mem, .json = in->json};
    const struct client_param params[] = {
        {"last_event_id", option_text(in, "since")},
        {"types", option_text(in, "types")},
        {"upload_id", in->argument_count ? in->arguments[0] : NULL},
        {0},
    };
    struct error err;

    event_reader_init(&reader);
    reader.each = show;
    reader.context = &following;
    if (!option_count(in, "limit", 0, 1, UINT32_MAX, &following.limit, &err))
        return cli_usage(in, "%s", err.log);
    if (!connect_open(in, &connection, &err) ||
        !follow(&connection, connect_target(&connection, in->mem, "/v1/events", params), &reader,
                &following, &err))
        return cli_fail(&err);
    return CLI_OK;
}

static const struct command_option options[] = {
    {"since", 0, "ID", "begin behind this event instead of now; 0: with the oldest that is kept"},
    {"types", 't', "TYPE,...", "events of these types alone, such as upload.created"},
    {"limit", 'n', "N", "end after N events"},
    {0},
};

const struct command command_events = {
    .name = "events",
    .summary = "show what happens, as it happens",
    .usage = "[UPLOAD-ID]",
    .help =
        "Follows the workspace's events, or those of one upload, until it is interrupted: every\n"
        "change of the status of uploads, chunks and jobs. When the connection breaks or the\n"
        "server is started anew it goes on behind the last event it has shown, so nothing is\n"
        "missed and nothing comes twice. With --json each event is a line of JSON, whose \"id\" "
        "is\n"
        "what --since takes; a line of type \"reset\" says that events that were asked for are no\n"
        "longer kept.\n"
        "\n"
        "Examples:\n"
        "  audiotricks events\n"
        "  audiotricks events --types upload.status --json | jq -r .data.upload_id\n"
        "  audiotricks events --since 0 --limit 100        the oldest hundred\n",
    .options = options,
    .takes = TAKES_CLIENT,
    .arguments_max = 1,
    .run = run,
};
