/*
 * For the nginx bound alone: makes its WebDAV PUT as durable as ours. nginx receives into a
 * temporary file and renames it; with this library preloaded the file and the folder are fsynced
 * around that.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    char folder[4096];
    int fd, result;

    if (!real)
        real = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    result = real(from, to);
    snprintf(folder, sizeof folder, "%s", to);
    fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    return result;
}
