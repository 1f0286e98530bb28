/* The command table. */
#include "cli/command.h"
#include "cli/commands.h"
#include "media/media.h"

static enum cli_exit run_media_worker(struct invocation *in)
{
    (void)in;
    return media_worker_main() == 0 ? CLI_OK : CLI_FAILED;
}

/* What the server starts for each media process (media/media.h); nobody else needs it. */
static const struct command command_media_worker = {
    .name = "media-worker",
    .run = run_media_worker,
    .hidden = true,
};

static const struct command *const commands[] = {
    &command_serve,      &command_worker,    &command_upload,       &command_ls,
    &command_info,       &command_get,       &command_rm,           &command_undelete,
    &command_sessions,   &command_jobs,      &command_quota,        &command_usage,
    &command_cache,      &command_workspace, &command_user,         &command_token,
    &command_operator,   &command_events,    &command_webhooks,     &command_config,
    &command_store,      &command_verify,    &command_doctor,       &command_migrate,
    &command_completion, &command_help,      &command_media_worker, NULL,
};

static const struct program program = {
    .name = "audiotricks",
    .version = AUDIOTRICKS_VERSION,
    .summary = "takes in audio files and looks after them",
    .commands = commands,
};

int main(int argc, char **argv)
{
    return cli_main(&program, argc, argv);
}
