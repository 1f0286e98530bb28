/* Where the samples of a WAV, RF64, BW64, Wave64 or CAF file lie, read without libav. */
#ifndef MEDIA_WAVE_H
#define MEDIA_WAVE_H

#include "media/input.h"

struct wave_data {
    uint64_t at;       /* of the first sample */
    uint64_t declared; /* bytes; 0 or UINT64_MAX: not said */
    uint64_t frames;   /* what the packets of a CAF file hold in all; 0: not said */
};

/* Finds the data chunk between START and END. False if there is none. */
bool wave_find_data(struct input *in, uint64_t start, uint64_t end, struct wave_data *out);

#endif
