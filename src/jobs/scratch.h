/*
 * Folders for commands to work in: each run has one of its own, which goes with it.
 *
 * Any number of processes may share the folder that they lie in. Each of them is locked by who made
 * it, so that those of a process that was killed are known by it, and cleared away.
 */
#ifndef JOBS_SCRATCH_H
#define JOBS_SCRATCH_H

#include "base/arena.h"
#include "base/error.h"

struct scratch {
    int fd;
    char *path; /* absolute */
};
#define SCRATCH_NONE ((struct scratch){.fd = -1})

/* Makes the folder PATH if its parent exists, and clears away what dead processes have left in it.
 * Fails with ERR_UNAVAILABLE, ERR_INTERNAL. */
bool scratch_open(const char *path, struct scratch *out, struct error *err);
void scratch_close(struct scratch *scratch);

/* The folder of one run. */
struct scratch_folder {
    const struct scratch *scratch;
    const char *name;
    const char *path; /* absolute */
    int fd;
};
#define SCRATCH_FOLDER_NONE ((struct scratch_folder){.fd = -1})

/* NAME is nobody else's. Texts of *OUT live in MEM. Fails with ERR_STORAGE_FULL, ERR_INTERNAL. */
bool scratch_folder_make(const struct scratch *scratch, const char *name, struct arena *mem,
                         struct scratch_folder *out, struct error *err);
/* Removes it with all that is in it; what cannot be removed is logged. */
void scratch_folder_remove(struct scratch_folder *folder);

#endif
