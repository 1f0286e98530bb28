/* Files without a name, for copies of what lies elsewhere: gone with their last descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/random.h"
#include "base/str.h"
#include "store/local.h"

#define NAME_RANDOM_BYTES 8

/* Where the file system has no nameless files: one that loses its name at once. What a crash in
 * between leaves is a stage without an owner. */
static int open_unlinked(int dir_fd)
{
    uint8_t random[NAME_RANDOM_BYTES];
    char hex[HEX_SIZE(NAME_RANDOM_BYTES)];
    char name[sizeof hex + 8];

    random_system.fill(&random_system, random, sizeof random);
    hex_encode(random, sizeof random, hex);
    snprintf(name, sizeof name, "scratch-%s", hex);
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0)
        unlinkat(dir_fd, name, 0);
    return fd;
}

static int open_nameless(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

    return fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR) ? open_unlinked(dir_fd) : fd;
}

/* For who may read and not write. */
static int open_again(int fd)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool local_scratch(struct store *store, uint64_t size, int *fd, int *read_fd, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;
    scoped(fd_close) int made = -1;

    if (!local_root_enter(local_store(store), true, &root, err))
        return false;
    made = open_nameless(root->staging_fd);
    if (made < 0)
        return local_fail(err, "make a nameless file");
    if (!local_has_room(made, size, err))
        return false;
    *read_fd = open_again(made);
    if (*read_fd < 0)
        return local_fail(err, "open a nameless file to read");
    *fd = fd_take(&made);
    return true;
}
