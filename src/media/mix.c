#include "media/mix.h"

#include <string.h>

void mix_init(struct mix *mix, const struct av *av)
{
    slice_init(&mix->slice, av);
}

void mix_done(struct mix *mix)
{
    slice_done(&mix->slice);
}

bool mix_load(struct mix *mix, const AVFrame *frame, size_t from)
{
    const struct slice *slice = &mix->slice;

    if (!slice_load(&mix->slice, frame, from))
        return false;
    memset(mix->mean, 0, sizeof mix->mean);
    for (size_t channel = 0; channel < slice->channels; channel++) {
        const float *x = slice_plane(slice, channel);

        for (size_t i = 0; i < slice->count; i++)
            mix->mean[i] += x[i] / (float)slice->channels;
    }
    return true;
}
