/*
 * Jobs leased and completed a second on a fresh catalog, in the ways in which workers do it, with
 * BACKLOG jobs behind those that are done. Usage: queue FOLDER [JOBS]; FOLDER lies on the disk to
 * be measured.
 */
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "catalog/user.h"
#include "catalog/workspace.h"
#include "cli/configuration.h"
#include "jobs/runner.h"
#include "service/queue.h"

#define JOBS_USUAL 20000
#define BACKLOG 100000
#define INSERTS 1000

struct bench {
    struct app *app;
    struct uuid workspace_id;
    unsigned jobs;
    atomic_uint left; /* of those that are measured */
    atomic_uint failed;
    size_t batch;
};

/* ---- the queue ---- */

struct filling {
    struct bench *bench;
    unsigned count;
    int64_t run_after_us;
};

static bool fill_work(struct db *tx, void *context, struct error *err)
{
    const struct filling *filling = context;
    const struct app *app = filling->bench->app;

    for (unsigned i = 0; i < filling->count; i++) {
        struct job job = {.id = app_new_id(app),
                          .workspace_id = filling->bench->workspace_id,
                          .kind = "bench",
                          .max_retries = 3,
                          .run_after_us = filling->run_after_us,
                          .created_at_us = app_now_us(app)};

        if (!job_insert(tx, &job, err))
            return false;
    }
    return true;
}

static void fail_if(bool failed, const struct error *err)
{
    if (!failed)
        return;
    fprintf(stderr, "queue: %s\n", err->log);
    exit(1);
}

static void fill(struct bench *bench, unsigned count, int64_t run_after_us)
{
    struct filling filling = {.bench = bench, .run_after_us = run_after_us};
    struct error err;

    for (; count > 0; count -= filling.count) {
        filling.count = count < INSERTS ? count : INSERTS;
        fail_if(!database_write(bench->app->database, fill_work, &filling, &err), &err);
    }
}

/* ---- workers ---- */

/* As a worker over HTTP does: leases some, ends each by itself. */
static void *lease_and_end(void *context)
{
    struct bench *bench = context;
    scoped(arena_release) struct arena *mem = arena_new();
    const char *kind = "bench";
    struct lease_wish wish = {
        .kinds = &kind, .kind_count = 1, .count = bench->batch, .worker = "bench"};
    struct job *jobs, after;
    struct error err;
    size_t count = 1;

    while (count > 0) {
        arena_reset(mem);
        fail_if(!leases_take(bench->app, &wish, mem, &jobs, &count, &err), &err);
        for (size_t i = 0; i < count; i++) {
            struct job_end end = {.job = {jobs[i].workspace_id, jobs[i].id, jobs[i].lease_token},
                                  .result = "{\"text\":\"some words that were said\"}"};

            if (!leases_end(bench->app, &end, mem, &after, &err))
                atomic_fetch_add(&bench->failed, 1);
        }
    }
    return NULL;
}

static void work_in_threads(struct bench *bench, unsigned threads)
{
    pthread_t workers[256];

    for (unsigned i = 0; i < threads; i++)
        pthread_create(&workers[i], NULL, lease_and_end, bench);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(workers[i], NULL);
}

/* What the server's own threads do. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static unsigned left;

static void run(struct job_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        job_task_complete(&batch->tasks[i], NULL);
}

static void release(struct app *app, struct job_task *task, bool committed)
{
    (void)app, (void)task, (void)committed;
    pthread_mutex_lock(&lock);
    if (--left == 0)
        pthread_cond_signal(&ended);
    pthread_mutex_unlock(&lock);
}

static const struct queued_kind bench_kind = {.name = "bench", .run = run, .release = release};
static const struct queued_kind *const kinds[] = {&bench_kind, NULL};

static void work_in_runner(struct bench *bench, unsigned threads)
{
    struct runner_options options = {.kinds = kinds, .threads = threads};
    struct runner *runner;
    struct error err;

    left = bench->jobs;
    fail_if(!runner_start(bench->app, &options, &runner, &err), &err);
    pthread_mutex_lock(&lock);
    while (left > 0)
        pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    runner_free(runner);
}

/* ---- rows ---- */

static void measure(struct bench *bench, const char *what,
                    void (*work)(struct bench *, unsigned threads), unsigned threads, size_t batch)
{
    int64_t start_us, took_us;

    bench->batch = batch;
    atomic_store(&bench->failed, 0);
    fill(bench, bench->jobs, 0);
    start_us = clock_monotonic_us();
    work(bench, threads);
    took_us = clock_monotonic_us() - start_us;
    printf("| %s | %u | %zu | %.0f | %u |\n", what, threads, batch,
           (double)bench->jobs * (double)US_PER_S / (double)took_us, atomic_load(&bench->failed));
    fflush(stdout);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void find_workspace(struct bench *bench)
{
    scoped(db_release) struct db *db = NULL;
    struct error err;

    fail_if(!database_read(bench->app->database, &db, &err) ||
                !workspace_only(db, &bench->workspace_id, &err),
            &err);
}

int main(int argc, char **argv)
{
    scoped(config_release) struct config *config = configuration_new();
    struct bench bench = {.jobs = argc > 2 ? (unsigned)atoi(argv[2]) : JOBS_USUAL};
    char folder[4096];
    struct error err;

    if (argc < 2) {
        fprintf(stderr, "usage: queue FOLDER [JOBS]\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%s/queue-bench", argv[1]);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    fail_if(!app_open(config, &(struct app_options){.data = folder, .without_media = true},
                      &bench.app, &err),
            &err);
    queued_kinds_register(bench.app, kinds);
    find_workspace(&bench);
    fill(&bench, BACKLOG, INT64_MAX / 2);
    printf("| workers | threads | leased at once | jobs/s | failed |\n|-|-|-|-|-|\n");
    measure(&bench, "external", work_in_threads, 1, 100);
    measure(&bench, "external", work_in_threads, 16, 10);
    measure(&bench, "external", work_in_threads, 64, 10);
    measure(&bench, "built-in", work_in_runner, 2, 1);
    measure(&bench, "built-in", work_in_runner, 16, 1);
    app_free(bench.app);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
