#include "call_watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS_MAX 4096

static struct watched_call calls[CALLS_MAX];
static size_t count;
static const char *fail_name; /* NULL: any */
static int fail_left = INT32_MIN;
static int fail_cause;
static bool any_failed;

#define CALM INT32_MIN

void watch_start(void)
{
    count = 0;
    fail_left = CALM;
    any_failed = false;
}

size_t watch_count(void)
{
    return count;
}

const struct watched_call *watch_at(size_t index)
{
    assert(index < count);
    return &calls[index];
}

void watch_fail(int nth, int cause)
{
    watch_fail_call(NULL, nth, cause);
}

void watch_fail_call(const char *name, int nth, int cause)
{
    fail_name = name;
    fail_left = nth;
    fail_cause = cause;
}

bool watch_failed(void)
{
    return any_failed;
}

static bool is_due(const char *name)
{
    if (fail_left == CALM || (fail_name && strcmp(fail_name, name) != 0))
        return false;
    if (fail_left == -1)
        return true;
    if (fail_left-- > 0)
        return false;
    fail_left = CALM;
    return true;
}

static void path_of(int fd, const char *name, char *out, size_t size)
{
    char link[64];
    char folder[400] = "";

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = fd >= 0 ? readlink(link, folder, sizeof folder - 1) : 0;
    folder[length > 0 ? length : 0] = '\0';
    snprintf(out, size, "%s%s%s", folder, name && *folder ? "/" : "", name ? name : "");
}

/* Whether the call goes on. */
static bool note(const char *call, int fd, const char *name)
{
    struct watched_call *seen = &calls[count < CALLS_MAX - 1 ? count++ : count];

    seen->name = call;
    path_of(fd, name, seen->path, sizeof seen->path);
    seen->failed = is_due(call);
    if (seen->failed) {
        any_failed = true;
        errno = fail_cause;
    }
    return !seen->failed;
}

/* Defines __wrap_NAME, which notes the call, and fails or goes on to libc's. */
#define WATCHED(type, call, params, args, fd, name) \
    type __real_##call params;                      \
    type __wrap_##call params;                      \
    type __wrap_##call params                       \
    {                                               \
        if (!note(#call, fd, name))                 \
            return -1;                              \
        return __real_##call args;                  \
    }

WATCHED(int, fsync, (int fd), (fd), fd, NULL)
WATCHED(int, fdatasync, (int fd), (fd), fd, NULL)
WATCHED(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, path)
WATCHED(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), fd, path)
WATCHED(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), fd, path)
WATCHED(int, ftruncate64, (int fd, off_t size), (fd, size), fd, NULL)
WATCHED(int, fallocate64, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), fd, NULL)
WATCHED(int, sync_file_range, (int fd, off_t at, off_t size, unsigned flags), (fd, at, size, flags),
        fd, NULL)
WATCHED(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off_t at),
        (fd, bytes, size, at), fd, NULL)
WATCHED(int, renameat2, (int fd, const char *from, int to_fd, const char *to, unsigned flags),
        (fd, from, to_fd, to, flags), to_fd, to)
WATCHED(int, linkat, (int fd, const char *from, int to_fd, const char *to, int flags),
        (fd, from, to_fd, to, flags), to_fd, to)

int __real_openat64(int fd, const char *path, int flags, ...);
int __wrap_openat64(int fd, const char *path, int flags, ...);

int __wrap_openat64(int fd, const char *path, int flags, ...)
{
    va_list rest;

    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (!note("openat", fd, path))
        return -1;
    return __real_openat64(fd, path, flags, mode);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* openat2 has no function of its own in libc; nothing else in the tests takes this way. */
long __wrap_syscall(long number, ...)
{
    va_list rest;

    assert(number == SYS_openat2);
    va_start(rest, number);
    int fd = va_arg(rest, int);
    const char *path = va_arg(rest, const char *);
    void *how = va_arg(rest, void *);
    size_t size = va_arg(rest, size_t);
    va_end(rest);
    if (!note("openat2", fd, path))
        return -1;
    return __real_syscall(number, fd, path, how, size);
}
