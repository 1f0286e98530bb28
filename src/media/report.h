/* What a work found, as the JSON that work.h describes. */
#ifndef MEDIA_REPORT_H
#define MEDIA_REPORT_H

#include "media/decode.h"
#include "media/loudness.h"
#include "media/silence.h"
#include "media/truth.h"
#include "media/waveform.h"
#include "media/work.h"

/* The file as it came out of the decoder. */
struct report {
    const struct probe *probe;
    const struct decode *decode;
    const struct truth *truth;
    uint64_t samples;
    double seconds;
};

/* Whole, truncated, damaged or corrupt? */
enum media_verdict report_verdict(const struct report *report);

const char *report_text(const struct report *report, struct arena *mem);

struct analysis {
    const struct loudness *loudness;
    const struct silence *silence;
    const struct waveform *waveform;
    const char *fingerprint; /* may be NULL */
    double seconds;
};

const char *analysis_text(const struct analysis *analysis, struct arena *mem);

#endif
