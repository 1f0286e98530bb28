/* Clears away what crashes and expiries have left: service/sweep.h. */
#include "service/sweep.h"

#include "jobs/job_kind.h"

static bool prepare(struct app *app, struct error *err)
{
    return sweep_start(app, NULL, err);
}

static bool run(struct app *app, struct error *err)
{
    return sweep_run(app, NULL, err);
}

const struct job_kind job_kind_sweep = {
    .name = "sweep",
    .prepare = prepare,
    .run = run,
};
