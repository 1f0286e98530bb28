#include "store_fault.h"

#include <assert.h>

#include "store/driver.h"

#define NEVER (-1)

struct fault_store {
    struct store base;
    struct store_driver driver; /* of the inner one's provider, which records tell */
    struct store *inner;
    int left; /* operations until the one that fails; NEVER when calm */
    bool struck;
    enum fault_when when;
};

struct fault_stage {
    struct stage base;
    struct fault_store *owner;
    struct stage *inner;
};

static const struct store_driver driver;

static struct fault_store *fault_store(const struct store *self)
{
    return container_of((struct store *)(uintptr_t)self, struct fault_store, base);
}

static struct fault_stage *fault_stage(const struct stage *self)
{
    return container_of((struct stage *)(uintptr_t)self, struct fault_stage, base);
}

struct store *store_fault_new(struct store *inner)
{
    struct fault_store *self = calloc(1, sizeof *self);

    assert(self);
    self->driver = driver;
    self->driver.name = store_provider(inner);
    store_init(&self->base, &self->driver, "fault");
    self->inner = inner;
    self->left = NEVER;
    return &self->base;
}

void store_fault_arm(struct store *store, int nth, enum fault_when when)
{
    fault_store(store)->left = nth;
    fault_store(store)->struck = false;
    fault_store(store)->when = when;
}

void store_fault_calm(struct store *store)
{
    fault_store(store)->left = NEVER;
}

bool store_fault_struck(const struct store *store)
{
    return fault_store(store)->struck;
}

static bool is_due(struct fault_store *self)
{
    if (self->left == NEVER || self->left-- > 0)
        return false;
    self->struck = true;
    return true;
}

static bool strike(struct error *err)
{
    return error_set(err, ERR_UNAVAILABLE, "fault");
}

/* One operation: EXPR is evaluated unless the fault comes before it. */
#define OPERATION(store, expr)             \
    struct fault_store *self = (store);    \
    bool due = is_due(self);               \
    if (due && self->when == FAULT_BEFORE) \
        return strike(err);                \
    bool done = (expr);                    \
    return due && done ? strike(err) : done

static void fault_free(struct store *store)
{
    free(fault_store(store));
}

static struct fault_stage *stage_new(struct fault_store *owner, struct stage *inner)
{
    struct fault_stage *self = calloc(1, sizeof *self);

    assert(self);
    self->owner = owner;
    self->inner = inner;
    return self;
}

typedef bool opener(struct store *inner, const char *id, uint64_t expected, struct stage **out,
                    struct error *err);

static bool opener_open(struct store *inner, const char *id, uint64_t expected, struct stage **out,
                        struct error *err)
{
    (void)expected;
    return store_stage_open(inner, id, out, err);
}

static bool opened(struct fault_store *self, opener *open, const char *id, uint64_t expected,
                   struct stage **out, struct error *err)
{
    scoped(stage_release) struct stage *inner = NULL;
    bool due = is_due(self);

    if (due && self->when == FAULT_BEFORE)
        return strike(err);
    if (!open(self->inner, id, expected, &inner, err))
        return false;
    if (due)
        return strike(err);
    *out = &stage_new(self, take(inner))->base;
    return true;
}

static bool fault_stage_create(struct store *store, const char *id, uint64_t expected,
                               struct stage **out, struct error *err)
{
    return opened(fault_store(store), store_stage_create, id, expected, out, err);
}

static bool fault_stage_open(struct store *store, const char *id, struct stage **out,
                             struct error *err)
{
    return opened(fault_store(store), opener_open, id, 0, out, err);
}

static void fault_stage_free(struct stage *stage)
{
    stage_free(fault_stage(stage)->inner);
    free(fault_stage(stage));
}

static bool fault_stage_write(struct stage *stage, uint64_t offset, const void *bytes,
                              size_t length, struct error *err)
{
    OPERATION(fault_stage(stage)->owner,
              stage_write(fault_stage(stage)->inner, offset, bytes, length, err));
}

static bool fault_stage_sync(struct stage *stage, struct error *err)
{
    OPERATION(fault_stage(stage)->owner, stage_sync(fault_stage(stage)->inner, err));
}

static bool fault_stage_read(struct stage *stage, uint64_t offset, void *bytes, size_t length,
                             size_t *out, struct error *err)
{
    OPERATION(fault_stage(stage)->owner,
              stage_read(fault_stage(stage)->inner, offset, bytes, length, out, err));
}

static int fault_stage_fd(struct stage *stage)
{
    return stage_fd(fault_stage(stage)->inner);
}

static int fault_stage_writable_fd(struct stage *stage)
{
    return stage_writable_fd(fault_stage(stage)->inner);
}

static bool fault_stage_written(struct stage *stage, uint64_t end, struct error *err)
{
    OPERATION(fault_stage(stage)->owner, stage_written(fault_stage(stage)->inner, end, err));
}

static bool fault_stage_truncate(struct stage *stage, uint64_t size, struct error *err)
{
    OPERATION(fault_stage(stage)->owner, stage_truncate(fault_stage(stage)->inner, size, err));
}

static bool fault_stage_publish(struct stage *stage, uint64_t size, const char *key,
                                struct error *err)
{
    stage_describe(fault_stage(stage)->inner, stage->facts);
    OPERATION(fault_stage(stage)->owner, stage_publish(fault_stage(stage)->inner, size, key, err));
}

static bool fault_stage_discard(struct store *store, const char *id, struct error *err)
{
    OPERATION(fault_store(store), store_stage_discard(self->inner, id, err));
}

static bool fault_get(struct store *store, const char *key, struct byte_range range,
                      struct sink *dest, struct error *err)
{
    OPERATION(fault_store(store), store_get(self->inner, key, range, dest, err));
}

static bool fault_head(struct store *store, const char *key, struct store_object *out,
                       struct error *err)
{
    OPERATION(fault_store(store), store_head(self->inner, key, out, err));
}

static bool fault_remove(struct store *store, const char *key, struct error *err)
{
    OPERATION(fault_store(store), store_remove(self->inner, key, err));
}

static bool fault_list(struct store *store, const char *prefix, const char *after,
                       bool (*visit)(void *context, const struct store_object *object),
                       void *context, struct error *err)
{
    OPERATION(fault_store(store), store_list(self->inner, prefix, after, visit, context, err));
}

static bool fault_list_stages(struct store *store,
                              bool (*visit)(void *context, const struct store_object *stage),
                              void *context, struct error *err)
{
    OPERATION(fault_store(store), store_list_stages(self->inner, visit, context, err));
}

static bool fault_open_fd(struct store *store, const char *key, int *fd, uint64_t *size,
                          struct error *err)
{
    struct fault_store *self = fault_store(store);
    scoped(fd_close) int inner = -1;
    uint64_t bytes = 0;
    bool due = is_due(self);

    if (due && self->when == FAULT_BEFORE)
        return strike(err);
    if (!store_open_fd(self->inner, key, &inner, &bytes, err))
        return false;
    if (due)
        return strike(err);
    *fd = fd_take(&inner);
    *size = bytes;
    return true;
}

static bool fault_check(struct store *store, struct error *err)
{
    OPERATION(fault_store(store), store_check(self->inner, err));
}

static uint64_t fault_largest(struct store *store)
{
    return store_largest(fault_store(store)->inner);
}

static bool fault_space(struct store *store, uint64_t *free_bytes, uint64_t *total_bytes,
                        struct error *err)
{
    OPERATION(fault_store(store), store_space(self->inner, free_bytes, total_bytes, err));
}

static const struct store_driver driver = {
    .name = "fault",
    .free = fault_free,
    .stage_create = fault_stage_create,
    .stage_open = fault_stage_open,
    .stage_free = fault_stage_free,
    .stage_write = fault_stage_write,
    .stage_sync = fault_stage_sync,
    .stage_read = fault_stage_read,
    .stage_fd = fault_stage_fd,
    .stage_writable_fd = fault_stage_writable_fd,
    .stage_written = fault_stage_written,
    .stage_truncate = fault_stage_truncate,
    .stage_publish = fault_stage_publish,
    .stage_discard = fault_stage_discard,
    .get = fault_get,
    .open_fd = fault_open_fd,
    .head = fault_head,
    .remove = fault_remove,
    .list = fault_list,
    .list_stages = fault_list_stages,
    .check = fault_check,
    .space = fault_space,
    .largest = fault_largest,
};
