/*
 * Peaks for drawing: audiowaveform's .dat, version 2 (doc/DataFormat.md of BBC audiowaveform), as
 * that program makes it. The finest zoom is made of samples, each further one of the one before.
 */
#ifndef MEDIA_WAVEFORM_H
#define MEDIA_WAVEFORM_H

#include "media/slice.h"
#include "media/work.h"

#define WAVEFORM_HEAD_BYTES 24
#define WAVEFORM_CHANNELS_MAX 32
#define WAVEFORM_BUFFER_BYTES 16384

/* Takes the bytes of a zoom, in order. */
typedef void waveform_out(void *context, uint32_t zoom, const void *bytes, size_t length);

struct waveform {
    waveform_out *out;
    void *context;
    uint32_t bits;
    bool split;
    uint32_t channels; /* of pairs; 0: not begun */
    int sample_rate_hz;
    size_t zooms;
    struct zoom {
        uint32_t samples_per_pixel;
        uint32_t full;   /* samples, or pixels of the finer zoom, that make a pixel */
        uint32_t filled; /* of these */
        uint64_t length; /* pixels that are done */
        int32_t min[WAVEFORM_CHANNELS_MAX];
        int32_t max[WAVEFORM_CHANNELS_MAX];
        size_t buffered;
        uint8_t buffer[WAVEFORM_BUFFER_BYTES];
    } zoom[MEDIA_ZOOMS_MAX];
};

void waveform_init(struct waveform *waveform, const struct media_analysis *wanted,
                   waveform_out *out, void *context);
void waveform_add(struct waveform *waveform, const struct slice *slice);
/* The last pixels, made of what there is; then everything has gone out. */
void waveform_finish(struct waveform *waveform);
/* The head of a zoom's file, once it is finished. */
void waveform_head(const struct waveform *waveform, size_t zoom,
                   uint8_t head[static WAVEFORM_HEAD_BYTES]);

#endif
