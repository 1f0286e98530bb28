/* Stretches in which every channel stays below a threshold. */
#ifndef MEDIA_SILENCE_H
#define MEDIA_SILENCE_H

#include "media/slice.h"

#define SILENCES_MAX 10000

struct silence {
    float threshold;
    double least_s;

    double now_s;   /* what was looked at */
    double since_s; /* where the silence that is going on began */
    bool is_silent;
    double total_s;
    uint64_t seen; /* may be more than COUNT */
    size_t count;
    struct stretch {
        double start_s;
        double end_s;
    } * stretches;
};

void silence_init(struct silence *silence, double threshold_db, double least_s);
void silence_add(struct silence *silence, const struct slice *slice);
/* The end of the file ends the last stretch. */
void silence_finish(struct silence *silence);
void silence_done(struct silence *silence);

#endif
