#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool fs_write_at(int fd, const void *bytes, size_t length, uint64_t offset, const char *what,
                 struct error *err)
{
    const char *p = bytes;

    while (length > 0) {
        ssize_t n = pwrite(fd, p, length, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "write %s", what);
        p += n;
        length -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

bool fs_read_at(int fd, void *bytes, size_t length, uint64_t offset, size_t *out, const char *what,
                struct error *err)
{
    char *p = bytes;
    size_t done = 0;

    while (done < length) {
        ssize_t n = pread(fd, p + done, length - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "read %s", what);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *out = done;
    return true;
}

bool fs_sync_folder(int dir_fd, const char *path, struct error *err)
{
    scoped(fd_close) int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "open folder \"%s\"", path);
    if (fsync(fd) != 0)
        return error_errno(err, "sync folder \"%s\"", path);
    return true;
}

/* The folder that holds PATH: "." for a plain name. */
static bool parent_of(const char *path, char out[static PATH_MAX], struct error *err)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        strcpy(out, ".");
        return true;
    }
    if ((size_t)snprintf(out, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path) >=
        PATH_MAX)
        return error_set(err, ERR_INVALID, "path \"%.80s…\" is too long", path);
    return true;
}

static bool make_folder(int dir_fd, const char *path, mode_t mode, struct error *err)
{
    char parent[PATH_MAX];

    if (mkdirat(dir_fd, path, mode) != 0)
        return errno == EEXIST ? true : error_errno(err, "make folder \"%s\"", path);
    return parent_of(path, parent, err) && fs_sync_folder(dir_fd, parent, err);
}

bool fs_make_folders(int dir_fd, const char *path, mode_t mode, struct error *err)
{
    char part[PATH_MAX];
    struct stat st;

    if (strlen(path) >= sizeof part)
        return error_set(err, ERR_INVALID, "path \"%.80s…\" is too long", path);
    for (const char *p = path; *p; p++) {
        size_t length = (size_t)(p - path);

        if (*p != '/' || length == 0 || p[-1] == '/')
            continue;
        memcpy(part, path, length);
        part[length] = '\0';
        if (!make_folder(dir_fd, part, mode, err))
            return false;
    }
    if (!make_folder(dir_fd, path, mode, err))
        return false;
    if (fstatat(dir_fd, path, &st, 0) != 0)
        return error_errno(err, "folder \"%s\"", path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERR_UNAVAILABLE, "\"%s\" is not a folder", path);
    return true;
}

static bool read_to_end(int fd, size_t limit, const char *path, struct buf *out, struct error *err)
{
    char block[4096];
    ssize_t n;

    while ((n = read(fd, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "read \"%s\"", path);
        if (!buf_add(out, block, (size_t)n))
            return error_set(err, ERR_INVALID, "\"%s\" is larger than %zu bytes", path, limit);
    }
    return true;
}

/* To its end, not to the size that it says it has: a pipe says nothing. */
bool fs_read_file(const char *path, size_t limit, struct arena *mem, char **out, size_t *length,
                  struct error *err)
{
    scoped(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    scoped(buf_release) struct buf whole = {.limit = limit};

    if (fd < 0)
        return error_errno(err, "open \"%s\"", path);
    if (!read_to_end(fd, limit, path, &whole, err))
        return false;
    *out = arena_strndup(mem, whole.bytes, whole.length);
    *length = whole.length;
    return true;
}

static bool write_and_sync(const char *path, const void *bytes, size_t length, mode_t mode,
                           struct error *err)
{
    scoped(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    if (fd < 0)
        return error_errno(err, "create \"%s\"", path);
    if (!fs_write_at(fd, bytes, length, 0, path, err))
        return false;
    if (fsync(fd) != 0)
        return error_errno(err, "sync \"%s\"", path);
    if (close(fd_take(&fd)) != 0)
        return error_errno(err, "close \"%s\"", path);
    return true;
}

bool fs_write_file(const char *path, const void *bytes, size_t length, mode_t mode,
                   struct error *err)
{
    char temporary[PATH_MAX], folder[PATH_MAX];

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid()) >=
        sizeof temporary)
        return error_set(err, ERR_INVALID, "path \"%.80s…\" is too long", path);
    if (!write_and_sync(temporary, bytes, length, mode, err)) {
        unlink(temporary);
        return false;
    }
    if (rename(temporary, path) != 0) {
        error_errno(err, "rename \"%s\"", temporary);
        unlink(temporary);
        return false;
    }
    return parent_of(path, folder, err) && fs_sync_folder(AT_FDCWD, folder, err);
}
