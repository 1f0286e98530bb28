#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/str.h"
#include "store/local.h"

static bool segment_is(struct str segment, const char *own)
{
    return segment.len == strlen(own) && memcmp(segment.ptr, own, segment.len) == 0;
}

static bool segments_fit(const char *key, struct error *err)
{
    struct str first = {key, strcspn(key, "/")};

    if (segment_is(first, LOCAL_MARKER) || segment_is(first, LOCAL_STAGING))
        return error_set(err, ERR_INVALID, "the key is one of the store's own names");
    for (const char *at = key;; at++) {
        size_t length = strcspn(at, "/");
        if (length > LOCAL_SEGMENT_MAX)
            return error_set(err, ERR_INVALID, "a segment of the key exceeds %d bytes",
                             LOCAL_SEGMENT_MAX);
        at += length;
        if (*at == '\0')
            return true;
    }
}

bool local_place_of(const char *key, struct local_place *out, struct error *err)
{
    const char *slash = strrchr(key, '/');
    size_t length = slash ? (size_t)(slash - key) : 0;

    if (!segments_fit(key, err))
        return false;
    memcpy(out->folder, key, length);
    out->folder[length] = '\0';
    out->name = slash ? slash + 1 : key;
    return true;
}

/* A link where a folder must be is told apart from a file, as openat2 does. */
static int open_step(int dir_fd, const char *name, int flags)
{
    struct stat st;
    int fd = openat(dir_fd, name, flags | O_NOFOLLOW);

    if (fd >= 0 || errno != ENOTDIR)
        return fd;
    bool is_link = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
    errno = is_link ? ELOOP : ENOTDIR;
    return -1;
}

/* For kernels, and sandboxes, without openat2: one segment after the other. */
static int open_by_segments(int dir_fd, const char *path, int flags)
{
    scoped(fd_close) int held = -1;
    int at = dir_fd;

    for (;;) {
        char segment[LOCAL_SEGMENT_MAX + 1];
        size_t length = strcspn(path, "/");
        if (length > LOCAL_SEGMENT_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(segment, path, length);
        segment[length] = '\0';
        if (path[length] == '\0')
            return open_step(at, segment, flags);
        int next = open_step(at, segment, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (next < 0)
            return -1;
        fd_close(&held);
        held = at = next;
        path += length + 1;
    }
}

static int open_at_once(int dir_fd, const char *path, int flags)
{
    struct open_how how = {
        /* With O_NOFOLLOW a link in a folder's place would be ENOTDIR; RESOLVE_NO_SYMLINKS says
           ELOOP. */
        .flags = (unsigned)(flags & ~O_NOFOLLOW),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    long fd;

    do /* EAGAIN: something was renamed on the way */
        fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    return (int)fd;
}

int local_open(int dir_fd, const char *path, int flags)
{
    const char *name = *path ? path : ".";
    int fd;

    flags |= O_CLOEXEC;
    fd = open_at_once(dir_fd, name, flags);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd;
    return open_by_segments(dir_fd, name, flags);
}

/* link refuses to replace as well; a crash in between leaves a stage with two names, which
 * local_stage_open does not hand out. */
static int rename_by_link(int from_fd, const char *from, int to_fd, const char *to)
{
    if (linkat(from_fd, from, to_fd, to, 0) != 0)
        return -1;
    return unlinkat(from_fd, from, 0);
}

int local_rename(int from_fd, const char *from, int to_fd, const char *to)
{
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return rename_by_link(from_fd, from, to_fd, to);
}

bool local_fail(struct error *err, const char *what)
{
    int cause = errno;

    error_errno(err, "%s", what);
    if (cause == EFBIG)
        err->kind = ERR_STORAGE_FULL;
    else if (cause == ENOENT || cause == ENOTDIR || cause == ELOOP || cause == EXDEV ||
             cause == ENOTCONN || cause == EHOSTDOWN || cause == ETIMEDOUT)
        err->kind = ERR_UNAVAILABLE;
    return false;
}
