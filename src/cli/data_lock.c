#include "cli/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fs.h"

bool data_lock(const char *data, int *out, struct error *err)
{
    scoped(fd_close) int folder = -1;
    scoped(fd_close) int lock = -1;
    bool made = mkdir(data, 0700) == 0;

    if (!made && errno != EEXIST)
        return error_errno(err, "data folder \"%s\"", data);
    folder = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_errno(err, "data folder \"%s\"", data);
    if (made && !fs_sync_folder(folder, "..", err)) /* nothing in it lasts unless its name does */
        return error_context(err, "data folder \"%s\"", data);
    lock = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return error_errno(err, "lock of data folder \"%s\"", data);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        return error_tell(err, ERR_EXISTS, "data folder \"%s\" is in use by another server", data);
    *out = fd_take(&lock);
    return true;
}
