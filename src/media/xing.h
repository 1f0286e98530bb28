/* The first frame of many MP3 files holds no audio but a summary: Xing, Info or VBRI. */
#ifndef MEDIA_XING_H
#define MEDIA_XING_H

#include "media/frames.h"

struct xing {
    bool found;
    uint64_t frames; /* of audio, this one not counted; 0: not said */
    uint64_t bytes;  /* this one counted; 0: not said */
    /* Samples that the encoder put before and behind what was to be heard; LAME's extension. */
    bool has_padding;
    uint32_t delay;
    uint32_t padding;
};

void xing_read(struct input *in, uint64_t at, const struct frame_header *frame, struct xing *out);

#endif
