#include "jobs/crew.h"

#include "base/log.h"
#include "jobs/command.h"
#include "jobs/scratch.h"

/* A command, and what runs it. */
struct hand {
    struct command_kind kind;
    const struct queued_kind *kinds[2]; /* as a runner wants them */
    struct runner *runner;
};

struct crew {
    struct app *app;
    struct arena *mem;
    struct runner *own; /* of the server's own kinds */
    struct scratch scratch;
    struct hand *hands;
    size_t count;
};

/* ---- the commands ---- */

static size_t count_sections(const struct config *config)
{
    const char *name;
    size_t count = 0;

    while (config_named_at(config, "processor", count, &name))
        count++;
    return count;
}

static bool has_commands(const struct config *config)
{
    const char *name;

    for (size_t i = 0; config_named_at(config, "processor", i, &name); i++) {
        const char *command = config_named_text(config, "processor", name, "command");

        if (command && *command)
            return true;
    }
    return false;
}

static bool read_commands(struct crew *crew, struct error *err)
{
    const struct config *config = crew->app->config;
    const char *name;

    crew->hands = arena_array(crew->mem, count_sections(config) + 1, sizeof *crew->hands);
    for (size_t i = 0; config_named_at(config, "processor", i, &name); i++) {
        struct processor processor;
        bool is_command;

        if (!processor_read(config, name, crew->mem, &is_command, &processor, err))
            return false;
        if (is_command)
            command_kind_init(&crew->hands[crew->count++].kind, &processor, &crew->scratch);
    }
    return true;
}

static bool open_scratch(struct crew *crew, struct error *err)
{
    const struct config *config = crew->app->config;
    const char *path = config_text(config, "jobs", "scratch");

    if (!path || !*path)
        path = arena_printf(crew->mem, "%s/scratch", config_text(config, "server", "data"));
    return scratch_open(path, &crew->scratch, err);
}

static bool start_command(struct crew *crew, struct hand *hand,
                          const struct runner_options *options, struct error *err)
{
    struct runner_options own = *options;

    hand->kinds[0] = &hand->kind.base;
    own.kinds = hand->kinds;
    own.threads = hand->kind.processor.workers;
    return runner_start(crew->app, &own, &hand->runner, err);
}

static bool start_commands(struct crew *crew, const struct runner_options *options,
                           struct error *err)
{
    if (has_commands(crew->app->config) && !open_scratch(crew, err))
        return false;
    if (!read_commands(crew, err))
        return false;
    for (size_t i = 0; i < crew->count; i++) {
        if (!start_command(crew, &crew->hands[i], options, err))
            return false;
        log_event(LOG_INFO, "running a command for jobs",
                  log_text("job", crew->hands[i].kind.processor.name),
                  log_text("program", crew->hands[i].kind.processor.words[0]));
    }
    return true;
}

/* ---- all of them ---- */

bool crew_start(struct app *app, const struct runner_options *options, struct crew **out,
                struct error *err)
{
    scoped(crew_release) struct crew *crew = calloc(1, sizeof *crew);

    if (!crew)
        abort();
    crew->app = app;
    crew->mem = arena_new();
    crew->scratch = SCRATCH_NONE;
    if (!runner_start(app, options, &crew->own, err) || !start_commands(crew, options, err))
        return false;
    *out = take(crew);
    return true;
}

static void tell_all(struct crew *crew)
{
    if (crew->own)
        runner_tell(crew->own);
    for (size_t i = 0; i < crew->count; i++)
        if (crew->hands[i].runner)
            runner_tell(crew->hands[i].runner);
}

bool crew_stop(struct crew *crew, uint32_t grace_ms)
{
    int64_t until_us = clock_monotonic_us() + (int64_t)grace_ms * 1000;
    bool stopped;

    tell_all(crew);
    stopped = runner_stop(crew->own, grace_ms);
    for (size_t i = 0; i < crew->count; i++) {
        int64_t left_ms = (until_us - clock_monotonic_us()) / 1000;

        stopped &= runner_stop(crew->hands[i].runner, left_ms > 0 ? (uint32_t)left_ms : 0);
    }
    return stopped;
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    tell_all(crew);
    for (size_t i = 0; i < crew->count; i++)
        runner_free(crew->hands[i].runner);
    runner_free(crew->own);
    scratch_close(&crew->scratch);
    arena_free(crew->mem);
    free(crew);
}
