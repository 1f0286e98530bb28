#include "jobs/job_kind.h"

const struct job_kind *const job_kinds[] = {
    &job_kind_sweep,
};
const size_t job_kind_count = COUNT_OF(job_kinds);
