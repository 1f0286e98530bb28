#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define DEPTH_MAX 64 /* folders in each other: each holds a descriptor */

static bool remove_in(int dir_fd, const char *name, int depth, struct error *err);

static void directory_close(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* Opened to be emptied, whatever its mode was made. A link in its place is not followed. */
static DIR *open_folder(int dir_fd, const char *name)
{
    scoped(fd_close) int fd = -1;
    DIR *directory;

    if (fchmodat(dir_fd, name, 0700, AT_SYMLINK_NOFOLLOW) != 0)
        return NULL;
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory)
        fd_take(&fd);
    return directory;
}

static bool empty(int dir_fd, const char *name, int depth, struct error *err)
{
    scoped(directory_close) DIR *directory = open_folder(dir_fd, name);
    const struct dirent *entry;

    if (!directory)
        return error_errno(err, "folder \"%s\"", name);
    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !remove_in(dirfd(directory), entry->d_name, depth, err))
            return false;
    return true;
}

static bool remove_in(int dir_fd, const char *name, int depth, struct error *err)
{
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR)
        return error_errno(err, "remove \"%s\"", name);
    if (depth == DEPTH_MAX)
        return error_set(err, ERR_INTERNAL, "folder \"%s\" is too deep to be removed", name);
    return empty(dir_fd, name, depth + 1, err) &&
           (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ||
            error_errno(err, "remove folder \"%s\"", name));
}

bool fs_remove_tree(int dir_fd, const char *name, struct error *err)
{
    return remove_in(dir_fd, name, 0, err);
}
