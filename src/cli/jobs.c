/* `audiotricks jobs`: work that waits for a processor, runs, or has ended. */
#include <string.h>

#include "cli/commands.h"
#include "cli/each_id.h"
#include "cli/each_record.h"
#include "cli/listing.h"

/* ---- ls ---- */

/* "40 %" of what runs; nothing otherwise. */
static char *view_progress(struct arena *mem, const json_t *job, const char *name)
{
    double progress = json_number_value(json_object_get(job, name));

    return strcmp(view_text(job, "status"), "leased") == 0
               ? arena_printf(mem, "%d %%", (int)(progress * 100))
               : NULL;
}

static const struct listing_column columns[] = {
    {{"ID", TABLE_LEFT, 0}, "id", NULL},
    {{"CREATED", TABLE_LEFT, 4}, "created_at", view_time},
    {{"KIND", TABLE_LEFT, 0}, "kind", NULL},
    {{"UPLOAD", TABLE_LEFT, 3}, "upload_id", NULL},
    {{"CHUNK", TABLE_RIGHT, 5}, "chunk_index", NULL},
    {{"STATUS", TABLE_LEFT, 0}, "status", NULL},
    {{"DONE", TABLE_RIGHT, 2}, "progress", view_progress},
    {{"ERROR", TABLE_LEFT, 1}, "error_code", NULL},
};

static enum cli_exit run_ls(struct invocation *in)
{
    const struct client_param params[] = {
        {"kind", option_text(in, "kind")},
        {"status", option_text(in, "status")},
        {"upload_id", option_text(in, "upload")},
        {0},
    };

    return listing_run(in, "/v1/jobs", params, columns, COUNT_OF(columns));
}

static const struct command_option ls_options[] = {
    {"kind", 'k', "KIND", "of this kind: validate, transcription …"},
    {"status", 's', "STATUS", "waiting, pending, leased, completed, failed, cancelled"},
    {"upload", 'u', "ID", "of this upload"},
    {0},
};

static const struct command jobs_ls = {
    .name = "ls",
    .summary = "list jobs, newest first",
    .help = "Lists the workspace's jobs: what waits, runs, or ended within `jobs.keep`.\n"
            "\n"
            "Examples:\n"
            "  audiotricks jobs ls --status failed\n"
            "  audiotricks jobs ls --upload 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n"
            "  audiotricks jobs ls --kind transcription --json | jq -r .result.text\n",
    .options = ls_options,
    .takes = TAKES_CLIENT,
    .run = run_ls,
};

/* ---- show ---- */

static const struct leading_member leading[] = {
    {"kind", "kind", NULL},
    {"id", "id", NULL},
    {"status", "status", NULL},
    {"error_message", "reason", NULL},
    {"created_at", "created", view_time},
    {"started_at", "begun", view_time},
    {"completed_at", "ended", view_time},
    {0},
};

static enum cli_exit run_show(struct invocation *in)
{
    return each_record_run(in, "jobs", leading);
}

static const struct command jobs_show = {
    .name = "show",
    .summary = "show all that is known of jobs",
    .usage = "ID...",
    .help = "Shows each job: what it is for, its options, who works on it, its result, and why it\n"
            "failed or was cancelled.\n"
            "\n"
            "Example:\n"
            "  audiotricks jobs show 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_show,
};

/* ---- cancel, retry ---- */

static enum cli_exit run_cancel(struct invocation *in)
{
    return each_id_run(
        in, &(struct each_id){
                .method = "POST", .resource = "jobs", .below = "cancel", .done = "cancelled"});
}

static const struct command jobs_cancel = {
    .name = "cancel",
    .summary = "cancel jobs that have not ended",
    .usage = "ID...",
    .help = "Cancels jobs, and those that wait for them. What runs is told to stop; it changes\n"
            "nothing any more. An upload is completed without the jobs that were cancelled.\n"
            "\n"
            "Example:\n"
            "  audiotricks jobs cancel 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_cancel,
};

static enum cli_exit run_retry(struct invocation *in)
{
    return each_id_run(
        in, &(struct each_id){
                .method = "POST", .resource = "jobs", .below = "retry", .done = "to be retried"});
}

static const struct command jobs_retry = {
    .name = "retry",
    .summary = "begin failed jobs anew",
    .usage = "ID...",
    .help =
        "Failed jobs wait for a worker again, with all their retries.\n"
        "\n"
        "Examples:\n"
        "  audiotricks jobs retry 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n"
        "  audiotricks jobs ls --status failed --json | jq -r .id | xargs audiotricks jobs retry\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_retry,
};

const struct command command_jobs = {
    .name = "jobs",
    .summary = "list, show, cancel and retry jobs",
    .children =
        (const struct command *const[]){&jobs_ls, &jobs_show, &jobs_cancel, &jobs_retry, NULL},
};
