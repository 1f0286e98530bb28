/* `audiotricks rm` and `audiotricks undelete`: into the trash and out of it. */
#include "cli/commands.h"
#include "cli/each_id.h"

static enum cli_exit run_rm(struct invocation *in)
{
    bool permanent = option_given(in, "permanent");
    const struct client_param params[] = {{"permanent", permanent ? "true" : NULL}, {0}};

    return each_id_run(in, &(struct each_id){.method = "DELETE",
                                             .resource = "uploads",
                                             .params = params,
                                             .done = permanent ? "removed" : "in the trash"});
}

static enum cli_exit run_undelete(struct invocation *in)
{
    return each_id_run(
        in, &(struct each_id){
                .method = "POST", .resource = "uploads", .below = "undelete", .done = "back"});
}

static const struct command_option rm_options[] = {
    {"permanent", 0, NULL, "remove it for good, from the trash too; nothing brings it back"},
    {0},
};

const struct command command_rm = {
    .name = "rm",
    .summary = "put uploads in the trash, or remove them for good",
    .usage = "ID...",
    .help =
        "Puts uploads in the trash, from where `undelete` brings them back. With --permanent they\n"
        "are removed for good; bytes that another upload shares stay for that one.\n"
        "\n"
        "Examples:\n"
        "  audiotricks rm 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n"
        "  audiotricks ls --trash --all --json | jq -r .id | xargs audiotricks rm --permanent\n",
    .options = rm_options,
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_rm,
};

const struct command command_undelete = {
    .name = "undelete",
    .summary = "bring uploads back from the trash",
    .usage = "ID...",
    .help =
        "Brings uploads back from the trash with the status they had. Space for them was kept:\n"
        "this never exceeds a quota.\n"
        "\n"
        "Example:\n"
        "  audiotricks undelete 01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13\n",
    .takes = TAKES_CLIENT,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_undelete,
};
