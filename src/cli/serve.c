#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/event_streams.h"
#include "api/routes.h"
#include "base/fs.h"
#include "base/log.h"
#include "cli/catalog_lock.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/data_lock.h"
#include "cli/log_setup.h"
#include "cli/settings_check.h"
#include "http/server.h"
#include "jobs/crew.h"
#include "jobs/scheduler.h"
#include "jobs/webhook_sender.h"
#include "service/app.h"
#include "service/node.h"
#include "service/watch.h"

#define GRACE_AT_SECOND_SIGNAL_MS 0
/* A job that looks whether it should end does so at once: one that has not by then never looks. */
#define JOBS_GRACE_MS 5000

/* What the signal handler needs. */
static struct http_server *volatile signalled_server;
static volatile sig_atomic_t signals_seen;
static uint32_t stop_grace_ms;

static void stop_on_signal(int number)
{
    (void)number;
    if (signalled_server)
        http_server_stop(signalled_server,
                         signals_seen ? GRACE_AT_SECOND_SIGNAL_MS : stop_grace_ms);
    signals_seen = signals_seen + 1;
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = stop_on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGHUP, &ignore, NULL);
}

/* Each connection takes a descriptor, each upload some more; the usual soft limit is 1024. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Heaps for as many threads as run at once. By default nearly every thread that handles requests
 * gets one of its own, and each keeps the room of the largest that it has seen. */
static void share_heaps(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    mallopt(M_ARENA_MAX, cores > 2 ? (int)cores : 2);
}

static uint32_t config_ms(const struct config *config, const char *key)
{
    uint64_t value = config_number(config, "server", key);

    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* A unix socket gets the configured mode, unless its address says another. */
static bool listen_at(struct http_server *server, const struct config *config, struct str where,
                      struct arena *mem, struct error *err)
{
    const char *text = arena_strndup(mem, where.ptr, where.len);

    if (str_starts_with(where, "unix:") && !strchr(text, '?'))
        text = arena_printf(mem, "%s?mode=%s", text, config_text(config, "server", "socket_mode"));
    return http_server_listen(server, text, err);
}

static bool listen_everywhere(struct http_server *server, const struct config *config,
                              struct arena *mem, struct error *err)
{
    struct str rest = str_from(config_text(config, "server", "listen"));
    struct str where;
    unsigned inherited = 0;

    if (!http_server_listen_inherited(server, &inherited, err))
        return false;
    if (inherited > 0)
        return true;
    while (str_split(&rest, ',', &where))
        if (!listen_at(server, config, str_trim(where), mem, err))
            return false;
    return http_server_address_at(server, 0) ||
           error_tell(err, ERR_INVALID, "server.listen: names no address");
}

static void announce(const struct http_server *server, const char *data)
{
    const char *address;

    for (size_t i = 0; (address = http_server_address_at(server, i)); i++)
        printf("listening on %s%s\n", strncmp(address, "unix:", 5) == 0 ? "" : "http://", address);
    printf("operator token in %s/operator-token\n", data);
    fflush(stdout);
}

static bool new_server(const struct config *config, struct app *app, struct http_server **out,
                       struct error *err)
{
    struct http_options options = {
        .trusted_proxies = config_text(config, "server", "trusted_proxies"),
        .app = app,
        .clock = app->clock,
        .random = app->random,
        .before = routes_before,
    };

    options.routes = routes_table(&options.route_count);
    return settings_limits(config, &options.limits, err) && http_server_new(&options, out, err);
}

static bool is_stopping(void *server)
{
    return http_server_is_stopping(server);
}

static bool start_crew(struct http_server *server, struct app *app, struct crew **out,
                       struct error *err)
{
    struct runner_options options = {
        .kinds = queued_kinds,
        .threads = (unsigned)config_number(app->config, "jobs", "workers"),
        .is_stopping = is_stopping,
        .context = server,
    };

    return crew_start(app, &options, out, err);
}

/* Without freeing what its jobs still use. All that was acknowledged is on the disk. */
static void end_without_jobs(void)
{
    log_event(LOG_WARN, "stopped without waiting for jobs");
    fflush(NULL);
    _exit(CLI_OK);
}

static void stop_crew(struct crew *crew)
{
    if (crew && !crew_stop(crew, signals_seen > 1 ? 0 : JOBS_GRACE_MS))
        end_without_jobs();
}

static void wake_feeds(void *context)
{
    http_server_wake_feeds(context);
}

/* Serves until a signal ends it. */
static bool run_server(struct http_server *server, struct app *app, bool with_jobs,
                       struct error *err)
{
    scoped(scheduler_release) struct scheduler *scheduler = NULL;
    scoped(crew_release) struct crew *crew = NULL;
    scoped(webhook_sender_release) struct webhook_sender *webhooks = NULL;
    struct watcher on_commit = {.tell = wake_feeds, .context = server};
    bool ran;

    if (!scheduler_start(app, job_kinds, job_kind_count, &scheduler, err) ||
        !webhook_sender_start(app, &webhooks, err) ||
        (with_jobs && !start_crew(server, app, &crew, err)))
        return false;
    watch_add(app->commits, &on_commit);
    signalled_server = server;
    if (signals_seen) /* one that came before there was a server to stop */
        http_server_stop(server, 0);
    ran = http_server_run(server, err);
    signalled_server = NULL;
    watch_remove(app->commits, &on_commit);
    stop_crew(crew);
    return ran;
}

static bool serve(const struct config *config, bool with_jobs, struct arena *mem, struct error *err)
{
    const char *data = config_text(config, "server", "data");
    scoped(fd_close) int lock = -1;
    scoped(fd_close) int catalog = -1;
    scoped(app_release) struct app *app = NULL;
    scoped(node_release) struct node *node = NULL;
    scoped(event_streams_release) struct event_streams *streams = NULL;
    scoped(http_server_release) struct http_server *server = NULL;

    stop_grace_ms = config_ms(config, "stop_grace");
    catch_signals();
    raise_file_limit();
    share_heaps();
    if (!settings_check(config, err) || !log_setup_configured(config, err) ||
        !data_lock(data, &lock, err) || !catalog_share(config, &catalog, err) ||
        !app_open(config, &(struct app_options){.data = data}, &app, err) ||
        !node_start(app, data, &node, err) || !new_server(config, app, &server, err) ||
        !listen_everywhere(server, config, mem, err))
        return false;
    queued_kinds_register(app, queued_kinds);
    app->http = http_server_metrics(server);
    app->streams = streams = event_streams_new(app);
    announce(server, data);
    log_event(LOG_INFO, "serving", log_text("version", AUDIOTRICKS_VERSION),
              log_text("data", data));
    if (!run_server(server, app, with_jobs, err))
        return false;
    log_event(LOG_INFO, "stopped");
    return true;
}

static enum cli_exit run(struct invocation *in)
{
    bool with_jobs = config_bool(in->config, "jobs", "enabled") && !option_given(in, "no-jobs");
    struct error err;

    return serve(in->config, with_jobs, in->mem, &err) ? CLI_OK : cli_fail(&err);
}

static const struct command_option options[] = {
    {"no-jobs", 0, NULL, "run no jobs, as with --jobs-enabled false: workers do"},
    {0},
};

const struct command command_serve = {
    .name = "serve",
    .summary = "run the server in the foreground",
    .help = "Serves the HTTP API until SIGTERM or SIGINT, then lets running requests finish for\n"
            "--server-stop-grace. A second signal ends it at once.\n"
            "\n"
            "A new data folder gets a catalog, a store, the workspace \"default\" and an operator\n"
            "token in DATA/operator-token. One server runs on a data folder at a time.\n"
            "\n"
            "  audiotricks serve\n"
            "  audiotricks serve --data /srv/audiotricks --listen 0.0.0.0:8080\n"
            "  audiotricks serve --listen unix:/run/audiotricks.sock\n",
    .options = options,
    .takes = TAKES_CONFIGURATION,
    .run = run,
};
