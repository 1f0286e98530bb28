/* Blocks of WavPack, each of which carries its place: where libav's demuxer gives up at a header
 * that is damaged, the next block is found. The format: WavPack 4 & 5 Binary File / Block Format.
 */
#ifndef MEDIA_WAVPACK_H
#define MEDIA_WAVPACK_H

#include "media/input.h"

struct wavpack_block {
    uint64_t first_sample;
    uint32_t samples;
    bool begins; /* the first of those that hold the same samples of several channels */
};

/* The block's header at AT; false if there is none that makes sense. */
bool wavpack_read_block(struct input *in, uint64_t at, uint64_t end, struct wavpack_block *out);

/* Where a block that begins samples lies, at or behind FROM; END if there is none. */
uint64_t wavpack_find_block(struct input *in, uint64_t from, uint64_t end);

#endif
