/*
 * The process between this one and a program (child.h): the program's parent, and the one to which
 * all that descends from it falls when its own parent has ended, in whatever session or group it
 * is. When the program has ended, or is to, or when this process has ended, even by SIGKILL, the
 * guard kills all of them, and ends when nobody is left.
 *
 * It takes no signals, and has no files open but its end of a socket.
 */
#ifndef BASE_CHILD_GUARD_H
#define BASE_CHILD_GUARD_H

#include "base/child_program.h"

struct child_guard {
    pid_t pid;
    int pid_fd; /* ready to be read when it has ended: it is reaped by child_guard_wait */
    int socket;
};

enum child_guard_word {
    CHILD_GUARD_TERM, /* SIGTERM to the program's group */
    CHILD_GUARD_KILL  /* all of them */
};

/* What it says at its end. Of the ends only those that were not this process's wish. */
struct child_guard_report {
    enum child_end end;
    int code;
};

/* Starts a guard, which starts PROGRAM and tells PROGRAM's failure if it cannot. 0, or an errno. */
int child_guard_start(const struct child_program *program, struct child_guard *out);
/* Without a guard, whom somebody has killed, it is in vain. */
void child_guard_tell(const struct child_guard *guard, enum child_guard_word word);
/* Waits for its end. A guard that was killed says so of the program. */
void child_guard_wait(struct child_guard *guard, struct child_guard_report *out);

#endif
