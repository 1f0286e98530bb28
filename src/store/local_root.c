/* The store's folder: found at its path, proved by its marker, given up when it is replaced. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/random.h"
#include "base/str.h"
#include "store/local.h"

#define LAYOUT 1
#define MARKER_MAX 256 /* bytes */
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* ---- holding ---- */

struct local_root *local_root_share(struct local_root *root)
{
    atomic_fetch_add(&root->holders, 1);
    return root;
}

void local_root_free(struct local_root *root)
{
    if (!root || atomic_fetch_sub(&root->holders, 1) != 1)
        return;
    fd_close(&root->staging_fd);
    fd_close(&root->fd);
    free(root);
}

static struct local_root *current_root(struct local_store *self)
{
    struct local_root *root = NULL;

    pthread_mutex_lock(&self->lock);
    if (self->root)
        root = local_root_share(self->root);
    pthread_mutex_unlock(&self->lock);
    return root;
}

void local_root_retire(struct local_store *self, struct local_root *root)
{
    struct local_root *dropped = NULL;

    pthread_mutex_lock(&self->lock);
    if (self->root == root)
        dropped = take(self->root);
    pthread_mutex_unlock(&self->lock);
    local_root_free(dropped);
}

/* Of several threads that found the folder again at once, the last one's is kept. */
static void install_root(struct local_store *self, struct local_root *root)
{
    struct local_root *before;

    pthread_mutex_lock(&self->lock);
    before = self->root;
    self->root = local_root_share(root);
    pthread_mutex_unlock(&self->lock);
    local_root_free(before);
}

/* ---- the marker ---- */

static bool marker_read(int root_fd, char id[static LOCAL_ID_SIZE], struct error *err)
{
    char text[MARKER_MAX + 1];
    size_t length = 0;
    int layout = 0;
    scoped(fd_close) int fd =
        openat(root_fd, LOCAL_MARKER, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERR_UNAVAILABLE,
                         "the folder has no " LOCAL_MARKER ": not mounted, or emptied");
    if (fd < 0)
        return local_fail(err, "open " LOCAL_MARKER);
    if (!fs_read_at(fd, text, MARKER_MAX, 0, &length, LOCAL_MARKER, err))
        return false;
    text[length] = '\0';
    if (sscanf(text, " { \"id\" : \"%32[0-9a-f]\" , \"layout\" : %d }", id, &layout) != 2 ||
        strlen(id) != LOCAL_ID_SIZE - 1)
        return error_set(err, ERR_UNAVAILABLE, LOCAL_MARKER " is not readable");
    if (layout != LAYOUT)
        return error_set(err, ERR_UNAVAILABLE, "the folder has layout %d, this server knows %d",
                         layout, LAYOUT);
    return true;
}

static bool marker_write(int staging_fd, const char *name, const char *id, struct error *err)
{
    char text[MARKER_MAX];
    int length = snprintf(text, sizeof text, "{\"id\": \"%s\", \"layout\": %d}\n", id, LAYOUT);
    scoped(fd_close) int fd =
        openat(staging_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return local_fail(err, "make the marker");
    if (!fs_write_at(fd, text, (size_t)length, 0, "marker", err))
        return false;
    if (fsync(fd) != 0)
        return local_fail(err, "sync the marker");
    return true;
}

/* Under its name the marker is whole from the first; whoever comes second finds the first one's. */
static bool marker_create(int root_fd, int staging_fd, struct error *err)
{
    uint8_t random[(LOCAL_ID_SIZE - 1) / 2];
    char id[LOCAL_ID_SIZE];
    char name[LOCAL_ID_SIZE + 8];

    random_system.fill(&random_system, random, sizeof random);
    hex_encode(random, sizeof random, id);
    snprintf(name, sizeof name, "marker-%s", id);
    if (!marker_write(staging_fd, name, id, err))
        return false;
    if (local_rename(staging_fd, name, root_fd, LOCAL_MARKER) != 0) {
        int cause = errno;
        unlinkat(staging_fd, name, 0);
        errno = cause;
        if (cause != EEXIST)
            return local_fail(err, "name the marker");
    }
    if (fsync(root_fd) != 0)
        return local_fail(err, "sync the folder");
    return true;
}

/* ---- the folder ---- */

/* A store that is mounted read-only can still be read, so that a missing staging folder is told by
 * those who need it. */
static int staging_open(int root_fd)
{
    if (mkdirat(root_fd, LOCAL_STAGING, 0700) == 0)
        fsync(root_fd); /* stage_sync syncs the staging folder; its own name is made once */
    return openat(root_fd, LOCAL_STAGING, FOLDER_FLAGS | O_NOFOLLOW);
}

static bool folder_open(const char *path, int *out, struct error *err)
{
    *out = open(path, FOLDER_FLAGS);
    if (*out < 0)
        return local_fail(err, "open the folder");
    return true;
}

/* The folder's own entry in the one above it. */
static bool entry_sync(const char *path, struct error *err)
{
    scoped(memory_free) char *parent = strdup(path);
    scoped(fd_close) int fd = -1;

    assert(parent);
    for (size_t end = strlen(parent); end > 1 && parent[end - 1] == '/'; end--)
        parent[end - 1] = '\0';
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    fd = open(slash ? parent : ".", FOLDER_FLAGS);
    if (fd < 0 || fsync(fd) != 0)
        return local_fail(err, "sync the folder above");
    return true;
}

bool local_root_create(struct local_store *self, struct error *err)
{
    scoped(fd_close) int fd = -1;
    scoped(fd_close) int staging_fd = -1;

    if (mkdir(self->path, 0700) == 0) {
        if (!entry_sync(self->path, err))
            return false;
    } else if (errno != EEXIST) {
        return local_fail(err, "make the folder");
    }
    if (!folder_open(self->path, &fd, err))
        return false;
    if (faccessat(fd, LOCAL_MARKER, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    staging_fd = staging_open(fd);
    if (staging_fd < 0)
        return local_fail(err, "make " LOCAL_STAGING);
    return marker_create(fd, staging_fd, err);
}

/* The first marker that is seen says which store this is. */
static bool id_matches(struct local_store *self, const char *id, struct error *err)
{
    bool same;

    pthread_mutex_lock(&self->lock);
    if (self->id[0] == '\0')
        memcpy(self->id, id, LOCAL_ID_SIZE);
    same = strcmp(self->id, id) == 0;
    pthread_mutex_unlock(&self->lock);
    if (!same)
        return error_set(err, ERR_UNAVAILABLE, "the folder now holds another store, %s", id);
    return true;
}

static struct local_root *root_new(int *fd, int *staging_fd, const struct stat *st)
{
    struct local_root *root = calloc(1, sizeof *root);

    assert(root);
    root->fd = fd_take(fd);
    root->staging_fd = fd_take(staging_fd);
    root->device = st->st_dev;
    root->inode = st->st_ino;
    atomic_init(&root->holders, 1);
    return root;
}

static bool root_open(struct local_store *self, struct local_root **out, struct error *err)
{
    char id[LOCAL_ID_SIZE];
    struct stat st;
    scoped(fd_close) int fd = -1;
    scoped(fd_close) int staging_fd = -1;

    if (!folder_open(self->path, &fd, err))
        return false;
    if (!marker_read(fd, id, err) || !id_matches(self, id, err))
        return false;
    if (fstat(fd, &st) != 0)
        return local_fail(err, "stat the folder");
    staging_fd = staging_open(fd);
    if (staging_fd < 0)
        return local_fail(err, "open " LOCAL_STAGING);
    *out = root_new(&fd, &staging_fd, &st);
    install_root(self, *out);
    return true;
}

/* All are needed: the path may lead to another folder by now, the folder that is still there may
 * have been emptied, or be one whose content was moved away, and the staging folder alone be
 * removed. */
static bool root_stands(const struct local_store *self, const struct local_root *root)
{
    struct stat st;

    return stat(self->path, &st) == 0 && st.st_dev == root->device && st.st_ino == root->inode &&
           fstatat(root->fd, LOCAL_MARKER, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(root->staging_fd, &st) == 0 && st.st_nlink > 0;
}

bool local_root_enter(struct local_store *self, bool verify, struct local_root **out,
                      struct error *err)
{
    scoped(local_root_release) struct local_root *root = current_root(self);

    if (root && (!verify || root_stands(self, root))) {
        *out = take(root);
        return true;
    }
    if (root)
        local_root_retire(self, root);
    return root_open(self, out, err);
}
