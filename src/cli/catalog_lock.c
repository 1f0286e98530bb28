#include "cli/catalog_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>

#include "base/arena.h"
#include "base/fs.h"

#define SQLITE "sqlite:"

/* NULL: the catalog is in no file. */
static const char *folder_of(const struct config *config, struct arena *mem)
{
    const char *url = config_text(config, "server", "database");

    if (!url)
        return config_text(config, "server", "data");
    if (strncmp(url, SQLITE, strlen(SQLITE)) != 0)
        return NULL;
    return dirname(arena_printf(mem, "%s", url + strlen(SQLITE)));
}

/* 0, or why not. */
static int lock_folder(const char *folder, int how, int *out)
{
    scoped(fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *out = -1;
    if (fd < 0 || flock(fd, how | LOCK_NB) != 0)
        return errno;
    *out = fd_take(&fd);
    return 0;
}

bool catalog_share(const struct config *config, int *out, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *folder = folder_of(config, mem);

    *out = -1;
    return !folder || lock_folder(folder, LOCK_SH, out) != EWOULDBLOCK ||
           error_tell(err, ERR_EXISTS, "the catalog in \"%s\" is being moved to another database",
                      folder);
}

bool catalog_seclude(const char *folder, int *out, struct error *err)
{
    int cause = lock_folder(folder, LOCK_EX, out);

    if (cause == EWOULDBLOCK)
        return error_tell(
            err, ERR_EXISTS,
            "the catalog in \"%s\" is in use by a server, a worker or a command: stop "
            "them first",
            folder);
    errno = cause;
    return cause == 0 || error_errno(err, "lock of folder \"%s\"", folder);
}
