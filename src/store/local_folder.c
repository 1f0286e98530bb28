/* Folders of objects: made durable before they are used, removed when they are empty. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "store/local.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- which folders are known to be durable ---- */

/* False where the file system does not say when a file was born; then nothing is remembered. */
static bool folder_id(int fd, struct local_folder_id *out)
{
    struct statx st;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) != 0 ||
        !(st.stx_mask & STATX_BTIME))
        return false;
    *out = (struct local_folder_id){
        .device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
        .inode = st.stx_ino,
        .born_s = st.stx_btime.tv_sec,
        .born_ns = st.stx_btime.tv_nsec,
    };
    return true;
}

static bool folder_id_equal(const struct local_folder_id *a, const struct local_folder_id *b)
{
    return a->device == b->device && a->inode == b->inode && a->born_s == b->born_s &&
           a->born_ns == b->born_ns;
}

static struct local_folder_id *folder_slot(struct local_store *self,
                                           const struct local_folder_id *id)
{
    return &self->folders[id->inode % LOCAL_FOLDER_SLOTS];
}

static bool folder_is_durable(struct local_store *self, const struct local_folder_id *id)
{
    bool known;

    pthread_mutex_lock(&self->lock);
    known = folder_id_equal(folder_slot(self, id), id);
    pthread_mutex_unlock(&self->lock);
    return known;
}

static void folder_remember(struct local_store *self, const struct local_folder_id *id)
{
    pthread_mutex_lock(&self->lock);
    *folder_slot(self, id) = *id;
    pthread_mutex_unlock(&self->lock);
}

/* ---- making ---- */

static int folder_make(int parent_fd, const char *name)
{
    if (mkdirat(parent_fd, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent_fd, name, FOLDER_FLAGS);
}

/* A folder that is there may have been made by another thread a moment ago and not be durable yet:
 * only what is remembered spares the fsync of the folder above. */
int local_folder_settle(struct local_store *self, const struct local_root *root, char *folder)
{
    struct local_folder_id id;
    scoped(fd_close) int parent_fd = -1;
    scoped(fd_close) int fd = local_open(root->fd, folder, FOLDER_FLAGS);

    if (*folder == '\0' || (fd < 0 && errno != ENOENT))
        return fd_take(&fd);
    if (fd >= 0 && folder_id(fd, &id) && folder_is_durable(self, &id))
        return fd_take(&fd);

    char *slash = strrchr(folder, '/');
    char *cut = slash ? slash : folder;
    char kept = *cut;
    *cut = '\0';
    parent_fd = local_folder_settle(self, root, folder);
    *cut = kept;
    if (parent_fd >= 0 && fd < 0)
        fd = folder_make(parent_fd, slash ? slash + 1 : folder);
    if (parent_fd < 0 || fd < 0 || fsync(parent_fd) != 0)
        return -1;
    if (folder_id(fd, &id))
        folder_remember(self, &id);
    return fd_take(&fd);
}

/* ---- removing ---- */

/* Whether FOLDER is gone, by us or another. Whatever keeps it from being removed lets it stand. */
static bool folder_vanishes(const struct local_root *root, const char *folder)
{
    char parent[STORE_KEY_MAX + 1];
    const char *slash = strrchr(folder, '/');
    size_t length = slash ? (size_t)(slash - folder) : 0;

    memcpy(parent, folder, length);
    parent[length] = '\0';
    scoped(fd_close) int fd = local_open(root->fd, parent, O_PATH | O_DIRECTORY);
    if (fd < 0)
        return errno == ENOENT;
    return unlinkat(fd, slash ? slash + 1 : folder, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

static void cut_last(char *folder)
{
    char *slash = strrchr(folder, '/');

    *(slash ? slash : folder) = '\0';
}

bool local_folder_prune(const struct local_root *root, char *folder, struct error *err)
{
    for (;;) {
        while (*folder && folder_vanishes(root, folder))
            cut_last(folder);
        scoped(fd_close) int fd = local_open(root->fd, folder, FOLDER_FLAGS);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && *folder) {
            cut_last(folder); /* another removed it meanwhile, or it is a file */
            continue;
        }
        if (fd < 0 || fsync(fd) != 0)
            return local_fail(err, "sync the folder");
        return true;
    }
}
