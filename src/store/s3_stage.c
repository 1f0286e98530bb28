/* Stages lie in the local store of the staging folder. */
#include <assert.h>

#include "store/s3_early.h"

#define EARLY_PARTS 2 /* what is known to have no more is sent at the end */

static bool wrap(struct stage *inner, struct stage **out)
{
    struct s3_stage *self = calloc(1, sizeof *self);

    assert(self);
    self->inner = inner;
    *out = &self->base;
    return true;
}

bool s3_stage_create(struct store *store, const char *id, uint64_t expected, struct stage **out,
                     struct error *err)
{
    struct stage *inner = NULL;

    return store_stage_create(s3_store(store)->spool, id, expected, &inner, err) &&
           wrap(inner, out);
}

bool s3_stage_open(struct store *store, const char *id, struct stage **out, struct error *err)
{
    struct stage *inner = NULL;

    return store_stage_open(s3_store(store)->spool, id, &inner, err) && wrap(inner, out);
}

void s3_stage_free(struct stage *stage)
{
    s3_early_free(s3_stage(stage)->early); /* it reads from the other */
    stage_free(s3_stage(stage)->inner);
    free(s3_stage(stage));
}

bool s3_stage_write(struct stage *stage, uint64_t offset, const void *bytes, size_t length,
                    struct error *err)
{
    struct s3_stage *self = s3_stage(stage);

    if (!stage_write(self->inner, offset, bytes, length, err))
        return false;
    if (offset == self->in_order)
        self->in_order += length;
    if (self->early)
        s3_early_written(self->early, offset, length);
    return true;
}

bool s3_stage_sync(struct stage *stage, struct error *err)
{
    return stage_sync(s3_stage(stage)->inner, err);
}

bool s3_stage_read(struct stage *stage, uint64_t offset, void *bytes, size_t length, size_t *out,
                   struct error *err)
{
    return stage_read(s3_stage(stage)->inner, offset, bytes, length, out, err);
}

int s3_stage_fd(struct stage *stage)
{
    return stage_fd(s3_stage(stage)->inner);
}

static void spoil(struct stage *stage)
{
    if (s3_stage(stage)->early)
        s3_early_spoil(s3_stage(stage)->early);
}

int s3_stage_writable_fd(struct stage *stage)
{
    spoil(stage);
    return stage_writable_fd(s3_stage(stage)->inner);
}

bool s3_stage_written(struct stage *stage, uint64_t end, struct error *err)
{
    return stage_written(s3_stage(stage)->inner, end, err);
}

bool s3_stage_truncate(struct stage *stage, uint64_t size, struct error *err)
{
    spoil(stage);
    return stage_truncate(s3_stage(stage)->inner, size, err);
}

void s3_stage_announce(struct stage *stage, uint64_t size, const char *key,
                       const struct object_facts *facts)
{
    struct s3_stage *self = s3_stage(stage);
    struct s3_store *store = s3_store(stage->store);
    scoped(arena_release) struct arena *mem = arena_new();
    struct object_facts known = *facts;
    struct s3_outgoing outgoing = {.self = store, .fd = stage_fd(self->inner), .size = size};
    char full[S3_KEY_MAX + 1];
    struct error ignored;

    if (self->early || !store->settings.sends_early || outgoing.fd < 0 ||
        size <= EARLY_PARTS * store->settings.part_bytes ||
        !s3_full_key(store, key, full, &ignored))
        return;
    outgoing.key = arena_strdup(mem, full);
    outgoing.stage_id = arena_strdup(mem, stage->id);
    outgoing.sha256 = arena_strdup(mem, facts->sha256);
    known.content_type = arena_strdup(mem, facts->content_type);
    s3_outgoing_describe(&outgoing, &known, mem);
    self->inner->is_read_again = true;
    self->early = s3_early_new(&outgoing, self->in_order, take(mem));
}

bool s3_stage_discard(struct store *store, const char *id, struct error *err)
{
    return store_stage_discard(s3_store(store)->spool, id, err);
}

bool s3_list_stages(struct store *store,
                    bool (*visit)(void *context, const struct store_object *stage), void *context,
                    struct error *err)
{
    return store_list_stages(s3_store(store)->spool, visit, context, err);
}

bool s3_scratch(struct store *store, uint64_t size, int *fd, int *read_fd, struct error *err)
{
    struct store *spool = s3_store(store)->spool;

    return spool->driver->scratch(spool, size, fd, read_fd, err);
}
