#include "jobs/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"

#define MODE 0700

/* ---- what was left ---- */

static int open_folder(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Nothing but folders of runs is looked at, as somebody may have named a folder of theirs. */
static bool is_of_run(const char *name)
{
    return strncmp(name, "run-", 4) == 0;
}

static void clear_one(int dir_fd, const char *name)
{
    scoped(fd_close) int fd = open_folder(dir_fd, name);
    struct error err;

    /* Whoever works in it holds the lock. */
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        return;
    if (!fs_remove_tree(dir_fd, name, &err))
        log_event(LOG_WARN, "a command's folder could not be cleared away",
                  log_text("error", err.log));
}

static void directory_close(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

static void clear_left(int dir_fd)
{
    scoped(fd_close) int again = open_folder(dir_fd, ".");
    scoped(directory_close) DIR *directory = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *entry;

    if (!directory)
        return;
    fd_take(&again);
    while ((entry = readdir(directory)))
        if (is_of_run(entry->d_name))
            clear_one(dir_fd, entry->d_name);
}

/* ---- the folder of them ---- */

bool scratch_open(const char *path, struct scratch *out, struct error *err)
{
    scoped(memory_free) char *absolute = NULL;
    scoped(fd_close) int fd = -1;

    if (mkdir(path, MODE) != 0 && errno != EEXIST)
        return error_errno(err, "folder of commands \"%s\"", path);
    absolute = realpath(path, NULL);
    fd = absolute ? open_folder(AT_FDCWD, absolute) : -1;
    if (fd < 0)
        return error_errno(err, "folder of commands \"%s\"", path);
    clear_left(fd);
    *out = (struct scratch){.fd = fd_take(&fd), .path = take(absolute)};
    return true;
}

void scratch_close(struct scratch *scratch)
{
    fd_close(&scratch->fd);
    free(scratch->path);
    *scratch = SCRATCH_NONE;
}

/* ---- one run's ---- */

/* Between the two steps it may have been taken for one that was left. */
static bool make_locked(const struct scratch *scratch, const char *name, int *out)
{
    scoped(fd_close) int fd = -1;
    struct stat opened, named;

    if (mkdirat(scratch->fd, name, MODE) != 0)
        return false;
    fd = open_folder(scratch->fd, name);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &opened) != 0 ||
        fstatat(scratch->fd, name, &named, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (opened.st_ino != named.st_ino) {
        errno = EAGAIN;
        return false;
    }
    *out = fd_take(&fd);
    return true;
}

bool scratch_folder_make(const struct scratch *scratch, const char *name, struct arena *mem,
                         struct scratch_folder *out, struct error *err)
{
    struct scratch_folder folder = {.scratch = scratch, .name = arena_printf(mem, "run-%s", name)};

    if (!make_locked(scratch, folder.name, &folder.fd))
        return error_errno(err, "folder of a command \"%s\"", folder.name);
    folder.path = arena_printf(mem, "%s/%s", scratch->path, folder.name);
    *out = folder;
    return true;
}

void scratch_folder_remove(struct scratch_folder *folder)
{
    struct error err;

    if (folder->fd < 0)
        return;
    if (!fs_remove_tree(folder->scratch->fd, folder->name, &err))
        log_event(LOG_WARN, "a command's folder could not be removed", log_text("error", err.log));
    close(fd_take(&folder->fd));
}
