#include "service/object_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define FILE_BYTES ((size_t)256 << 10)
#define RANGE_BYTES ((size_t)4 << 20) /* each is a request */

struct object_reader {
    struct store *store;
    const char *key;
    uint64_t size;
    int fd; /* -1: read from the store */
    char *window;
    uint64_t start; /* of the window in the object */
    size_t length;  /* bytes in the window */
};

/* False, with *ERR's kind ERR_NOT_FOUND, where nothing can be read. */
static bool look(struct object_reader *reader, struct error *err)
{
    struct store_object found;

    if (store_has_files(reader->store))
        return store_open_fd(reader->store, reader->key, &reader->fd, &reader->size, err);
    if (!store_head(reader->store, reader->key, &found, err))
        return false;
    reader->size = found.size;
    return (found.availability != STORE_ARCHIVED && found.availability != STORE_RESTORING) ||
           error_set(err, ERR_NOT_FOUND, "the object is archived");
}

bool object_reader_open(struct store *store, const char *key, struct object_reader **out,
                        struct error *err)
{
    scoped(object_reader_release) struct object_reader *reader = calloc(1, sizeof *reader);

    assert(reader);
    *reader = (struct object_reader){.store = store, .key = key, .fd = -1};
    *out = NULL;
    if (!look(reader, err))
        return err->kind == ERR_NOT_FOUND;
    reader->window = malloc(reader->fd >= 0 ? FILE_BYTES : RANGE_BYTES);
    assert(reader->window);
    *out = take(reader);
    return true;
}

void object_reader_free(struct object_reader *reader)
{
    if (!reader)
        return;
    fd_close(&reader->fd);
    free(reader->window);
    free(reader);
}

uint64_t object_reader_size(const struct object_reader *reader)
{
    return reader->size;
}

struct window_sink {
    struct sink base;
    struct object_reader *reader;
    size_t room;
};

static bool fill(struct sink *base, const void *bytes, size_t size, struct error *err)
{
    struct window_sink *sink = container_of(base, struct window_sink, base);
    struct object_reader *reader = sink->reader;

    if (size > sink->room - reader->length)
        return error_set(err, ERR_UNAVAILABLE, "more of the object came than was asked for");
    memcpy(reader->window + reader->length, bytes, size);
    reader->length += size;
    return true;
}

static bool read_range(struct object_reader *reader, uint64_t from, size_t wanted,
                       struct error *err)
{
    struct window_sink sink = {.base = {fill}, .reader = reader, .room = wanted};

    return store_get(reader->store, reader->key, (struct byte_range){from, wanted}, &sink.base,
                     err);
}

static bool move_window(struct object_reader *reader, uint64_t from, uint64_t end,
                        struct error *err)
{
    uint64_t most = reader->fd >= 0 ? FILE_BYTES : RANGE_BYTES;
    size_t wanted = (size_t)(end - from < most ? end - from : most);

    reader->start = from;
    reader->length = 0;
    return (reader->fd >= 0 ? fs_read_at(reader->fd, reader->window, wanted, from, &reader->length,
                                         "object", err)
                            : read_range(reader, from, wanted, err)) &&
           (reader->length > 0 ||
            error_set(err, ERR_UNAVAILABLE, "the object ends before its size"));
}

bool object_reader_read(struct object_reader *reader, uint64_t from, uint64_t end,
                        const char **bytes, size_t *length, struct error *err)
{
    size_t skipped;

    assert(from < end);
    if ((from < reader->start || from >= reader->start + reader->length) &&
        !move_window(reader, from, end, err))
        return false;
    skipped = (size_t)(from - reader->start);
    *bytes = reader->window + skipped;
    *length = reader->length - skipped;
    if (*length > end - from)
        *length = (size_t)(end - from);
    return true;
}
