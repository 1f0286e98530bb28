#include "base/child_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scoped.h"

#define PATH_SIZE 64
#define ENTRIES_BYTES 4096
#define PIECE_BYTES 1024
#define TEXT_BYTES 8192 /* of what is read in one: the numbers stand behind a list of groups */
#define KIB 1024

static int open_of(const struct child_tree *tree, pid_t pid, const char *what, int flags)
{
    char path[PATH_SIZE + 16]; /* and a number */

    snprintf(path, sizeof path, "%d/%s", pid, what);
    return openat(tree->proc, path, O_RDONLY | O_CLOEXEC | flags);
}

/* ---- who ---- */

static void add(struct child_tree *tree, pid_t pid)
{
    if (pid > 0 && tree->count < CHILD_TREE_MAX)
        tree->pids[tree->count++] = pid;
}

/* proc(5): numbers, a blank behind each. */
static void add_children_of_thread(struct child_tree *tree, pid_t pid, const char *thread)
{
    scoped(fd_close) int fd = -1;
    char what[PATH_SIZE], piece[PIECE_BYTES];
    pid_t number = 0;
    ssize_t got;

    snprintf(what, sizeof what, "task/%.16s/children", thread);
    fd = open_of(tree, pid, what, 0);
    if (fd < 0)
        return;
    while ((got = read(fd, piece, sizeof piece)) > 0)
        for (ssize_t i = 0; i < got; i++) {
            if (piece[i] >= '0' && piece[i] <= '9') {
                number = number * 10 + (piece[i] - '0');
                continue;
            }
            add(tree, number);
            number = 0;
        }
    add(tree, number);
}

static void add_children(struct child_tree *tree, pid_t pid)
{
    scoped(fd_close) int threads = open_of(tree, pid, "task", O_DIRECTORY);
    alignas(struct dirent64) char entries[ENTRIES_BYTES];
    ssize_t got;

    if (threads < 0)
        return;
    while ((got = getdents64(threads, entries, sizeof entries)) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(entries + at);

            if (*entry->d_name != '.')
                add_children_of_thread(tree, pid, entry->d_name);
            at += entry->d_reclen;
        }
}

void child_tree_read(struct child_tree *tree)
{
    tree->count = 0;
    add_children(tree, getpid());
    for (size_t i = 0; i < tree->count; i++) /* which grows meanwhile */
        add_children(tree, tree->pids[i]);
}

/* ---- how much memory ---- */

/* The number behind NAME, at the beginning of a line, in kB; 0 if it is not there. */
static uint64_t number_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static bool read_of(const struct child_tree *tree, pid_t pid, const char *what,
                    char text[TEXT_BYTES])
{
    scoped(fd_close) int fd = open_of(tree, pid, what, 0);
    size_t length = 0;
    ssize_t got = fd >= 0;

    while (got > 0 && length < TEXT_BYTES - 1) {
        got = read(fd, text + length, TEXT_BYTES - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    text[length] = '\0';
    return length > 0;
}

uint64_t child_tree_memory(const struct child_tree *tree, bool exactly)
{
    char text[TEXT_BYTES];
    uint64_t sum_kib = 0;

    for (size_t i = 0; i < tree->count; i++)
        if (exactly && read_of(tree, tree->pids[i], "smaps_rollup", text))
            sum_kib += number_of(text, "\nPss_Anon:") + number_of(text, "\nPss_Shmem:");
        else if (read_of(tree, tree->pids[i], "status", text))
            sum_kib += number_of(text, "\nRssAnon:") + number_of(text, "\nRssShmem:");
    return sum_kib * KIB;
}
