#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "store/local.h"

#define AHEAD_MAX_BYTES (UINT64_C(64) << 20)

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool local_room(int fd, uint64_t *free_bytes, uint64_t *total_bytes, struct error *err)
{
    struct statvfs st;
    uint64_t room, kept;

    if (fstatvfs(fd, &st) != 0)
        return local_fail(err, "ask for free space");
    room = (uint64_t)st.f_bavail * st.f_frsize;
    *total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    kept = least(*total_bytes / LOCAL_KEPT_FREE_PART, LOCAL_KEPT_FREE_BYTES);
    *free_bytes = room > kept ? room - kept : 0;
    return true;
}

bool local_has_room(int fd, uint64_t size, struct error *err)
{
    uint64_t free_bytes, total_bytes;

    if (!local_room(fd, &free_bytes, &total_bytes, err))
        return false;
    if (size >= free_bytes)
        return error_set(err, ERR_STORAGE_FULL, "no room for %llu bytes", (unsigned long long)size);
    return true;
}

/* Only where there is room for them, and never needed: the blocks of what is written are found
 * anyway. KEEP_SIZE: the file's size stays what was written, so that it can be read to its end. */
bool local_stage_set_aside(struct local_stage *self, struct error *err)
{
    uint64_t end = self->dirty_end, ahead = least(end - self->run_at, AHEAD_MAX_BYTES);

    if (self->expected != STAGE_SIZE_UNKNOWN)
        ahead = least(ahead, self->expected > end ? self->expected - end : 0);
    if (!local_has_room(self->fd, 0, err))
        return false;
    if (ahead == 0 || self->aside_end > end || !local_has_room(self->fd, ahead, &(struct error){0}))
        return true;
    self->aside_end = end + ahead;
    self->has_reserve = true;
    (void)fallocate(self->fd, FALLOC_FL_KEEP_SIZE, (off_t)end, (off_t)ahead);
    return true;
}
