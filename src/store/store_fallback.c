/* What store.c makes up for drivers that lack it: put by way of a stage, get from a descriptor, a
 * descriptor of a copy. */
#include <assert.h>

#include "base/fs.h"
#include "store/driver.h"

#define COPY_BLOCK_BYTES (256 * 1024)

static size_t block_of(uint64_t left)
{
    return left < COPY_BLOCK_BYTES ? (size_t)left : COPY_BLOCK_BYTES;
}

bool store_range_length(struct byte_range range, uint64_t size, uint64_t *out, struct error *err)
{
    if (range.start > size || (range.start == size && size > 0))
        return error_set(err, ERR_RANGE, "range starts at %llu of %llu bytes",
                         (unsigned long long)range.start, (unsigned long long)size);
    uint64_t rest = size - range.start;
    *out = range.length < rest ? range.length : rest;
    return true;
}

static void *copy_block(void)
{
    void *block = malloc(COPY_BLOCK_BYTES);

    assert(block);
    return block;
}

static bool stage_fill(struct stage *stage, struct source *content, uint64_t length,
                       struct error *err)
{
    const struct store_driver *driver = stage->store->driver;
    scoped(memory_free) void *block = copy_block();

    for (uint64_t done = 0; done < length;) {
        size_t got = 0;
        if (!content->read(content, block, block_of(length - done), &got, err))
            return false;
        if (got == 0)
            return error_set(err, ERR_INCOMPLETE, "content ended after %llu of %llu bytes",
                             (unsigned long long)done, (unsigned long long)length);
        if (!driver->stage_write(stage, done, block, got, err))
            return false;
        done += got;
    }
    return true;
}

/* A stage that is there already belongs to someone else; ERR_EXISTS would say that the key is
 * taken. */
static bool put_stage_create(struct store *self, const char *id, uint64_t length,
                             struct stage **out, struct error *err)
{
    struct stage *stage = NULL;

    if (!self->driver->stage_create(self, id, length, &stage, err)) {
        if (err->kind == ERR_EXISTS)
            err->kind = ERR_CONFLICT;
        return error_context(err, "stage \"%s\"", id);
    }
    stage_init(stage, self, id);
    *out = stage;
    return true;
}

bool store_put_staged(struct store *self, const char *stage_id, const char *key,
                      struct source *content, uint64_t length, struct error *err)
{
    scoped(stage_release) struct stage *stage = NULL;
    struct error ignored;

    if (!put_stage_create(self, stage_id, length, &stage, err))
        return false;
    if (stage_fill(stage, content, length, err) &&
        self->driver->stage_publish(stage, length, key, err))
        return true;
    /* What cannot be removed now is found by its id later: store_list_stages. */
    self->driver->stage_discard(self, stage_id, &ignored);
    return false;
}

bool store_copy_staged(struct store *self, const char *stage_id, const char *from, const char *to,
                       struct error *err)
{
    scoped(fd_close) int fd = -1;
    struct file_source content;
    uint64_t size;

    if (!store_fetch(self, from, &fd, &size, err))
        return false;
    file_source_init(&content, fd, 0, size);
    return store_put_staged(self, stage_id, to, &content.base, size, err);
}

static bool sink_copy(struct sink *dest, int fd, uint64_t start, uint64_t length, struct error *err)
{
    scoped(memory_free) void *block = copy_block();

    for (uint64_t done = 0; done < length;) {
        size_t got = 0;
        if (!fs_read_at(fd, block, block_of(length - done), start + done, &got, "object", err))
            return false;
        if (got == 0)
            return error_set(err, ERR_UNAVAILABLE, "object ends early, after %llu bytes",
                             (unsigned long long)(start + done));
        if (!dest->write(dest, block, got, err))
            return false;
        done += got;
    }
    return true;
}

bool store_get_opened(struct store *self, const char *key, struct byte_range range,
                      struct sink *dest, struct error *err)
{
    scoped(fd_close) int fd = -1;
    uint64_t size = 0;
    uint64_t length = 0;

    if (!self->driver->open_fd(self, key, &fd, &size, err))
        return false;
    if (!store_range_length(range, size, &length, err))
        return false;
    return sink_copy(dest, fd, range.start, length, err);
}

/* ---- a copy ---- */

struct copy_sink {
    struct sink base;
    int fd;
    uint64_t length;
};

static bool copy_write(struct sink *base, const void *bytes, size_t length, struct error *err)
{
    struct copy_sink *self = container_of(base, struct copy_sink, base);

    if (!fs_write_at(self->fd, bytes, length, self->length, "copy", err))
        return false;
    self->length += length;
    return true;
}

bool store_fetch_copy(struct store *self, const char *key, int *fd, uint64_t *size,
                      struct error *err)
{
    struct copy_sink sink = {.base = {copy_write}, .fd = -1};
    scoped(fd_close) int write_fd = -1;
    scoped(fd_close) int read_fd = -1;
    struct store_object object = {.key = key};

    if (!self->driver->head(self, key, &object, err) ||
        !self->driver->scratch(self, object.size, &write_fd, &read_fd, err))
        return false;
    sink.fd = write_fd;
    if (!self->driver->get(self, key, (struct byte_range){0, BYTE_RANGE_REST}, &sink.base, err))
        return false;
    *size = sink.length;
    *fd = fd_take(&read_fd);
    return true;
}
