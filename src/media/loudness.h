/*
 * Loudness by ITU-R BS.1770-4 and EBU R128: K-weighted, gated; range by EBU Tech 3342; true peak
 * by oversampling. In constant memory: blocks are counted in steps of 0.01 LU.
 *
 * Not libebur128, because a work has little more time than decoding takes: for an hour of stereo
 * at 44.1 kHz, where ffmpeg needs 5.6 s to decode an mp3, version 1.2.6 takes 4.7 s, and 24.5 s
 * with true peaks. Filters over two channels at once, and true peaks sought only where a sample is
 * large enough for one, take 1.1 s (with AVX2). Tests hold it against ffmpeg's ebur128.
 */
#ifndef MEDIA_LOUDNESS_H
#define MEDIA_LOUDNESS_H

#include "media/slice.h"

#define LOUDNESS_BINS 10000  /* -70 to +30 LUFS */
#define LOUDNESS_STEPS 30    /* of a tenth of a second, in the short-term window */
#define LOUDNESS_CHANNELS 64 /* more are not weighed */

struct loudness_histogram {
    uint64_t blocks;
    uint64_t count[LOUDNESS_BINS];
    double energy[LOUDNESS_BINS];
};

struct loudness {
    struct weighting weighting;
    struct weighting_state state[LOUDNESS_CHANNELS / 2];
    double weight[LOUDNESS_CHANNELS + 1];
    size_t channels; /* that are weighed; 0: not begun */
    size_t step_samples;
    size_t step_filled;
    double energy[LOUDNESS_CHANNELS + 1]; /* of the step that is going on */
    double steps[LOUDNESS_STEPS];         /* weighted mean squares of the last steps, a ring */
    uint64_t step_count;
    double max_momentary; /* mean squares of the loudest 0.4 s, and 3 s, ungated */
    double max_short_term;

    struct true_peak_filter filter;
    float true_peak;
    float sample_peak;
    float *last_peaks; /* of each channel: its last block in the slice before */
    size_t last_count;

    struct loudness_histogram momentary;
    struct loudness_histogram short_term;
};

struct loudness_result {
    /* -HUGE_VAL where there was too little, or nothing above the gate. */
    double integrated_lufs;
    double range_lu;
    double true_peak_dbtp;
    double sample_peak_db;
    double max_momentary_lufs;
    double max_short_term_lufs;
};

/* LOUDNESS must be zero. */
void loudness_add(struct loudness *loudness, const struct slice *slice);
void loudness_finish(const struct loudness *loudness, struct loudness_result *out);
void loudness_done(struct loudness *loudness);

#endif
