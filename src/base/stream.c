#include "base/stream.h"

#include <string.h>

#include "base/fs.h"
#include "base/scoped.h"

static bool memory_read(struct source *source, void *bytes, size_t size, size_t *out,
                        struct error *err)
{
    struct memory_source *self = container_of(source, struct memory_source, base);
    size_t n = self->left < size ? self->left : size;

    (void)err;
    if (n > 0)
        memcpy(bytes, self->bytes, n);
    self->bytes += n;
    self->left -= n;
    *out = n;
    return true;
}

void memory_source_init(struct memory_source *self, const void *bytes, size_t length)
{
    *self = (struct memory_source){.base.read = memory_read, .bytes = bytes, .left = length};
}

static bool file_read(struct source *source, void *bytes, size_t size, size_t *out,
                      struct error *err)
{
    struct file_source *self = container_of(source, struct file_source, base);
    size_t n = self->left < size ? (size_t)self->left : size;

    if (!fs_read_at(self->fd, bytes, n, self->offset, &n, "file", err))
        return false;
    self->offset += n;
    self->left -= n;
    *out = n;
    return true;
}

void file_source_init(struct file_source *self, int fd, uint64_t offset, uint64_t length)
{
    *self =
        (struct file_source){.base.read = file_read, .fd = fd, .offset = offset, .left = length};
}
