/* The new process on its way to a program (child.h). Others' locks are held in it, so that it does
 * nothing but what is async-signal-safe. */
#ifndef BASE_CHILD_PROGRAM_H
#define BASE_CHILD_PROGRAM_H

#include <stdnoreturn.h>

#include "base/child.h"

struct child_program {
    const struct child_order *order;
    int output, errors; /* what it writes to */
    int failure;        /* told errno of what could not be done; closed by a successful exec */
};

/* This process, of which PARENT is the parent, becomes the program, or ends. */
noreturn void child_program_become(const struct child_program *program, pid_t parent);
/* Tells CODE, an errno, to whoever waits for the program. */
void child_program_failed(int failure, int code);

#endif
