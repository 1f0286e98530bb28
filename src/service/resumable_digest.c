/* The digest of a session while its bytes come: along with them, or behind them. */
#include <assert.h>

#include "service/hasher.h"
#include "service/resumable_writing.h"
#include "service/shared_stage.h"

#define READ_BACK_BYTES ((size_t)256 * 1024)

bool resumable_read_back(struct stage *stage, uint64_t from, uint64_t end,
                         void (*visit)(void *context, const void *bytes, size_t length),
                         void *context, struct error *err)
{
    scoped(memory_free) char *block = malloc(READ_BACK_BYTES);
    size_t got;

    assert(block);
    for (; from < end; from += got) {
        size_t wanted = end - from < READ_BACK_BYTES ? (size_t)(end - from) : READ_BACK_BYTES;

        if (!stage_read(stage, from, block, wanted, &got, err))
            return false;
        if (got == 0)
            return error_set(err, ERR_UNAVAILABLE, "the stage ends at %llu before %llu",
                             (unsigned long long)from, (unsigned long long)end);
        visit(context, block, got);
    }
    return true;
}

static void update_digest(void *context, const void *bytes, size_t length)
{
    digest_update(context, bytes, length);
}

bool resumable_digest_range(struct stage *stage, uint64_t from, uint64_t end, struct digest *digest,
                            struct error *err)
{
    return resumable_read_back(stage, from, end, update_digest, digest, err);
}

void resumable_digest_begin(struct writing *writing)
{
    struct digest *digest = NULL;

    if (part_set_prefix(&writing->state.parts) == writing->write->offset)
        digest = live_digest_borrow(writing->turn, &writing->state.session);
    if (digest && digest_length(digest) == writing->write->offset) {
        writing->hasher = hasher_resume(writing->app->hashers, digest);
        return;
    }
    if (digest)
        live_digest_return(writing->turn, NULL);
    digest_free(digest);
    writing->block = malloc(HASHER_BLOCK_BYTES);
    assert(writing->block);
}

void resumable_digest_end(struct writing *writing)
{
    struct digest *digest;

    if (!writing->hasher)
        return;
    digest = hasher_digest(writing->hasher);
    if (digest_length(digest) != writing->recorded)
        digest_free(take(digest));
    live_digest_return(writing->turn, digest);
}

/* One step of the digest over what others have brought before and behind. *LAG is what is left. */
static bool digest_step(struct writing *writing, const struct resumable_state *now,
                        struct digest *digest, uint64_t *lag, struct error *err)
{
    uint64_t from = digest_length(digest), prefix = part_set_prefix(&now->parts), end = prefix;
    bool ok;

    if (end > from + CATCH_UP_BYTES)
        end = from + CATCH_UP_BYTES;
    ok = resumable_digest_range(writing->stage, from, end, digest, err);
    *lag = prefix > end ? prefix - end : 0;
    live_digest_return(writing->turn, ok ? digest : NULL);
    if (!ok)
        digest_free(digest);
    return ok;
}

bool resumable_digest_catch_up(struct writing *writing, const struct resumable_state *now,
                               struct error *err)
{
    struct part prefix = {0, part_set_prefix(&now->parts)};
    struct digest *digest;
    uint64_t lag = 0;

    if (!shared_stage_has(writing->app, &now->session, prefix))
        return true; /* whoever makes the upload needs all of it, and digests it then */
    digest = live_digest_borrow(writing->turn, &now->session);
    if (!digest) {
        if (part_set_prefix(&now->parts) <= live_digest_length(writing->turn) + CATCH_UP_BYTES)
            return true; /* somebody else is at it, and not far behind */
        digest = live_digest_await(writing->turn, &now->session);
    }
    for (;;) {
        if (!digest_step(writing, now, digest, &lag, err))
            return false;
        if (lag <= CATCH_UP_BYTES)
            return true;
        digest = live_digest_await(writing->turn, &now->session);
    }
}
