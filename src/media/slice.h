/* Decoded frames as floats: a few thousand samples of each channel at a time, with their levels. */
#ifndef MEDIA_SLICE_H
#define MEDIA_SLICE_H

#include "media/av.h"
#include "media/dsp.h"

#define SLICE_SAMPLES 4096
#define SLICE_BLOCK 256 /* samples that share their levels */
#define SLICE_BLOCKS (SLICE_SAMPLES / SLICE_BLOCK)

struct slice {
    const struct dsp *dsp;
    const struct av *av;
    int sample_rate_hz;
    size_t channels;
    AVChannelLayout layout; /* as the frame's; nothing of it is owned */
    bool changed;           /* rate or channels are others than in the slice before */
    size_t count;
    uint64_t at;      /* samples that came before, of every form */
    float full_scale; /* from this magnitude on a sample counts as clipped */

    float *store; /* each channel's samples, DSP_HISTORY of before in front of them */
    size_t room;  /* channels that fit in */
    struct slice_levels {
        float peaks[SLICE_BLOCKS];
        float energies[SLICE_BLOCKS];
    } * levels; /* of each channel */
};

void slice_init(struct slice *slice, const struct av *av);
void slice_done(struct slice *slice);

/* Loads the samples of FRAME from the one at FROM on, as many as fit, and measures them. False if
 * there are none left. */
bool slice_load(struct slice *slice, const AVFrame *frame, size_t from);

static inline float *slice_plane(const struct slice *slice, size_t channel)
{
    return slice->store + channel * (DSP_HISTORY + SLICE_SAMPLES) + DSP_HISTORY;
}

static inline size_t slice_blocks(const struct slice *slice)
{
    return (slice->count + SLICE_BLOCK - 1) / SLICE_BLOCK;
}

/* How many samples the block has: the last is shorter. */
static inline size_t slice_block_samples(const struct slice *slice, size_t block)
{
    size_t left = slice->count - block * SLICE_BLOCK;

    return left < SLICE_BLOCK ? left : SLICE_BLOCK;
}

#endif
