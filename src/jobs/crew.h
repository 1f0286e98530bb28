/*
 * All that runs jobs in a process: the server's own kinds on threads that they share, and the
 * commands of the configuration, each on threads of its own, so that none waits for another.
 */
#ifndef JOBS_CREW_H
#define JOBS_CREW_H

#include "jobs/runner.h"

struct crew;

/* KINDS, threads and stopping are those of the server's own kinds (runner.h); commands are the
 * configuration's. Fails as runner_start and scratch_open do. */
bool crew_start(struct app *app, const struct runner_options *options, struct crew **out,
                struct error *err);
/* As runner_stop, for all of them at once. */
bool crew_stop(struct crew *crew, uint32_t grace_ms);
void crew_free(struct crew *crew);
DEFINE_RELEASE(crew, struct crew)

#endif
