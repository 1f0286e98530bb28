/*
 * A worker as `audiotricks worker`, but for one kind of jobs whose effect can be counted, "effect":
 * a row of history that names the job. On the way it keeps a stage, as kinds do that make files.
 * Usage: crash-worker DATA CONFIGURATION; it ends when it is killed, or its standard input ends.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "catalog/history.h"
#include "cli/configuration.h"
#include "jobs/runner.h"
#include "service/queue.h"

#define THREADS 4
#define TAKES_MS 400 /* at most: what a kill is to fall into */

/* ---- the kind ---- */

static void take_a_while(struct app *app)
{
    struct timespec moment = {0};
    uint8_t chance;

    app->random->fill(app->random, &chance, sizeof chance);
    moment.tv_nsec = chance * TAKES_MS / 256 * 1000000L;
    nanosleep(&moment, NULL);
}

/* Written before the work and found there after it, unless somebody took it for left over. */
static bool keep_stage(struct app *app, const struct job *job, struct error *err)
{
    scoped(stage_release) struct stage *made = NULL;
    scoped(stage_release) struct stage *found = NULL;
    char id[JOB_STAGE_ID_SIZE];

    job_stage_id(job, 0, id);
    if (!store_stage_create(app->stores[0], id, 4, &made, err) ||
        !stage_write(made, 0, "some", 4, err))
        return false;
    take_a_while(app);
    return store_stage_open(app->stores[0], id, &found, err);
}

static void run_effect(struct job_batch *batch)
{
    struct job_task *task = &batch->tasks[0];
    struct error err;

    if (keep_stage(batch->app, &task->job, &err))
        job_task_complete(task, NULL);
    else
        job_task_fail(task, false, "stage_lost", arena_strdup(batch->mem, err.log));
}

static bool commit_effect(struct db *tx, const struct job_task *task, struct error *err)
{
    char job_id[UUID_TEXT_SIZE], detail[64];
    struct history_entry entry = {.id = uuid_new(&clock_system, &random_system),
                                  .workspace_id = task->job.workspace_id,
                                  .upload_id = task->job.upload_id,
                                  .action = "effect",
                                  .detail = detail,
                                  .created_at_us = clock_now_us(&clock_system)};

    uuid_format(task->job.id, job_id);
    snprintf(detail, sizeof detail, "{\"job_id\":\"%s\"}", job_id);
    return history_add(tx, &entry, err);
}

static void release_effect(struct app *app, struct job_task *task, bool committed)
{
    char id[JOB_STAGE_ID_SIZE];
    struct error err;

    (void)committed;
    job_stage_id(&task->job, 0, id);
    if (!store_stage_discard(app->stores[0], id, &err))
        fprintf(stderr, "crash-worker: %s\n", err.log); /* the sweep will */
}

static const struct queued_kind effect = {
    .name = "effect", .run = run_effect, .commit = commit_effect, .release = release_effect};
static const struct queued_kind *const kinds[] = {&effect, NULL};

/* ---- the worker ---- */

static void await_end_of_input(void)
{
    char bytes[64];

    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
        ;
}

static bool work(const char *data, const char *configuration, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(config_release) struct config *config = configuration_new();
    scoped(app_release) struct app *app = NULL;
    scoped(runner_release) struct runner *runner = NULL;
    struct runner_options options = {.kinds = kinds, .threads = THREADS};

    if (!configuration_read(config, configuration, mem, err) ||
        !app_open(config,
                  &(struct app_options){.data = data, .existing_only = true, .without_media = true},
                  &app, err))
        return false;
    queued_kinds_register(app, kinds);
    if (!runner_start(app, &options, &runner, err))
        return false;
    await_end_of_input();
    return true;
}

int main(int argc, char **argv)
{
    struct error err;

    if (argc != 3) {
        fprintf(stderr, "usage: crash-worker DATA CONFIGURATION\n");
        return 2;
    }
    if (work(argv[1], argv[2], &err))
        return 0;
    fprintf(stderr, "crash-worker: %s\n", err.log);
    return 1;
}
