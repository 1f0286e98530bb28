#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "store/local.h"

/* ---- the store ---- */

static void local_free(struct store *store)
{
    struct local_store *self = local_store(store);

    local_root_free(self->root);
    pthread_mutex_destroy(&self->lock);
    free(self->path);
    free(self);
}

static struct local_store *local_new(const char *path)
{
    struct local_store *self = calloc(1, sizeof *self);

    assert(self);
    self->path = strdup(path);
    assert(self->path);
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

/* No file system can be asked for it, but none lets a file be entered behind its largest size. */
static uint64_t find_largest(const struct local_root *root)
{
    scoped(fd_close) int fd = openat(root->fd, LOCAL_MARKER, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint64_t possible = 0;

    if (fd < 0)
        return STAGE_SIZE_UNKNOWN;
    for (unsigned bit = 63; bit-- > 0;)
        if (lseek(fd, (off_t)(possible | UINT64_C(1) << bit), SEEK_SET) >= 0)
            possible |= UINT64_C(1) << bit;
    return possible;
}

static uint64_t local_largest(struct store *store)
{
    return local_store(store)->largest;
}

/* Set when the store was opened, and the same from then on. */
static const char *local_id(const struct store *store)
{
    return local_store((struct store *)store)->id;
}

static bool local_config_check(const struct store_config *config, struct error *err)
{
    return (config->path && *config->path) ||
           error_set(err, ERR_INVALID, "a local store needs a path");
}

static bool local_open_store(const struct store_config *config, bool create, struct store **out,
                             struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;
    struct local_store *self;

    self = local_new(config->path);
    if ((create && !config->is_made && !local_root_create(self, err)) ||
        !local_root_enter(self, true, &root, err)) {
        local_free(&self->base);
        return error_context(err, "%s", config->path);
    }
    self->largest = find_largest(root);
    *out = &self->base;
    return true;
}

/* ---- objects ---- */

static int object_open(const struct local_root *root, const char *key, int flags)
{
    return local_open(root->fd, key, flags);
}

static bool is_absent(int cause)
{
    return cause == ENOENT || cause == ENOTDIR;
}

/* An absence counts only in a root that was seen with its marker: before that the folder may have
 * been emptied, or another one taken its place. */
static bool find(struct store *store, const char *key, int flags, int *out, struct error *err)
{
    struct local_place place;

    if (!local_place_of(key, &place, err))
        return false;
    for (int verify = 0; verify <= 1; verify++) {
        scoped(local_root_release) struct local_root *root = NULL;
        if (!local_root_enter(local_store(store), verify, &root, err))
            return false;
        *out = object_open(root, key, flags);
        if (*out >= 0)
            return true;
        if (!is_absent(errno))
            return local_fail(err, "open");
    }
    return error_set(err, ERR_NOT_FOUND, "there is no such object");
}

static bool find_file(struct store *store, const char *key, int flags, int *out, struct stat *st,
                      struct error *err)
{
    scoped(fd_close) int fd = -1;

    if (!find(store, key, flags, &fd, err))
        return false;
    if (fstat(fd, st) != 0)
        return local_fail(err, "stat");
    if (S_ISDIR(st->st_mode))
        return error_set(err, ERR_NOT_FOUND, "there is no such object");
    if (!S_ISREG(st->st_mode))
        return error_set(err, ERR_UNAVAILABLE, "what stands there is not a file");
    *out = fd_take(&fd);
    return true;
}

static bool local_open_fd(struct store *store, const char *key, int *fd, uint64_t *size,
                          struct error *err)
{
    struct stat st;

    /* O_NONBLOCK: should a FIFO stand there, nobody waits for its writer. */
    if (!find_file(store, key, O_RDONLY | O_NONBLOCK | O_NOCTTY, fd, &st, err))
        return false;
    *size = (uint64_t)st.st_size;
    return true;
}

void local_object_fill(struct store_object *out, const struct stat *st)
{
    out->size = (uint64_t)st->st_size;
    out->modified_us = (int64_t)st->st_mtim.tv_sec * US_PER_S + st->st_mtim.tv_nsec / 1000;
}

static bool local_head(struct store *store, const char *key, struct store_object *out,
                       struct error *err)
{
    scoped(fd_close) int fd = -1;
    struct stat st;

    if (!find_file(store, key, O_PATH, &fd, &st, err))
        return false;
    local_object_fill(out, &st);
    return true;
}

static bool entry_remove(const struct local_root *root, const struct local_place *place,
                         struct error *err)
{
    scoped(fd_close) int fd = local_open(root->fd, place->folder, O_PATH | O_DIRECTORY);

    if (fd < 0 && !is_absent(errno))
        return local_fail(err, "open the folder");
    if (fd >= 0 && unlinkat(fd, place->name, 0) != 0 && errno != ENOENT && errno != EISDIR)
        return local_fail(err, "unlink");
    return true;
}

/* Also what was gone already is synced: whoever removed it may not have come to that yet. */
static bool local_remove(struct store *store, const char *key, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;
    struct local_place place;

    if (!local_place_of(key, &place, err))
        return false;
    if (!local_root_enter(local_store(store), true, &root, err))
        return false;
    return entry_remove(root, &place, err) && local_folder_prune(root, place.folder, err);
}

/* ---- looking after it ---- */

static bool probe(const struct local_root *root, struct error *err)
{
    static const char text[] = "probe";
    scoped(fd_close) int fd =
        openat(root->staging_fd, LOCAL_PROBE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return local_fail(err, "make a probe");
    if (pwrite(fd, text, sizeof text, 0) != (ssize_t)sizeof text)
        return local_fail(err, "write a probe");
    if (fsync(fd) != 0)
        return local_fail(err, "sync a probe");
    return true;
}

/* Checks may run at once, on the one name, so that a crash leaves one probe at most. */
static bool local_check(struct store *store, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;

    if (!local_root_enter(local_store(store), true, &root, err))
        return false;
    bool written = probe(root, err);
    if (unlinkat(root->staging_fd, LOCAL_PROBE, 0) != 0 && errno != ENOENT && written)
        return local_fail(err, "remove a probe");
    return written;
}

static bool local_space(struct store *store, uint64_t *free_bytes, uint64_t *total_bytes,
                        struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;

    return local_root_enter(local_store(store), true, &root, err) &&
           local_room(root->fd, free_bytes, total_bytes, err);
}

static const char *const keys[] = {"path", NULL};

const struct store_driver store_driver_local = {
    .name = "local",
    .keys = keys,
    .config_check = local_config_check,
    .open = local_open_store,
    .free = local_free,
    .id = local_id,
    .stage_create = local_stage_create,
    .stage_open = local_stage_open,
    .stage_free = local_stage_free,
    .stage_write = local_stage_write,
    .stage_sync = local_stage_sync,
    .stage_read = local_stage_read,
    .stage_fd = local_stage_fd,
    .stage_writable_fd = local_stage_writable_fd,
    .stage_written = local_stage_written,
    .stage_truncate = local_stage_truncate,
    .stage_publish = local_stage_publish,
    .stage_discard = local_stage_discard,
    .open_fd = local_open_fd,
    .scratch = local_scratch,
    .head = local_head,
    .remove = local_remove,
    .list = local_list,
    .list_stages = local_list_stages,
    .check = local_check,
    .space = local_space,
    .largest = local_largest,
};
