#include "api/object.h"

#include "service/archive.h"

void object_content_done(struct object_content *self)
{
    fd_close(&self->fd);
}

/* Exactly LENGTH bytes: an object that is shorter by now must not pass for a whole answer. */
struct counted_sink {
    struct sink base;
    struct sink *dest;
    uint64_t length;
};

static bool count_write(struct sink *base, const void *bytes, size_t length, struct error *err)
{
    struct counted_sink *self = container_of(base, struct counted_sink, base);

    self->length += length;
    return self->dest->write(self->dest, bytes, length, err);
}

static bool write_from_store(void *context, uint64_t start, uint64_t length, struct sink *dest,
                             struct error *err)
{
    const struct object_content *self = context;
    struct counted_sink sink = {.base = {count_write}, .dest = dest};

    if (!store_get(self->store, self->key, (struct byte_range){start, length}, &sink.base, err))
        return false;
    return sink.length == length ||
           error_set(err, ERR_UNAVAILABLE, "object \"%s\" ends %llu bytes early", self->key,
                     (unsigned long long)(length - sink.length));
}

bool object_content_open(const struct app *app, const char *store_name, const char *key,
                         struct object_content *self, struct content *out, struct error *err)
{
    struct store_object object;

    if (!app_find_store(app, store_name, &self->store, err))
        return false;
    self->key = key;
    if (store_has_files(self->store)) {
        if (!store_open_fd(self->store, key, &self->fd, &out->size, err))
            return false;
    } else {
        if (!store_head(self->store, key, &object, err))
            return false;
        if (!archive_check_readable(&object, err))
            return false;
        out->size = object.size;
    }
    out->fd = self->fd;
    out->write = write_from_store;
    out->context = self;
    return true;
}
