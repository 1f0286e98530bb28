#include "jobs/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/child.h"
#include "base/fs.h"
#include "base/json_text.h"
#include "jobs/command_input.h"

/* How long a run may take if nobody says: that, and so many times the audio. */
#define LIMIT_LEAST_MS (10 * 60 * INT64_C(1000))
#define LIMIT_TIMES 10

#define ERRORS_KEPT 900 /* bytes of standard error: there are words before it in the message */

#define CODE_FAILED "processor_failed"
#define CODE_KILLED "processor_killed"
#define CODE_TIMEOUT "processor_timeout"
#define CODE_NOT_STARTED "processor_not_started"
#define CODE_TOO_LARGE "processor_output_too_large"
#define CODE_TOO_BIG "processor_memory_exceeded"
#define CODE_TOO_MANY "processor_too_many_processes"
#define CODE_NOT_JSON "processor_output_not_json"

/* One run. */
struct run {
    struct job_batch *batch;
    struct job_task *task;
    const struct processor *processor;
    struct scratch_folder folder;
    struct command_input input;
    struct child_report report;
};

static const struct command_kind *kind_of(const struct job_task *task)
{
    return (const struct command_kind *)task->kind;
}

/* ---- how it went ---- */

/* What the command said last, fit to be shown: whatever it wrote. */
static const char *complaints(const struct run *run)
{
    struct str errors = run->report.errors;
    char *text = arena_strndup(run->batch->mem, errors.ptr, errors.len);
    size_t length = errors.len, start = 0;

    while (start < length && ((unsigned char)text[start] & 0xc0) == 0x80)
        start++; /* cut off in the middle of a character */
    for (size_t i = start; i < length; i++)
        if ((unsigned char)text[i] < ' ' && text[i] != '\n')
            text[i] = ' ';
    if (!utf8_is_valid((struct str){text + start, length - start}))
        for (size_t i = start; i < length; i++)
            if ((unsigned char)text[i] >= 0x80)
                text[i] = '?';
    while (length > start && strchr(" \n\x7f", text[length - 1]))
        text[--length] = '\0';
    return text + start;
}

/* WHAT, and what the command said itself. */
static void fail(const struct run *run, bool retryable, const char *code, const char *what)
{
    const char *said = complaints(run);

    job_task_fail(run->task, retryable, code,
                  *said ? arena_printf(run->batch->mem, "%s: %s", what, said) : what);
}

/* sysexits.h: what is wrong with the input, the call or the settings will be wrong again. */
static bool is_worth_a_retry(int exit_code)
{
    return exit_code < EX__BASE || exit_code > EX__MAX || exit_code == EX_TEMPFAIL;
}

static void judge_failure(const struct run *run)
{
    struct arena *mem = run->batch->mem;
    int code = run->report.code;

    switch (run->report.end) {
    case CHILD_EXITED:
        return fail(run, is_worth_a_retry(code), CODE_FAILED,
                    arena_printf(mem, "the command ended with exit status %d", code));
    case CHILD_KILLED:
        return fail(run, true, CODE_KILLED,
                    sigabbrev_np(code)
                        ? arena_printf(mem, "the command was killed by SIG%s", sigabbrev_np(code))
                        : arena_printf(mem, "the command was killed by signal %d", code));
    case CHILD_TOO_LATE:
        return fail(run, true, CODE_TIMEOUT, "the command took longer than it may");
    case CHILD_TOO_MUCH:
        return fail(run, false, CODE_TOO_LARGE,
                    arena_printf(mem, "the command printed more than %zu bytes", JOB_RESULT_MAX));
    case CHILD_TOO_BIG:
        return fail(run, true, CODE_TOO_BIG,
                    "the command's processes used more memory than they may");
    case CHILD_TOO_MANY:
        return fail(
            run, false, CODE_TOO_MANY,
            arena_printf(mem, "the command had more than %d processes", CHILD_PROCESSES_MAX));
    case CHILD_UNWANTED:
        return; /* nobody asks */
    }
}

/* ---- the result ---- */

/* RFC 8259 section 2. */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str without_blanks(struct str text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = (struct str){text.ptr + 1, text.len - 1};
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* By the rules for results of workers: what is kept is as it came, but nothing in it is lost on who
 * reads it. */
static void judge_output(const struct run *run, struct str output)
{
    scoped(json_decrefp) json_t *value = NULL;
    struct str json = without_blanks(output);
    struct error why;

    if (json.len == 0)
        return fail(run, false, CODE_NOT_JSON, "the command left no output");
    if (json.ptr[0] != '{')
        return fail(run, false, CODE_NOT_JSON, "the command's output is not a JSON object");
    if (!json_text_read(json.ptr, json.len, &value, &why))
        return fail(run, false, CODE_NOT_JSON,
                    arena_printf(run->batch->mem, "the command's output is not JSON: %s",
                                 error_detail(&why)));
    job_task_complete(run->task, arena_strndup(run->batch->mem, json.ptr, json.len));
}

/* The file that the command has left in its folder; anything but a file is not there. */
static bool read_output(const struct run *run, struct str *out, bool *too_large, struct error *err)
{
    scoped(fd_close) int fd = openat(run->folder.fd, run->processor->output,
                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    char *bytes;
    size_t got;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return error_tell(err, ERR_NOT_FOUND, "the command left no file \"%s\"",
                          run->processor->output);
    *too_large = (uint64_t)st.st_size > JOB_RESULT_MAX;
    if (*too_large)
        return true;
    bytes = arena_alloc(run->batch->mem, (size_t)st.st_size + 1);
    if (!fs_read_at(fd, bytes, (size_t)st.st_size, 0, &got, "the command's output", err))
        return false;
    *out = (struct str){bytes, got};
    return true;
}

static void judge_file(const struct run *run)
{
    struct str output = {0};
    bool too_large = false;
    struct error err;

    if (!read_output(run, &output, &too_large, &err))
        fail(run, false, CODE_NOT_JSON, arena_strdup(run->batch->mem, error_detail(&err)));
    else if (too_large)
        fail(run, false, CODE_TOO_LARGE,
             arena_printf(run->batch->mem, "the command left more than %zu bytes", JOB_RESULT_MAX));
    else
        judge_output(run, output);
}

static void judge(const struct run *run)
{
    if (run->report.end != CHILD_EXITED || run->report.code != EX_OK)
        judge_failure(run);
    else if (run->processor->output)
        judge_file(run);
    else
        judge_output(run, run->report.output);
}

/* ---- the run ---- */

static bool is_unwanted(void *context)
{
    struct job_batch *batch = context;

    return atomic_load(&batch->should_end);
}

static int64_t limit_us(const struct run *run)
{
    const struct job *job = &run->task->job;
    const struct upload *upload = run->batch->upload;
    int64_t audio_ms =
        job->has_chunk ? job->chunk_end_ms - job->chunk_start_ms : upload->duration_ms;
    int64_t ms = run->processor->limit_ms > 0 ? run->processor->limit_ms
                                              : LIMIT_LEAST_MS + audio_ms * LIMIT_TIMES;

    return (ms < PROCESSOR_LIMIT_MAX_MS ? ms : PROCESSOR_LIMIT_MAX_MS) * 1000;
}

static bool run_child(struct run *run, char **arguments, struct error *err)
{
    const struct processor *processor = run->processor;
    struct arena *mem = run->batch->mem;
    struct child_order order = {
        .arguments = arguments,
        .environment = command_environment(processor, run->batch->upload, &run->task->job,
                                           &run->folder, run->input.path, mem),
        .folder = run->folder.path,
        .input = processor->by_path ? -1 : run->input.fd,
        .memory_bytes = processor->memory_bytes,
        .output_max = JOB_RESULT_MAX,
        .errors_max = ERRORS_KEPT,
        .limit_us = limit_us(run),
        .is_unwanted = is_unwanted,
        .context = run->batch,
    };

    return child_run(&order, mem, &run->report, err);
}

static bool prepare(struct run *run, struct error *err)
{
    struct job_batch *batch = run->batch;
    struct command_source from = {batch->app, batch->upload, &run->task->job, &batch->should_end};
    char name[JOB_STAGE_ID_SIZE];

    job_stage_id(&run->task->job, 0, name);
    return scratch_folder_make(kind_of(run->task)->scratch, name, batch->mem, &run->folder, err) &&
           command_input_open(&from, &run->folder, batch->mem, &run->input, err);
}

static void run_command(struct run *run)
{
    struct arena *mem = run->batch->mem;
    struct error err;
    char **arguments;

    if (!prepare(run, &err))
        job_task_fail(run->task, true, error_code(&err), arena_strdup(mem, error_detail(&err)));
    else if (!command_arguments(run->processor, run->input.path, mem, &arguments, &err) ||
             !run_child(run, arguments, &err))
        job_task_fail(run->task, true, CODE_NOT_STARTED, arena_strdup(mem, error_detail(&err)));
    else
        judge(run);
}

static void run_batch(struct job_batch *batch)
{
    struct run run = {.batch = batch,
                      .task = &batch->tasks[0], /* a kind without a group */
                      .processor = &kind_of(&batch->tasks[0])->processor,
                      .folder = SCRATCH_FOLDER_NONE,
                      .input = COMMAND_INPUT_NONE};

    if (!batch->upload)
        return job_task_fail(run.task, false, "invalid_request", "such a job is of an upload");
    run_command(&run);
    command_input_close(&run.input);
    scratch_folder_remove(&run.folder);
}

/* A run sees to its limit itself, to say what the command said; this one is never reached. */
static int64_t time_limit_ms(const struct app *app, const struct upload *upload,
                             const struct job *job)
{
    (void)app, (void)upload, (void)job;
    return PROCESSOR_LIMIT_MAX_MS * 2;
}

void command_kind_init(struct command_kind *out, const struct processor *processor,
                       const struct scratch *scratch)
{
    *out = (struct command_kind){
        .base = {.name = processor->name, .time_limit_ms = time_limit_ms, .run = run_batch},
        .processor = *processor,
        .scratch = scratch,
    };
}
