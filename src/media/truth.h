/* What validation finds in the samples: levels, clipping, dead channels, changes of form. */
#ifndef MEDIA_TRUTH_H
#define MEDIA_TRUTH_H

#include "media/slice.h"

#define CHANGES_MAX 50

struct channel_truth {
    float peak;
    double energy; /* sum of squares */
    uint64_t clipped;
    uint64_t clipped_runs;
    uint64_t run; /* that is going on */
    uint64_t longest_run;
};

struct truth {
    size_t channels;          /* of the widest form */
    struct channel_truth *of; /* each channel */
    uint64_t samples;
    int first_rate_hz;
    size_t first_channels;
    double seconds; /* each form at its own rate */

    size_t changes;
    struct change {
        double at_s;
        int sample_rate_hz;
        size_t channels;
    } change[CHANGES_MAX];
};

void truth_add(struct truth *truth, const struct slice *slice);
void truth_done(struct truth *truth);

#endif
