/* Makes uploads of what has all come and was left open: service/resumable.h. */
#include "service/resumable.h"

#include "jobs/job_kind.h"

static bool run(struct app *app, struct error *err)
{
    return resumable_conclude_left(app, err);
}

const struct job_kind job_kind_conclude = {
    .name = "conclude",
    .is_slow = true,
    .run = run,
};
