#include "media/fingerprint.h"

#include <assert.h>
#include <string.h>

#define LENGTH_S 120
#define RATE_LEAST_HZ 1001

void fingerprint_init(struct fingerprint *fingerprint, const struct chromaprint *library)
{
    *fingerprint = (struct fingerprint){.library = library};
}

static void begin(struct fingerprint *fingerprint, const struct slice *slice)
{
    fingerprint->channels = slice->channels;
    fingerprint->left = LENGTH_S * (uint64_t)slice->sample_rate_hz;
    /* Chromaprint would print a complaint, which the sandbox takes for an escape. */
    fingerprint->ended = slice->sample_rate_hz < RATE_LEAST_HZ;
    if (fingerprint->ended)
        return;
    fingerprint->buffer = malloc(SLICE_SAMPLES * slice->channels * sizeof *fingerprint->buffer);
    fingerprint->context = fingerprint->library->chromaprint_new(CHROMAPRINT_ALGORITHM_DEFAULT);
    assert(fingerprint->buffer && fingerprint->context);
    fingerprint->ended = !fingerprint->library->chromaprint_start(
        fingerprint->context, slice->sample_rate_hz, (int)slice->channels);
}

void fingerprint_add(struct fingerprint *fingerprint, const struct slice *slice)
{
    size_t count = slice->count;

    if (fingerprint->ended)
        return;
    if (!fingerprint->context)
        begin(fingerprint, slice);
    else if (slice->changed)
        fingerprint->ended = true;
    if (fingerprint->ended)
        return;
    if (count > fingerprint->left)
        count = (size_t)fingerprint->left;
    for (size_t channel = 0; channel < slice->channels; channel++) {
        const float *x = slice_plane(slice, channel);

        for (size_t i = 0; i < count; i++)
            fingerprint->buffer[i * slice->channels + channel] = (int16_t)dsp_to_s16(x[i]);
    }
    fingerprint->library->chromaprint_feed(fingerprint->context, fingerprint->buffer,
                                           (int)(count * slice->channels));
    fingerprint->left -= count;
    fingerprint->ended = fingerprint->left == 0;
}

const char *fingerprint_finish(struct fingerprint *fingerprint, struct arena *mem)
{
    const struct chromaprint *library = fingerprint->library;
    const char *copy = NULL;
    char *text = NULL;

    if (!fingerprint->context || !library->chromaprint_finish(fingerprint->context) ||
        !library->chromaprint_get_fingerprint(fingerprint->context, &text) || !text)
        return NULL;
    if (text[0])
        copy = arena_strdup(mem, text);
    library->chromaprint_dealloc(text);
    return copy;
}

void fingerprint_done(struct fingerprint *fingerprint)
{
    if (fingerprint->context)
        fingerprint->library->chromaprint_free(fingerprint->context);
    free(fingerprint->buffer);
}
