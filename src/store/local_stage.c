#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "store/local.h"

/* Writeback starts when this much was written in one run, and what was started a few windows
 * earlier is then waited for: unwritten memory is bounded, the disk always has something to do, and
 * the final sync has little left. */
#define WINDOW_BYTES (UINT64_C(2) << 20)
#define WINDOWS_IN_FLIGHT 4
/* So much of a stage's content stays in memory: short recordings are soon read again. Of longer
 * ones the rest is dropped once it is on the disk, so that their pages are used again for what
 * comes next and neither push out what others read nor make the system find memory for all of them.
 */
#define CACHED_BYTES (UINT64_C(32) << 20)

static struct local_stage *stage_new(struct local_root *root, int fd)
{
    struct local_stage *self = calloc(1, sizeof *self);

    assert(self);
    self->root = local_root_share(root);
    self->expected = STAGE_SIZE_UNKNOWN;
    self->fd = fd;
    self->read_fd = -1;
    return self;
}

void local_stage_free(struct stage *stage)
{
    struct local_stage *self = local_stage(stage);

    local_root_free(self->root);
    fd_close(&self->read_fd);
    fd_close(&self->fd);
    free(self);
}

int local_stage_fd(struct stage *stage)
{
    struct local_stage *self = local_stage(stage);

    if (self->read_fd < 0)
        self->read_fd =
            openat(self->root->staging_fd, stage->id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return self->read_fd;
}

/* What is written through it is written back early where local_stage_written is told of it. */
int local_stage_writable_fd(struct stage *stage)
{
    return local_stage(stage)->fd;
}

/* ---- making and opening ---- */

bool local_stage_create(struct store *store, const char *id, uint64_t expected, struct stage **out,
                        struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;
    struct local_stage *self;
    int fd;

    if (!local_root_enter(local_store(store), true, &root, err))
        return false;
    fd = openat(root->staging_fd, id, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return local_fail(err, "make the file");
    self = stage_new(root, fd);
    self->expected = expected;
    if (!local_has_room(fd, expected == STAGE_SIZE_UNKNOWN ? 0 : expected, err)) {
        unlinkat(root->staging_fd, id, 0);
        local_stage_free(&self->base);
        return false;
    }
    *out = &self->base;
    return true;
}

/* A second name means that the file became an object and the crash came before its old name went
 * (local_rename): it must not be written to again. */
static bool is_a_stage(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

bool local_stage_open(struct store *store, const char *id, struct stage **out, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;
    scoped(fd_close) int fd = -1;
    struct local_stage *self;

    if (!local_root_enter(local_store(store), true, &root, err))
        return false;
    fd = openat(root->staging_fd, id, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return local_fail(err, "open the file");
    if (fd < 0 || !is_a_stage(fd))
        return error_set(err, ERR_NOT_FOUND, "there is no such stage");
    self = stage_new(root, fd_take(&fd));
    self->has_reserve = true; /* not known */
    *out = &self->base;
    return true;
}

bool local_stage_discard(struct store *store, const char *id, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;

    if (!local_root_enter(local_store(store), true, &root, err))
        return false;
    if (unlinkat(root->staging_fd, id, 0) != 0 && errno != ENOENT)
        return local_fail(err, "remove the file");
    return true;
}

/* ---- content ---- */

/* The kernel tells of lost writes once per descriptor; who hears of it must remember it. */
static bool spoil(struct local_stage *self, struct error *err)
{
    self->spoilt = true;
    return local_fail(err, "write back");
}

static bool flush(struct local_stage *self, uint64_t start, uint64_t end, unsigned flags,
                  struct error *err)
{
    if (start == end)
        return true;
    if (sync_file_range(self->fd, (off_t)start, (off_t)(end - start), flags) == 0)
        return true;
    if (errno == ENOSYS || errno == EINVAL || errno == ESPIPE || errno == EOPNOTSUPP)
        return true; /* only early, never needed: the final sync does it all */
    return spoil(self, err);
}

/* Only advice: what fails here is kept a little longer. */
static void drop_from_memory(const struct local_stage *self, uint64_t start, uint64_t end)
{
    if (start >= CACHED_BYTES && start < end && !self->base.is_read_again)
        (void)posix_fadvise(self->fd, (off_t)start, (off_t)(end - start), POSIX_FADV_DONTNEED);
}

/* Starts the writeback of what is dirty, and settles the oldest window if enough are in flight. */
static bool window_turn(struct local_stage *self, struct error *err)
{
    uint64_t settled_at = self->flushing_at;

    if (!local_stage_set_aside(self, err) ||
        !flush(self, self->dirty_at, self->dirty_end, SYNC_FILE_RANGE_WRITE, err))
        return false;
    self->dirty_at = self->dirty_end;
    if (self->dirty_at - settled_at <= WINDOWS_IN_FLIGHT * WINDOW_BYTES)
        return true;
    self->flushing_at = self->dirty_at - WINDOWS_IN_FLIGHT * WINDOW_BYTES;
    if (!flush(self, settled_at, self->flushing_at,
               SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER,
               err))
        return false;
    drop_from_memory(self, settled_at, self->flushing_at);
    return true;
}

/* What comes next does not follow what came last. */
static bool begin_run(struct local_stage *self, uint64_t offset, struct error *err)
{
    if (!local_has_room(self->fd, 0, err) ||
        !flush(self, self->dirty_at, self->dirty_end, SYNC_FILE_RANGE_WRITE, err))
        return false;
    self->run_at = self->flushing_at = self->dirty_at = self->dirty_end = offset;
    self->aside_end = 0;
    self->in_run = true;
    return true;
}

bool local_stage_write(struct stage *stage, uint64_t offset, const void *bytes, size_t length,
                       struct error *err)
{
    struct local_stage *self = local_stage(stage);

    if (offset > INT64_MAX || length > INT64_MAX - offset)
        return error_set(err, ERR_STORAGE_FULL, "no file can hold an offset of %llu",
                         (unsigned long long)offset);
    if ((!self->in_run || offset != self->dirty_end) && !begin_run(self, offset, err))
        return false;
    if (!fs_write_at(self->fd, bytes, length, offset, "content", err)) {
        if (errno == EFBIG)
            err->kind = ERR_STORAGE_FULL;
        return false;
    }
    self->dirty_end = offset + length;
    if (self->dirty_end - self->dirty_at < WINDOW_BYTES)
        return true;
    return window_turn(self, err);
}

/* Nothing is set aside: it may end at any time. */
bool local_stage_written(struct stage *stage, uint64_t end, struct error *err)
{
    struct local_stage *self = local_stage(stage);

    if (!self->in_run && !begin_run(self, 0, err))
        return false;
    self->expected = self->dirty_end = end;
    if (self->dirty_end - self->dirty_at < WINDOW_BYTES)
        return true;
    return window_turn(self, err);
}

bool local_stage_read(struct stage *stage, uint64_t offset, void *bytes, size_t length, size_t *out,
                      struct error *err)
{
    return fs_read_at(local_stage(stage)->fd, bytes, length, offset, out, "content", err);
}

bool local_stage_truncate(struct stage *stage, uint64_t size, struct error *err)
{
    struct local_stage *self = local_stage(stage);
    struct stat st;

    if (fstat(self->fd, &st) != 0)
        return local_fail(err, "stat");
    if (size > (uint64_t)st.st_size)
        return error_set(err, ERR_INVALID, "there are only %lld bytes to cut",
                         (long long)st.st_size);
    if (ftruncate(self->fd, (off_t)size) != 0)
        return local_fail(err, "truncate");
    self->flushing_at = self->dirty_at = self->dirty_end = size;
    return true;
}

bool local_stage_sync_content(struct local_stage *self, struct error *err)
{
    if (self->spoilt)
        return error_set(err, ERR_UNAVAILABLE, "writes were lost before");
    if (fdatasync(self->fd) != 0)
        return spoil(self, err);
    drop_from_memory(self, self->flushing_at, self->dirty_end);
    self->flushing_at = self->dirty_at = self->dirty_end;
    return true;
}

bool local_stage_sync(struct stage *stage, struct error *err)
{
    struct local_stage *self = local_stage(stage);

    if (!local_stage_sync_content(self, err))
        return false;
    if (!self->named && fsync(self->root->staging_fd) != 0)
        return local_fail(err, "sync " LOCAL_STAGING);
    self->named = true;
    return true;
}
