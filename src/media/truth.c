#include "media/truth.h"

#include <assert.h>
#include <string.h>

static void make_room(struct truth *truth, size_t channels)
{
    if (channels <= truth->channels)
        return;
    truth->of = realloc(truth->of, channels * sizeof *truth->of);
    assert(truth->of);
    memset(truth->of + truth->channels, 0, (channels - truth->channels) * sizeof *truth->of);
    truth->channels = channels;
}

static void run_end(struct channel_truth *channel)
{
    if (channel->run > channel->longest_run)
        channel->longest_run = channel->run;
    channel->run = 0;
}

static void count_clipped(struct channel_truth *channel, const float *x, size_t count, float limit)
{
    for (size_t i = 0; i < count; i++) {
        if (x[i] < limit && x[i] > -limit) {
            run_end(channel);
            continue;
        }
        channel->clipped++;
        channel->clipped_runs += channel->run == 0;
        channel->run++;
    }
}

static void add_channel(struct channel_truth *channel, const struct slice *slice, size_t index)
{
    const struct slice_levels *levels = &slice->levels[index];
    const float *x = slice_plane(slice, index);

    for (size_t block = 0; block < slice_blocks(slice); block++) {
        channel->energy += (double)levels->energies[block];
        if (levels->peaks[block] > channel->peak)
            channel->peak = levels->peaks[block];
        if (levels->peaks[block] >= slice->full_scale)
            count_clipped(channel, x + block * SLICE_BLOCK, slice_block_samples(slice, block),
                          slice->full_scale);
        else
            run_end(channel);
    }
}

static void note_change(struct truth *truth, const struct slice *slice)
{
    if (truth->first_rate_hz == 0) {
        truth->first_rate_hz = slice->sample_rate_hz;
        truth->first_channels = slice->channels;
        return;
    }
    if (truth->changes < CHANGES_MAX)
        truth->change[truth->changes++] =
            (struct change){truth->seconds, slice->sample_rate_hz, slice->channels};
}

void truth_add(struct truth *truth, const struct slice *slice)
{
    make_room(truth, slice->channels);
    if (slice->changed)
        note_change(truth, slice);
    for (size_t channel = 0; channel < slice->channels; channel++)
        add_channel(&truth->of[channel], slice, channel);
    truth->samples += slice->count;
    truth->seconds += (double)slice->count / slice->sample_rate_hz;
}

void truth_done(struct truth *truth)
{
    free(truth->of);
}
