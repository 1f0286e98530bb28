/* Channels of which nothing is known, as one: their mean. */
#ifndef MEDIA_MIX_H
#define MEDIA_MIX_H

#include "media/slice.h"

struct mix {
    struct slice slice;
    float mean[SLICE_SAMPLES]; /* slice.count of them */
};

void mix_init(struct mix *mix, const struct av *av);
void mix_done(struct mix *mix);

/* The samples of FRAME from the one at FROM on, as many as fit. False if there are none left. */
bool mix_load(struct mix *mix, const AVFrame *frame, size_t from);

#endif
