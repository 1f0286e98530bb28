/* A waveform as audiowaveform's JSON, made from its .dat (waveform.h) as it is read: many times
 * larger, so it is not stored. */
#ifndef MEDIA_WAVEFORM_JSON_H
#define MEDIA_WAVEFORM_JSON_H

#include "base/stream.h"

struct waveform_json {
    struct source base;
    struct source *dat;
    uint32_t bits; /* 0: the head has not been read */
    bool ended;
    uint8_t rest; /* the first half of a value whose second has not come yet */
    bool has_rest;
    bool has_values;
    size_t taken; /* of TEXT */
    size_t length;
    char text[8192];
};

/*
 * A source over the JSON of the .dat that DAT reads, which stays the caller's:
 *   {"version":2,"channels":…,"sample_rate":…,"samples_per_pixel":…,"bits":…,"length":…,
 *    "data":[min,max,…]}
 *
 * Reading fails with ERR_INTERNAL if DAT is no such file, and with whatever error it has itself.
 */
void waveform_json_init(struct waveform_json *self, struct source *dat);

#endif
