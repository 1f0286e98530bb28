/*
 * Kinds of jobs that a command of the configuration does (service/processor.h): the audio on a path
 * or standard input, JSON on standard output or in a file. docs/processors.md says to those who
 * write commands what they get, and what their exit status means.
 */
#ifndef JOBS_COMMAND_H
#define JOBS_COMMAND_H

#include "jobs/job_kind.h"
#include "jobs/scratch.h"
#include "service/processor.h"

struct command_kind {
    struct queued_kind base; /* the first: tasks know their kind by it */
    struct processor processor;
    const struct scratch *scratch;
};

/* PROCESSOR's texts and SCRATCH outlive *OUT. */
void command_kind_init(struct command_kind *out, const struct processor *processor,
                       const struct scratch *scratch);

#endif
