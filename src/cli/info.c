/* `audiotricks info`: all that is known of uploads. */
#include "cli/commands.h"
#include "cli/each_record.h"

static const struct leading_member leading[] = {
    {"original_filename", "name", NULL},
    {"id", "id", NULL},
    {"status", "status", NULL},
    {"file_size", "size", view_bytes},
    {"duration", "length", view_duration},
    {"uploaded_at", "uploaded", view_time},
    {"deleted_at", "in the trash since", view_time},
    {0},
};

static enum cli_exit run(struct invocation *in)
{
    return each_record_run(in, "uploads", leading);
}

const struct command command_info = {
    .name = "info",
    .summary = "show all that is known of uploads",
    .usage = "ID...",
    .help =
        "Shows the record of each upload: name, digests, audio facts, tags, where it is stored.\n"
        "\n"
        "Examples:\n"
        "  audiotricks info 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n"
        "  audiotricks info --json ID | jq .metadata.tags\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run,
};
