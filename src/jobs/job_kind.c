#include "jobs/job_kind.h"

#include "service/queue.h"

const struct job_kind *const job_kinds[] = {
    &job_kind_sweep,
    &job_kind_conclude,
};
const size_t job_kind_count = COUNT_OF(job_kinds);

/* In the order in which companions are run and completed. */
const struct queued_kind *const queued_kinds[] = {
    &queued_kind_validate,
    &queued_kind_chunk,
    &queued_kind_analyze,
    NULL,
};

void queued_kinds_register(struct app *app, const struct queued_kind *const *kinds)
{
    for (; *kinds; kinds++) {
        struct queue_kind kind = {
            .name = (*kinds)->name,
            .group = (*kinds)->group,
            .is_built_in = true,
            .is_run = true,
            .per = (*kinds)->for_every_upload ? PER_UPLOAD : PER_REQUEST,
            .after = (*kinds)->after,
            .max_retries = -1,
            .suits = (*kinds)->suits,
            .check = (*kinds)->check,
            .fits = (*kinds)->fits,
        };

        queue_add_kind(app->queue, &kind);
    }
}

void job_task_complete(struct job_task *task, const char *result)
{
    task->is_decided = true;
    task->outcome = OUTCOME_COMPLETED;
    task->result = result;
}

void job_task_fail(struct job_task *task, bool retryable, const char *code, const char *message)
{
    task->is_decided = true;
    task->outcome = retryable ? OUTCOME_RETRYABLE : OUTCOME_FAILED;
    task->code = code;
    task->message = message;
}
