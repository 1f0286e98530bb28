/* `audiotricks upload`: several files at once, each on a connection of its own. */
#include <pthread.h>

#include "base/json_text.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/meter.h"
#include "cli/names.h"
#include "cli/upload_files.h"
#include "cli/upload_send.h"
#include "cli/view.h"

#define PARALLEL 4
#define PARALLEL_MAX 64
#define CONNECTIONS 4
#define CHUNK_RETRIES 20 /* some two minutes: a tunnel, or a server that is replaced */
#define CHUNKED_FROM_BYTES (UINT64_C(64) << 20)

struct run {
    struct invocation *in;
    const struct connection *connection;
    struct upload_files files;
    struct meter *meter;
    uint64_t chunked_from_bytes;
    uint64_t connections; /* for one file in chunks */
    pthread_mutex_t lock; /* guards the four below */
    size_t next;          /* the first file that no worker has taken */
    enum cli_exit code;
    unsigned counts[UPLOAD_SKIPPED + 1];
    unsigned failures;
};

static const char *const outcome_words[] = {"uploaded", "duplicate", "skipped"};

static void count_failure(struct run *run, const struct error *err)
{
    pthread_mutex_lock(&run->lock);
    run->code = cli_exit_join(run->code, cli_exit_of(err));
    run->failures++;
    pthread_mutex_unlock(&run->lock);
}

static void report_failure(struct run *run, const char *path, const struct error *err,
                           struct arena *mem)
{
    char *shown = view_visible(mem, path);
    const char *detail = err->client[0] ? err->client : err->log; /* without the code */
    scoped(json_decrefp) json_t *line = NULL;
    scoped(memory_free) char *text = NULL;

    count_failure(run, err);
    meter_say(run->meter, stderr, "audiotricks: %s: %s", shown, view_visible(mem, err->log));
    if (!run->in->json)
        return;
    line = json_pack("{s:s, s:{s:s, s:s}}", "file", shown, "error", "code", error_code(err),
                     "detail", view_visible(mem, detail));
    text = json_text_write(line, JSON_COMPACT);
    meter_say(run->meter, stdout, "%s", text);
}

static void cannot_read(void *context, const char *path, const struct error *err)
{
    struct run *run = context;

    report_failure(run, path, err, run->in->mem);
}

static void passed_over(void *context, const char *path, const char *what)
{
    struct run *run = context;

    meter_say(run->meter, stderr, "audiotricks: %s: passed over, it is %s",
              view_visible(run->in->mem, path), what);
}

static void report_record(struct run *run, const struct upload_file *file, const json_t *record,
                          enum upload_outcome outcome, struct arena *mem)
{
    scoped(memory_free) char *text = NULL;

    pthread_mutex_lock(&run->lock);
    run->counts[outcome]++;
    pthread_mutex_unlock(&run->lock);
    if (run->in->json) {
        text = json_text_write(record, JSON_COMPACT);
        meter_say(run->meter, stdout, "%s", text);
    } else {
        meter_say(run->meter, stdout, "%s  %-9s  %s",
                  view_value(mem, json_object_get(record, "id")), outcome_words[outcome],
                  view_visible(mem, file->is_stream ? file->name : file->path));
    }
}

static void send_file(struct run *run, const struct connection *connection,
                      const struct upload_file *file, struct arena *mem)
{
    const char *on_duplicate = option_text(run->in, "on-duplicate");
    struct upload_send what = {
        .connection = connection,
        .file = file,
        .on_duplicate = on_duplicate,
        .skip = !on_duplicate && !option_given(run->in, "no-skip"),
        .chunked_from_bytes = run->chunked_from_bytes,
        .connections = (unsigned)run->connections,
        .chunk_retries =
            option_given(run->in, "retries") ? connection->options.retries : CHUNK_RETRIES,
        .meter = run->meter,
    };
    scoped(json_decrefp) json_t *record = NULL;
    enum upload_outcome outcome;
    struct error err;

    if (upload_send(&what, mem, &record, &outcome, &err))
        report_record(run, file, record, outcome, mem);
    else
        report_failure(run, file->path, &err, mem);
    meter_file_done(run->meter);
}

static const struct upload_file *next_file(struct run *run)
{
    const struct upload_file *file = NULL;

    pthread_mutex_lock(&run->lock);
    if (run->next < run->files.count)
        file = &run->files.files[run->next++];
    pthread_mutex_unlock(&run->lock);
    return file;
}

/* One thread: a connection of its own, file after file. */
static void *work(void *context)
{
    struct run *run = context;
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(client_release) struct client *client = NULL;
    struct connection connection = *run->connection;
    const struct upload_file *file;
    struct error err;

    if (!client_open(&connection.options, &client, &err)) {
        count_failure(run, &err);
        return NULL;
    }
    connection.client = client;
    while ((file = next_file(run))) {
        send_file(run, &connection, file, mem);
        arena_reset(mem);
    }
    return NULL;
}

static void work_in_parallel(struct run *run, uint64_t parallel)
{
    pthread_t threads[PARALLEL_MAX];
    size_t started = 0, wanted = run->files.count < parallel ? run->files.count : parallel;

    while (started + 1 < wanted && pthread_create(&threads[started], NULL, work, run) == 0)
        started++;
    work(run); /* this thread is one of them */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static void summarize(const struct run *run)
{
    const unsigned *counts = run->counts;

    if (run->in->json ||
        (run->files.count + run->failures + run->files.passed_over < 2 && !run->files.folders))
        return;
    if (run->files.count + run->failures + run->files.passed_over == 0) {
        fputs("nothing to upload: there are no files\n", stderr);
        return;
    }
    fprintf(stderr, "%u uploaded, %u duplicates, %u skipped, %u failed", counts[UPLOAD_SENT],
            counts[UPLOAD_SHARED], counts[UPLOAD_SKIPPED], run->failures);
    if (run->files.passed_over > 0)
        fprintf(stderr, "; %llu passed over, not being audio files (see --any)",
                (unsigned long long)run->files.passed_over);
    fputc('\n', stderr);
}

/* Standard input has no name, and one name cannot serve several files. */
static bool apply_name(struct run *run, struct error *err)
{
    const char *name = option_text(run->in, "name");

    if (name && (run->files.count > 1 || run->in->argument_count > 1))
        return error_tell(err, ERR_INVALID, "--name goes with a single file");
    for (size_t i = 0; i < run->files.count; i++) {
        struct upload_file *file = &run->files.files[i];

        if (file->is_stream && !name)
            return error_tell(err, ERR_INVALID, "\"%s\" has no name; give one with --name",
                              file->path);
        if (name)
            file->name = name_for_server(name, run->in->mem);
    }
    return true;
}

static enum cli_exit upload_all(struct run *run, uint64_t parallel)
{
    struct invocation *in = run->in;
    scoped(meter_release) struct meter *gathering = meter_new(0, 0);
    scoped(meter_release) struct meter *sending = NULL;
    struct error err;

    run->meter = gathering;
    for (size_t i = 0; i < in->argument_count; i++)
        upload_files_add(&run->files, in->arguments[i]);
    if (!apply_name(run, &err))
        return cli_usage(in, "%s", err.log);
    run->meter = sending = meter_new((unsigned)run->files.count, run->files.total_bytes);
    work_in_parallel(run, parallel);
    meter_free(take(sending));
    summarize(run);
    return run->code;
}

static bool read_chunked_from(const struct invocation *in, uint64_t *out, struct error *err)
{
    const char *text = option_text(in, "chunked-from");

    *out = CHUNKED_FROM_BYTES;
    return !text || str_to_bytes(str_from(text), out) ||
           error_tell(err, ERR_INVALID, "--chunked-from: \"%s\" is no size, such as 64M", text);
}

static enum cli_exit run(struct invocation *in)
{
    scoped(connect_close) struct connection connection = {0};
    struct run state = {.in = in, .connection = &connection, .lock = PTHREAD_MUTEX_INITIALIZER};
    uint64_t parallel;
    struct error err;

    state.files =
        (struct upload_files){.mem = in->mem,
                              .everything = option_given(in, "any"),
                              .takes_stream = option_given(in, "name") && in->argument_count == 1,
                              .failed = cannot_read,
                              .passed = passed_over,
                              .context = &state};
    if (!option_count(in, "parallel", PARALLEL, 1, PARALLEL_MAX, &parallel, &err) ||
        !option_count(in, "connections", CONNECTIONS, 1, PARALLEL_MAX, &state.connections, &err) ||
        !read_chunked_from(in, &state.chunked_from_bytes, &err))
        return cli_usage(in, "%s", err.log);
    if (!connect_open(in, &connection, &err))
        return cli_fail(&err);
    return upload_all(&state, parallel);
}

static const struct command_option options[] = {
    {"parallel", 'p', "N", "so many files at once (default 4)"},
    {"connections", 'c', "N",
     "so many connections for one file that is sent in chunks (default 4)"},
    {"chunked-from", 0, "SIZE",
     "files of this size are sent in chunks and can be resumed (default 64M)"},
    {"name", 0, "NAME", "the file's name on the server; needed for standard input"},
    {"on-duplicate", 0, "link|return|reject",
     "content that is there: a new record, the old one, or an error; not skipped"},
    {"no-skip", 0, NULL, "send a file even if the server has its content"},
    {"any", 0, NULL, "in folders, send also what is plainly not audio (images, texts, archives)"},
    {0},
};

const struct command command_upload = {
    .name = "upload",
    .summary = "send files, or whole folders",
    .usage = "FILE|FOLDER...",
    .help =
        "Sends each file and prints its id. Folders are sent with all that is below them, several\n"
        "files at once. What the server has already (by SHA-256) is skipped, so the same command "
        "can\n"
        "be run again after an interruption. Every file's SHA-256 goes with it and is checked at "
        "both\n"
        "ends. What cannot be read, or is refused, is reported, and the others go on; the exit "
        "code\n"
        "tells.\n"
        "\n"
        "Large files go in chunks over several connections. An interrupted one goes on where it "
        "was\n"
        "when the same command is run again, even after this machine or the server was restarted:\n"
        "what is to be remembered for that is kept in ~/.cache/audiotricks.\n"
        "\n"
        "Examples:\n"
        "  audiotricks upload interview.wav\n"
        "  audiotricks upload ~/recordings --parallel 8\n"
        "  audiotricks upload --json *.flac | jq -r .id\n"
        "  audiotricks upload --on-duplicate reject take1.wav\n"
        "  arecord -f cd | audiotricks upload - --name live.wav\n",
    .options = options,
    .takes = TAKES_CLIENT | TAKES_FILES,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run,
};
