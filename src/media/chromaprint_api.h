/* The functions of libchromaprint that works use, loaded as those of libav are (av.h). */
#ifndef MEDIA_CHROMAPRINT_API_H
#define MEDIA_CHROMAPRINT_API_H

#include <chromaprint.h>

#include "base/error.h"

#define CHROMAPRINT_FUNCTIONS(X)   \
    X(chromaprint_dealloc)         \
    X(chromaprint_feed)            \
    X(chromaprint_finish)          \
    X(chromaprint_free)            \
    X(chromaprint_get_fingerprint) \
    X(chromaprint_new)             \
    X(chromaprint_start)

struct chromaprint {
#define X(name) __typeof__(name) *name;
    CHROMAPRINT_FUNCTIONS(X)
#undef X
};

/* Loads the library, for the life of the process. Fails with ERR_UNAVAILABLE if it is missing. */
bool chromaprint_load(struct chromaprint *out, struct error *err);

#endif
