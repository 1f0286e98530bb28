/* Of which parts an object is made whose bytes stand in the bucket already, in pieces. Pure. */
#ifndef STORE_S3_COMPOSE_H
#define STORE_S3_COMPOSE_H

#include "store/s3.h"

struct s3_part {
    uint64_t start, length; /* bytes of the object */
    const struct stage_source
        *source; /* the provider copies them from there; NULL: they are sent */
};

/*
 * Plans the parts of an object of SIZE bytes: a piece that is large enough is copied, what lies
 * between such pieces is sent, in parts of PART_BYTES at most where it can be. SOURCES are in the
 * order of their starts, and may overlap. *OUT is in MEM. False if it would take too many parts, or
 * nothing is to be copied.
 */
bool s3_compose(const struct stage_source *sources, size_t source_count, uint64_t size,
                uint64_t part_bytes, struct arena *mem, struct s3_part **out, size_t *count);

#endif
