#include "service/remaking.h"

#include "catalog/upload_progress.h"
#include "service/queue.h"

#define WAIT_MAX_US (30 * US_PER_S)

struct remaking {
    struct app *app;
    const struct missing_file *file;
    struct arena *mem;
    bool is_replaced;
    struct uuid job_id;
};

static const char *job_kind_of(enum derived_kind kind)
{
    return kind == DERIVED_CHUNK ? JOB_KIND_CHUNK : "analyze";
}

/* Whether the file is no longer what the catalog says there is. */
static bool look_for_another(struct db *tx, struct remaking *remaking, struct error *err)
{
    const struct missing_file *file = remaking->file;
    bool is_still_its;

    remaking->is_replaced = false;
    if (!file->storage_path)
        return true;
    if (!derived_has(tx, file->upload->id, file->storage_name, file->storage_path, &is_still_its,
                     err))
        return false;
    remaking->is_replaced = !is_still_its;
    return true;
}

/* Somebody waits for it, so it comes before what nobody does. */
static bool ask_for_it(struct db *tx, struct remaking *remaking, const char *options,
                       struct error *err)
{
    const struct upload *upload = remaking->file->upload;
    struct job job = {.id = app_new_id(remaking->app),
                      .workspace_id = upload->workspace_id,
                      .upload_id = upload->id,
                      .kind = job_kind_of(remaking->file->kind),
                      .priority = JOB_PRIORITY_MAX,
                      .max_retries = upload->max_retries,
                      .options = options,
                      .created_at_us = app_now_us(remaking->app)};

    remaking->job_id = job.id;
    return job_insert(tx, &job, err);
}

static bool begin_work(struct db *tx, void *context, struct error *err)
{
    struct remaking *remaking = context;
    const struct missing_file *file = remaking->file;
    const char *options;
    bool is_under_way;

    if (!look_for_another(tx, remaking, err) || remaking->is_replaced)
        return remaking->is_replaced;
    return derived_recipe(tx, file->upload->id, file->kind, remaking->mem, &options, err) &&
           job_under_way(tx, file->upload->id, job_kind_of(file->kind), &is_under_way,
                         &remaking->job_id, err) &&
           (is_under_way || ask_for_it(tx, remaking, options, err));
}

static bool read_job(const struct remaking *remaking, struct job *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(remaking->app->database, &db, err) &&
           job_by_id(db, remaking->file->upload->workspace_id, remaking->job_id, remaking->mem, out,
                     err);
}

/* *ENDED, with ERR set if not as it should. */
static bool judge(const struct job *job, bool *ended, struct error *err)
{
    *ended = job->status != JOB_WAITING && job->status != JOB_PENDING && job->status != JOB_LEASED;
    return !*ended || job->status == JOB_COMPLETED ||
           error_tell(err, ERR_CONFLICT, "the file is gone, and could not be made again: %.150s",
                      job->error_message ? job->error_message : "its job was cancelled");
}

static bool await_end(const struct remaking *remaking, bool (*should_end)(void *context),
                      void *context, struct error *err)
{
    struct queue *queue = remaking->app->queue;
    int64_t until_us = clock_monotonic_us() + WAIT_MAX_US;
    struct job job;

    for (;;) {
        uint64_t turn = queue_turn(queue);
        bool ended;

        if (!read_job(remaking, &job, err) || !judge(&job, &ended, err))
            return false;
        if (ended)
            return true;
        if (should_end(context) || clock_monotonic_us() >= until_us)
            return error_tell(err, ERR_UNAVAILABLE, "the file is being made again: ask again soon");
        queue_wait(queue, turn, until_us);
    }
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

bool remake(struct app *app, const struct missing_file *file, bool (*should_end)(void *context),
            void *context, struct arena *mem, struct error *err)
{
    struct remaking remaking = {.app = app, .file = file, .mem = mem};
    bool is_done;

    if (!database_write(app->database, begin_work, &remaking, err))
        return false;
    if (remaking.is_replaced)
        return true;
    queue_signal(app->queue);
    if (!queue_enter_waiting(app->queue))
        return await_end(&remaking, at_once, NULL, err);
    is_done = await_end(&remaking, should_end, context, err);
    queue_leave_waiting(app->queue);
    return is_done;
}
