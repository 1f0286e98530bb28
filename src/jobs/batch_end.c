#include "jobs/batch_end.h"

#include "base/log.h"
#include "service/queue.h"

#define END_TRIES 3

/* How a task ended that its run did not complete, or refuse for good. */
static void judge(struct job_task *task, bool is_late, bool is_ending)
{
    if (task->is_decided && task->outcome != OUTCOME_RETRYABLE)
        return;
    if (is_late)
        job_task_fail(task, true, "job_timeout",
                      "the job took longer than such a file should; it was stopped");
    else if (is_ending)
        task->outcome = OUTCOME_GIVEN_BACK;
    else if (!task->is_decided)
        job_task_fail(task, true, "internal_error", "the job ended without a result");
}

static bool commit_task(struct db *tx, const struct job *job, void *context, struct error *err)
{
    const struct job_task *task = context;

    (void)job;
    return !task->kind->commit || task->kind->commit(tx, task, err);
}

static struct job_end end_of(const struct job_task *task)
{
    return (struct job_end){.job = {task->job.workspace_id, task->job.id, task->job.lease_token},
                            .outcome = task->outcome,
                            .result = task->result,
                            .from_cache = task->from_cache,
                            .code = task->code,
                            .message = task->message,
                            .commit = commit_task,
                            .context = (void *)task};
}

static void log_end(const struct job_task *task, bool ended, const struct error *err)
{
    static const char *const words[] = {[OUTCOME_COMPLETED] = "completed",
                                        [OUTCOME_FAILED] = "failed",
                                        [OUTCOME_RETRYABLE] = "to be retried",
                                        [OUTCOME_GIVEN_BACK] = "given back"};
    bool is_bad = !ended || task->outcome == OUTCOME_FAILED || task->outcome == OUTCOME_RETRYABLE;
    char id[UUID_TEXT_SIZE];

    uuid_format(task->job.id, id);
    log_event(is_bad ? LOG_WARN : LOG_DEBUG, ended ? words[task->outcome] : "job lost",
              log_text("job", task->job.kind), log_text("job_id", id),
              log_text("error_code", task->code),
              log_text("error", ended ? task->message : err->log));
}

/* Nothing can be changed for now: worth another try. */
static bool is_passing(const struct error *err)
{
    return err->kind == ERR_UNAVAILABLE || err->kind == ERR_STORAGE_FULL;
}

bool lease_is_gone(const struct error *err)
{
    return err->kind == ERR_LEASE_LOST || err->kind == ERR_JOB_CANCELLED ||
           err->kind == ERR_NOT_FOUND;
}

/* One that could not be ended: again if the catalog was away, else as a failure, for its effect
 * could not be committed. What stays leased then is taken back when its lease has run out. */
static bool end_after_all(struct app *app, struct job_task *task, struct arena *mem,
                          struct error *err)
{
    struct job after;

    for (int i = 0; i < END_TRIES; i++) {
        if (lease_is_gone(err))
            return false;
        if (!is_passing(err))
            job_task_fail(task, true, error_code(err), arena_strdup(mem, error_detail(err)));
        struct job_end end = end_of(task);
        if (leases_end(app, &end, mem, &after, err))
            return true;
    }
    return false;
}

void batch_end(struct job_batch *batch, bool is_late, bool is_ending)
{
    struct arena *mem = batch->mem;
    struct job_end *ends = arena_array(mem, batch->count, sizeof *ends);
    bool *ended = arena_array(mem, batch->count, sizeof *ended);
    struct error *errors = arena_array(mem, batch->count, sizeof *errors);

    for (size_t i = 0; i < batch->count; i++) {
        judge(&batch->tasks[i], is_late, is_ending);
        ends[i] = end_of(&batch->tasks[i]);
    }
    leases_end_all(batch->app, ends, batch->count, ended, errors);
    for (size_t i = 0; i < batch->count; i++) {
        struct job_task *task = &batch->tasks[i];

        if (!ended[i])
            ended[i] = end_after_all(batch->app, task, mem, &errors[i]);
        log_end(task, ended[i], &errors[i]);
        if (task->kind->release)
            task->kind->release(batch->app, task, ended[i] && task->outcome == OUTCOME_COMPLETED);
    }
}
