/*
 * A disk that fails when told to: an SQLite VFS over the ordinary one. Operations of all files and
 * threads are counted together.
 */
#ifndef TESTS_LIB_FAULT_VFS_H
#define TESTS_LIB_FAULT_VFS_H

#include <stdbool.h>

enum fault_operations {
    FAULT_READS = 1,
    FAULT_WRITES = 2, /* writing, syncing, cutting, and growing the shared memory */
    FAULT_OPENS = 4,
};

/* Makes it SQLite's default. Call once, before any database is opened. */
void fault_vfs_install(void);
/* The NTH of OPERATIONS from now on (from 1), and, if LASTING, every one behind it, fails with
 * CODE, such as SQLITE_FULL. */
void fault_vfs_arm(unsigned operations, unsigned nth, int code, bool lasting);
/* Nothing fails any more. True if something had failed. */
bool fault_vfs_disarm(void);

#endif
