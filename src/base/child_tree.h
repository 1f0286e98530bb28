/*
 * All processes that descend from this one, as /proc has them: also those whose parents have ended,
 * where this process adopts them (PR_SET_CHILD_SUBREAPER). Nothing is allocated and no lock taken,
 * so that a process that was forked from one with threads may ask.
 *
 * A kernel without /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) tells of none.
 */
#ifndef BASE_CHILD_TREE_H
#define BASE_CHILD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_TREE_MAX 4096

struct child_tree {
    int proc;     /* the folder /proc, open */
    size_t count; /* of pids */
    pid_t pids[CHILD_TREE_MAX];
};

/* Lists them, parents before their children; no more than fit. Who is born meanwhile may be
 * missing. */
void child_tree_read(struct child_tree *tree);

/* The memory, in bytes, that those of the list use together beside their files, in RAM: what
 * several share counts once. EXACTLY takes long if there is much of it; else it may come out too
 * great. */
uint64_t child_tree_memory(const struct child_tree *tree, bool exactly);

#endif
