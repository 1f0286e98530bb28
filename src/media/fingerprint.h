/* Chromaprint's fingerprint of the first two minutes, as fpcalc makes it. */
#ifndef MEDIA_FINGERPRINT_H
#define MEDIA_FINGERPRINT_H

#include "base/arena.h"
#include "media/chromaprint_api.h"
#include "media/slice.h"

struct fingerprint {
    const struct chromaprint *library;
    ChromaprintContext *context; /* NULL: not begun */
    size_t channels;
    uint64_t left;   /* samples that still count */
    int16_t *buffer; /* a slice, its channels interleaved */
    bool ended;
};

void fingerprint_init(struct fingerprint *fingerprint, const struct chromaprint *library);
void fingerprint_add(struct fingerprint *fingerprint, const struct slice *slice);
/* The fingerprint as text, NULL if there was too little. */
const char *fingerprint_finish(struct fingerprint *fingerprint, struct arena *mem);
void fingerprint_done(struct fingerprint *fingerprint);

#endif
