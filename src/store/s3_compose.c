#include "store/s3_compose.h"

#define COPY_MOST ((uint64_t)1 << 30) /* what fails to be copied is sent, in one part */

struct pieces {
    const struct stage_source *list;
    size_t count;
    uint64_t size; /* of the object */
};

static uint64_t end_of(const struct pieces *pieces, size_t i)
{
    uint64_t end = pieces->list[i].end;

    return end < pieces->size ? end : pieces->size;
}

/* Whether a part from AT on may end at END. */
static bool may_end(const struct pieces *pieces, uint64_t at, uint64_t end)
{
    return end > at && (end == pieces->size || end - at >= S3_PART_LEAST);
}

/* The piece with AT that reaches farthest, if that is far enough. */
static const struct stage_source *piece_at(const struct pieces *pieces, uint64_t at)
{
    const struct stage_source *found = NULL;

    for (size_t i = 0; i < pieces->count && pieces->list[i].start <= at; i++)
        if (may_end(pieces, at, end_of(pieces, i)) && (!found || pieces->list[i].end > found->end))
            found = &pieces->list[i];
    return found;
}

/* Where copying can begin behind AT, from where on bytes are sent: at the first piece of which
 * enough lies there. */
static uint64_t next_copy(const struct pieces *pieces, uint64_t at)
{
    uint64_t first = pieces->size;

    for (size_t i = 0; i < pieces->count; i++) {
        uint64_t least = at + S3_PART_LEAST, start = pieces->list[i].start;
        uint64_t from = start > least ? start : least;

        if (from < first && may_end(pieces, from, end_of(pieces, i)))
            first = from;
    }
    return first;
}

/* As much as a part takes, but for a rest that would be too short for one. */
static uint64_t sent_end(const struct pieces *pieces, uint64_t at, uint64_t part_bytes)
{
    uint64_t until = next_copy(pieces, at);
    uint64_t end = until - at > part_bytes ? at + part_bytes : until;

    return end == until || may_end(pieces, end, until) ? end : until;
}

static struct s3_part next_part(const struct pieces *pieces, uint64_t at, uint64_t part_bytes)
{
    const struct stage_source *piece = piece_at(pieces, at);
    uint64_t end;

    if (!piece)
        return (struct s3_part){at, sent_end(pieces, at, part_bytes) - at, NULL};
    end = piece->end < pieces->size ? piece->end : pieces->size;
    return (struct s3_part){at, end - at > COPY_MOST ? COPY_MOST : end - at, piece};
}

bool s3_compose(const struct stage_source *sources, size_t source_count, uint64_t size,
                uint64_t part_bytes, struct arena *mem, struct s3_part **out, size_t *count)
{
    const struct pieces pieces = {sources, source_count, size};
    struct s3_part *parts = arena_array(mem, S3_PARTS_MAX, sizeof *parts);
    bool copies = false;
    size_t n = 0;

    for (uint64_t at = 0; at < size; at += parts[n++].length) {
        if (n == S3_PARTS_MAX)
            return false;
        parts[n] = next_part(&pieces, at, part_bytes);
        copies = copies || parts[n].source;
    }
    if (!copies)
        return false;
    *out = parts;
    *count = n;
    return true;
}
