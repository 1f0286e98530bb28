/*
 * One run of another program: started with nothing of this process but what it is given, watched,
 * and ended together with all that it started. Knows nothing of what it is run for.
 *
 * The program gets a session and a process group of its own, default signals, descriptors 0, 1 and
 * 2 and no others, and no core dumps. With all that descends from it, daemons too, it is killed
 * should this process end, however it does (child_guard.h).
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define CHILD_PROCESSES_MAX 1000 /* that a run may have at once */

struct child_order {
    char *const *arguments;   /* NULL-terminated; the first is the program's path */
    char *const *environment; /* NULL-terminated */
    const char *folder;       /* it works in; with what it makes there it is left to the caller */
    int input;                /* what it reads as standard input; -1: nothing */
    uint64_t memory_bytes;    /* of address space, for each process, and of RAM, for all of them
                                 together, files not counted; 0: no limit */
    size_t output_max;        /* bytes of standard output; more of it ends the run */
    size_t errors_max;        /* bytes of standard error that are kept: the last */
    int64_t limit_us;         /* how long it may take */
    bool (*is_unwanted)(void *context); /* asked several times a second; true ends the run */
    void *context;
};

enum child_end {
    CHILD_EXITED,   /* with CODE */
    CHILD_KILLED,   /* by the signal CODE, of which nothing is known here */
    CHILD_TOO_LATE, /* it was ended, as are the next */
    CHILD_TOO_MUCH, /* output */
    CHILD_TOO_BIG,  /* all of its processes together */
    CHILD_TOO_MANY, /* processes */
    CHILD_UNWANTED
};

struct child_report {
    enum child_end end;
    int code;
    struct str output, errors; /* in the arena, a NUL behind each */
};

/*
 * Runs a program, and returns when it has ended and nothing is left of what it started, wherever
 * that went. To end it its group is sent SIGTERM, and all of it SIGKILL two seconds later, or at
 * once when it is too big or too many; whatever is left when it has ended is killed at once.
 *
 * Fails with ERR_UNAVAILABLE if it cannot be started; the text for the client says why.
 */
bool child_run(const struct child_order *order, struct arena *mem, struct child_report *out,
               struct error *err);

#endif
