/*
 * Does works through the real media processes and prints one line of JSON a file: what was found,
 * and the chunks as they were told of; or an error with its code.
 *
 *   media-work [validate] [analyze] [cut] [NAME=VALUE…] FILE…
 *
 * Chunks and waveforms (these as JSON too) are written to the folder out=, else to nowhere. The
 * other names are those of struct media_cut and struct media_analysis, and processes=, limit_ms=,
 * cancel_at= (0 to 1).
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "media/waveform_json.h"
#include "media/work.h"

struct wishes {
    bool validate;
    bool analyze;
    bool cut;
    struct media_cut how;
    struct media_analysis analysis;
    const char *out;
    uint64_t limit_ms;
    unsigned processes;
    double cancel_at;
};

struct run {
    const struct wishes *wishes;
    json_t *chunks;
    json_t *waveforms;
    double progress;
    unsigned progress_calls;
    int fds[1 + MEDIA_ZOOMS_MAX];
};

static int *fd_of(struct run *run, const struct media_output *output)
{
    return &run->fds[output->kind == MEDIA_OUTPUT_CHUNK ? 0 : 1 + output->index];
}

static bool open_output(void *context, const struct media_output *output, int *fd,
                        struct error *err)
{
    struct run *run = context;
    const struct media_cut *how = &run->wishes->how;
    char path[4096];

    if (run->wishes->out && output->kind == MEDIA_OUTPUT_CHUNK)
        snprintf(path, sizeof path, "%s/chunk-%06u.%s", run->wishes->out, output->index,
                 how->format == MEDIA_CUT_FLAC ? "flac" : "wav");
    else if (run->wishes->out)
        snprintf(path, sizeof path, "%s/zoom-%u.dat", run->wishes->out, output->samples_per_pixel);
    else
        snprintf(path, sizeof path, "/dev/null");
    *fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    *fd_of(run, output) = *fd;
    return *fd >= 0 || error_errno(err, "%s", path);
}

static void close_output(struct run *run, const struct media_output *output)
{
    close(*fd_of(run, output));
    *fd_of(run, output) = -1;
}

static bool chunk_done(void *context, const struct media_chunk *chunk, struct error *err)
{
    struct run *run = context;

    (void)err;
    close_output(run, &(struct media_output){.kind = MEDIA_OUTPUT_CHUNK});
    json_array_append_new(
        run->chunks,
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "index", (json_int_t)chunk->index,
                  "start_samples", (json_int_t)chunk->start_samples, "end_samples",
                  (json_int_t)chunk->end_samples, "overlap_samples",
                  (json_int_t)chunk->overlap_samples, "start_ms", (json_int_t)chunk->start_ms,
                  "end_ms", (json_int_t)chunk->end_ms, "size", (json_int_t)chunk->size_bytes));
    return true;
}

/* PATH.json beside the .dat behind FD. */
static bool write_json(int fd, uint64_t size_bytes, const char *path, struct error *err)
{
    FILE *file = fopen(path, "we");
    bool done = true;
    struct waveform_json json;
    struct file_source dat;
    char bytes[777];
    size_t got = 1;

    if (!file)
        return error_errno(err, "%s", path);
    file_source_init(&dat, fd, 0, size_bytes);
    waveform_json_init(&json, &dat.base);
    while (done && got > 0) {
        done = json.base.read(&json.base, bytes, sizeof bytes, &got, err);
        if (done)
            fwrite(bytes, 1, got, file);
    }
    return fclose(file) == 0 && done;
}

static bool waveform_done(void *context, const struct media_output *output, uint64_t size_bytes,
                          struct error *err)
{
    struct run *run = context;
    char path[4096];

    if (run->wishes->out) {
        snprintf(path, sizeof path, "%s/zoom-%u.json", run->wishes->out, output->samples_per_pixel);
        if (!write_json(*fd_of(run, output), size_bytes, path, err))
            return false;
    }
    close_output(run, output);
    json_array_append_new(run->waveforms, json_pack("{s:I, s:I}", "samples_per_pixel",
                                                    (json_int_t)output->samples_per_pixel, "size",
                                                    (json_int_t)size_bytes));
    return true;
}

static bool progress(void *context, double done, struct error *err)
{
    struct run *run = context;

    if (done < run->progress || done > 1)
        return error_set(err, ERR_INTERNAL, "progress went from %f to %f", run->progress, done);
    run->progress = done;
    run->progress_calls++;
    return done < run->wishes->cancel_at || error_tell(err, ERR_CONFLICT, "cancelled");
}

/* The most memory that the process at work has had, in KiB. */
static long process_peak_kib(void)
{
    char path[96], line[256] = "";
    long kib = 0;
    int pid = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "re");
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    file = pid ? fopen(path, "re") : NULL;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static json_t *result_to_json(const struct media_result *result)
{
    static const char *const VERDICTS[] = {"whole", "truncated", "damaged", "corrupt"};
    json_t *root = json_pack(
        "{s:s, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:i}", "verdict", VERDICTS[result->verdict],
        "samples", (json_int_t)result->samples, "duration_ms", (json_int_t)result->duration_ms,
        "sample_rate", result->sample_rate_hz, "channels", result->channels, "chunk_count",
        (int)result->chunk_count, "chunk_rate", result->chunk_rate_hz, "chunk_channels",
        result->chunk_channels, "chunk_bits", result->chunk_bits);

    if (result->report_json)
        json_object_set_new(root, "report", json_loads(result->report_json, 0, NULL));
    if (result->analysis_json)
        json_object_set_new(root, "analysis", json_loads(result->analysis_json, 0, NULL));
    return root;
}

static json_t *work_on(struct media_pool *pool, const struct wishes *wishes, const char *path)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct run run = {.wishes = wishes, .chunks = json_array(), .waveforms = json_array()};
    const struct media_sink sink = {&run, open_output, chunk_done, waveform_done, progress, NULL};
    const struct media_order order = {.validate = wishes->validate,
                                      .cut = wishes->cut ? &wishes->how : NULL,
                                      .analysis = wishes->analyze ? &wishes->analysis : NULL,
                                      .limit_ms = wishes->limit_ms};
    struct media_result result = {0};
    struct stat status;
    struct error err;
    json_t *root;
    bool done;

    memset(run.fds, 0xff, sizeof run.fds);
    if (fd < 0 || fstat(fd, &status) != 0)
        return json_pack("{s:s}", "error", strerror(errno));
    done = media_work(pool, fd, (uint64_t)status.st_size, &order, &sink, mem, &result, &err);
    for (size_t i = 0; i < COUNT_OF(run.fds); i++)
        fd_close(&run.fds[i]);
    root = result_to_json(&result);
    if (!done) {
        json_object_set_new(root, "code", json_string(error_code(&err)));
        json_object_set_new(root, "detail", json_string(error_detail(&err)));
        json_object_set_new(root, "log", json_string(err.log));
    }
    json_object_set_new(root, "chunks", run.chunks);
    json_object_set_new(root, "waveforms", run.waveforms);
    json_object_set_new(root, "progress", json_real(run.progress));
    json_object_set_new(root, "progress_calls", json_integer(run.progress_calls));
    json_object_set_new(root, "process_peak_kib", json_integer(process_peak_kib()));
    return root;
}

static void print_file(struct media_pool *pool, const struct wishes *wishes, const char *path)
{
    int64_t start_us = clock_monotonic_us();
    json_t *root = work_on(pool, wishes, path);

    json_object_set_new(root, "file", json_string(path));
    json_object_set_new(root, "elapsed_ms",
                        json_real((double)(clock_monotonic_us() - start_us) / 1000));
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    putchar('\n');
    fflush(stdout);
    json_decref(root);
}

static void read_zooms(struct media_analysis *analysis, const char *text)
{
    size_t count = 0;
    char *end;

    memset(analysis->zooms, 0, sizeof analysis->zooms);
    for (; *text && count < MEDIA_ZOOMS_MAX; text = *end ? end + 1 : end)
        analysis->zooms[count++] = (uint32_t)strtoul(text, &end, 10);
}

/* False if it is no wish but a file. */
static bool read_wish(struct wishes *wishes, const char *word)
{
    const char *value = strchr(word, '=');
    unsigned long long number = value ? strtoull(value + 1, NULL, 10) : 0;
    const struct {
        const char *name;
        uint32_t *narrow;
        uint64_t *wide;
    } NUMBERS[] = {
        {"sample_rate_hz=", &wishes->how.sample_rate_hz, NULL},
        {"channels=", &wishes->how.channels, NULL},
        {"bits=", &wishes->how.bits, NULL},
        {"max_ms=", NULL, &wishes->how.max_ms},
        {"overlap_ms=", NULL, &wishes->how.overlap_ms},
        {"max_bytes=", NULL, &wishes->how.max_bytes},
        {"window_ms=", NULL, &wishes->how.window_ms},
        {"waveform_bits=", &wishes->analysis.waveform_bits, NULL},
        {"silence_least_ms=", NULL, &wishes->analysis.silence_least_ms},
        {"limit_ms=", NULL, &wishes->limit_ms},
        {"processes=", &wishes->processes, NULL},
    };

    for (size_t i = 0; i < COUNT_OF(NUMBERS); i++) {
        if (strncmp(word, NUMBERS[i].name, strlen(NUMBERS[i].name)) != 0)
            continue;
        if (NUMBERS[i].narrow)
            *NUMBERS[i].narrow = (uint32_t)number;
        else
            *NUMBERS[i].wide = number;
        return true;
    }
    if (strcmp(word, "validate") == 0)
        return wishes->validate = true;
    if (strcmp(word, "analyze") == 0)
        return wishes->analyze = true;
    if (strcmp(word, "cut") == 0)
        return wishes->cut = true;
    if (strcmp(word, "format=flac") == 0)
        return wishes->how.format = MEDIA_CUT_FLAC, true;
    if (strcmp(word, "boundaries=silence") == 0)
        return wishes->how.boundaries = MEDIA_SILENCE, true;
    if (strcmp(word, "waveform_split=1") == 0)
        return wishes->analysis.waveform_split = true;
    if (strncmp(word, "zooms=", 6) == 0)
        return read_zooms(&wishes->analysis, word + 6), true;
    if (strncmp(word, "silence_threshold_db=", 21) == 0)
        return wishes->analysis.silence_threshold_db = atof(word + 21), true;
    if (strncmp(word, "cancel_at=", 10) == 0)
        return wishes->cancel_at = atof(word + 10), true;
    if (strncmp(word, "out=", 4) == 0)
        return wishes->out = word + 4, true;
    return false;
}

int main(int argc, char **argv)
{
    struct wishes wishes = {.how = MEDIA_CUT_DEFAULT,
                            .analysis = MEDIA_ANALYSIS_DEFAULT,
                            .limit_ms = 600000,
                            .processes = 1,
                            .cancel_at = 2};
    struct media_options options = {.memory_bytes = UINT64_C(512) << 20, .for_works = true};
    scoped(media_pool_release) struct media_pool *pool = NULL;
    struct error err;
    int first = 1;

    if (argc == 2 && strcmp(argv[1], "media-worker") == 0)
        return media_worker_main();
    while (first < argc && read_wish(&wishes, argv[first]))
        first++;
    options.processes = wishes.processes;
    if (!media_pool_open(&options, &pool, &err)) {
        fprintf(stderr, "media-work: %s\n", err.log);
        return 1;
    }
    for (int i = first; i < argc; i++)
        print_file(pool, &wishes, argv[i]);
    return 0;
}
