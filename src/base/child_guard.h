/*
 * A process that waits for the end of this one, and then kills the sessions that were still running
 * (child.h): also after SIGKILL, when nothing is left here that could.
 *
 * It is small, has no files open but its end of a socket, and takes no signals.
 */
#ifndef BASE_CHILD_GUARD_H
#define BASE_CHILD_GUARD_H

#include <sys/types.h>

#include "base/error.h"
#include "base/scoped.h"

struct child_guard;

/* Fails with ERR_UNAVAILABLE. */
bool child_guard_start(struct child_guard **out, struct error *err);
/* All sessions have ended; else they are killed. */
void child_guard_free(struct child_guard *guard);
DEFINE_RELEASE(child_guard, struct child_guard)

/* From here on all processes of SESSION die with this process. Async-signal-safe; called in a new
 * process, before it runs anything else, there is no moment at which they would not. */
void child_guard_watch(const struct child_guard *guard, pid_t session);
/* It has ended. Before its leader is reaped, since its id may be another's from then on. */
void child_guard_forget(const struct child_guard *guard, pid_t session);

#endif
