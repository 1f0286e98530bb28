#include "media/silence.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void silence_init(struct silence *silence, double threshold_db, double least_s)
{
    *silence = (struct silence){.threshold = (float)pow(10, threshold_db / 20), .least_s = least_s};
    silence->stretches = calloc(SILENCES_MAX, sizeof *silence->stretches);
    assert(silence->stretches);
}

void silence_done(struct silence *silence)
{
    free(silence->stretches);
}

static void end_stretch(struct silence *silence, double end_s)
{
    if (!silence->is_silent)
        return;
    silence->is_silent = false;
    if (end_s - silence->since_s < silence->least_s || end_s <= silence->since_s)
        return;
    silence->seen++;
    silence->total_s += end_s - silence->since_s;
    if (silence->count < SILENCES_MAX)
        silence->stretches[silence->count++] = (struct stretch){silence->since_s, end_s};
}

static void begin_stretch(struct silence *silence, double start_s)
{
    if (silence->is_silent)
        return;
    silence->is_silent = true;
    silence->since_s = start_s;
}

static bool is_loud(const struct slice *slice, size_t i, float threshold)
{
    for (size_t channel = 0; channel < slice->channels; channel++)
        if (fabsf(slice_plane(slice, channel)[i]) >= threshold)
            return true;
    return false;
}

/* Some of it is loud: where silence ends and begins is found to the sample. What lies between two
 * loud samples of one block is far too short to count. */
static void look_closer(struct silence *silence, const struct slice *slice, size_t block)
{
    size_t first = block * SLICE_BLOCK;
    size_t end = first + slice_block_samples(slice, block);
    size_t last = end;

    while (!is_loud(slice, first, silence->threshold))
        first++;
    end_stretch(silence, silence->now_s + (double)first / slice->sample_rate_hz);
    while (!is_loud(slice, last - 1, silence->threshold))
        last--;
    if (last < end)
        begin_stretch(silence, silence->now_s + (double)last / slice->sample_rate_hz);
}

void silence_add(struct silence *silence, const struct slice *slice)
{
    for (size_t block = 0; block < slice_blocks(slice); block++) {
        float peak = 0;

        for (size_t channel = 0; channel < slice->channels; channel++)
            peak = fmaxf(peak, slice->levels[channel].peaks[block]);
        if (peak < silence->threshold)
            begin_stretch(silence,
                          silence->now_s + (double)(block * SLICE_BLOCK) / slice->sample_rate_hz);
        else
            look_closer(silence, slice, block);
    }
    silence->now_s += (double)slice->count / slice->sample_rate_hz;
}

void silence_finish(struct silence *silence)
{
    end_stretch(silence, silence->now_s);
}
