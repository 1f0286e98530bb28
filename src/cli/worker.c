/* `audiotricks worker`: runs jobs alone, beside the server or other workers on the same data. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/catalog_lock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/log_setup.h"
#include "cli/settings_check.h"
#include "jobs/crew.h"

/* A job that looks whether it should end does so at once: one that has not by then never looks. */
#define JOBS_GRACE_MS 5000

/* Those that end it; blocked in every thread, and waited for. */
static void block_signals(sigset_t *stopping)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGHUP, &ignore, NULL);
    sigemptyset(stopping);
    sigaddset(stopping, SIGTERM);
    sigaddset(stopping, SIGINT);
    pthread_sigmask(SIG_BLOCK, stopping, NULL);
}

/* Until a signal ends it; another one does so at once. */
static void work(const sigset_t *stopping)
{
    int number;

    while (sigwait(stopping, &number) != 0)
        ;
    pthread_sigmask(SIG_UNBLOCK, stopping, NULL);
}

/* Without freeing what its jobs still use. */
static void stop(struct crew *crew)
{
    if (crew_stop(crew, JOBS_GRACE_MS))
        return;
    log_event(LOG_WARN, "stopped without waiting for jobs");
    fflush(NULL);
    _exit(CLI_OK);
}

static bool run_worker(const struct config *config, struct error *err)
{
    const char *data = config_text(config, "server", "data");
    scoped(fd_close) int catalog = -1;
    scoped(app_release) struct app *app = NULL;
    scoped(crew_release) struct crew *crew = NULL;
    struct runner_options options = {.kinds = queued_kinds,
                                     .threads = (unsigned)config_number(config, "jobs", "workers")};
    sigset_t stopping;

    block_signals(&stopping);
    if (!settings_check(config, err) || !log_setup_configured(config, err) ||
        !catalog_share(config, &catalog, err) ||
        !app_open(config, &(struct app_options){.data = data, .existing_only = true}, &app, err))
        return false;
    queued_kinds_register(app, queued_kinds);
    if (!crew_start(app, &options, &crew, err))
        return false;
    printf("working on %s\n", data);
    fflush(stdout);
    log_event(LOG_INFO, "working", log_text("version", AUDIOTRICKS_VERSION),
              log_text("data", data));
    work(&stopping);
    stop(crew);
    crew_free(take(crew));
    log_event(LOG_INFO, "stopped");
    return true;
}

static enum cli_exit run(struct invocation *in)
{
    struct error err;

    return run_worker(in->config, &err) ? CLI_OK : cli_fail(&err);
}

const struct command command_worker = {
    .name = "worker",
    .summary = "run jobs alone, beside a server on the same data",
    .help =
        "Runs the jobs of the server's own kinds, and of processors that have a command in the\n"
        "configuration, until SIGTERM or SIGINT; then what runs is given back. Any number of "
        "workers\n"
        "may share the data folder with a server, which must have been started on it before;\n"
        "`serve --no-jobs` leaves all jobs to them.\n"
        "\n"
        "Examples:\n"
        "  audiotricks worker --data /srv/audiotricks\n"
        "  audiotricks worker --data /srv/audiotricks --jobs-workers 8\n",
    .takes = TAKES_CONFIGURATION,
    .run = run,
};
