/* A stage becomes an object. The order of syncs is told in local.h. */
#include <errno.h>
#include <fcntl.h>

#include "store/local.h"

/* Each failure means that another removed the folder in between, so one retry nearly always does.
 */
#define ATTEMPTS_MAX 1000

/* After the folder was replaced or mounted again: whether the stage's name still leads to its file.
 */
static bool stage_is_in(const struct local_stage *self, const struct local_root *root)
{
    struct stat named;
    struct stat held;

    return fstatat(root->staging_fd, self->base.id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(self->fd, &held) == 0 && named.st_dev == held.st_dev &&
           named.st_ino == held.st_ino;
}

static bool enter(struct local_stage *self, struct local_root **out, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;

    if (!local_root_enter(local_store(self->base.store), true, &root, err))
        return false;
    if (root != self->root && !stage_is_in(self, root))
        return error_set(err, ERR_UNAVAILABLE, "the folder was replaced, the stage is not in it");
    *out = take(root);
    return true;
}

/* Exactly SIZE bytes, with nothing set aside behind them, on stable storage. */
static bool content_settle(struct local_stage *self, uint64_t size, struct error *err)
{
    struct stat st;

    if (fstat(self->fd, &st) != 0)
        return local_fail(err, "stat");
    if ((uint64_t)st.st_size < size)
        return error_set(err, ERR_INCOMPLETE, "the stage holds %lld of %llu bytes",
                         (long long)st.st_size, (unsigned long long)size);
    if ((self->has_reserve || (uint64_t)st.st_size > size) && ftruncate(self->fd, (off_t)size) != 0)
        return local_fail(err, "truncate");
    self->has_reserve = false;
    return local_stage_sync_content(self, err);
}

/* The name must not stand where it might not last: whoever asks for it would take it for durable.
 */
static bool undo(const struct local_stage *self, const struct local_root *root, int folder_fd,
                 const char *name, struct error *err)
{
    local_fail(err, "sync the folder");
    local_rename(folder_fd, name, root->staging_fd, self->base.id);
    return false;
}

static bool stage_is_gone(const struct local_stage *self, const struct local_root *root)
{
    return faccessat(root->staging_fd, self->base.id, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
}

static bool refuse(struct error *err)
{
    if (errno == ENOTDIR)
        return error_set(err, ERR_EXISTS, "a folder of the key is an object already");
    return local_fail(err, "rename to the key");
}

static bool name_object(struct local_stage *self, const struct local_root *root,
                        struct local_place *place, struct error *err)
{
    struct local_store *store = local_store(self->base.store);

    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        scoped(fd_close) int fd = local_folder_settle(store, root, place->folder);
        if (fd >= 0 && local_rename(root->staging_fd, self->base.id, fd, place->name) == 0)
            return fsync(fd) == 0 || undo(self, root, fd, place->name, err);
        if (errno != ENOENT)
            return refuse(err);
        if (stage_is_gone(self, root))
            return error_set(err, ERR_NOT_FOUND, "there is no such stage");
    }
    return error_set(err, ERR_UNAVAILABLE, "its folder is removed again and again");
}

bool local_stage_publish(struct stage *stage, uint64_t size, const char *key, struct error *err)
{
    struct local_stage *self = local_stage(stage);
    scoped(local_root_release) struct local_root *root = NULL;
    struct local_place place;

    if (!local_place_of(key, &place, err))
        return false;
    if (!content_settle(self, size, err))
        return false;
    if (!enter(self, &root, err)) /* the sync took its time: only now is it known where we are */
        return false;
    return name_object(self, root, &place, err);
}
