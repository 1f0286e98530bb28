#include "media/slice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void slice_init(struct slice *slice, const struct av *av)
{
    *slice = (struct slice){.dsp = dsp_best(), .av = av};
}

void slice_done(struct slice *slice)
{
    free(slice->store);
    free(slice->levels);
}

static void make_room(struct slice *slice, size_t channels)
{
    if (channels <= slice->room)
        return;
    free(slice->store);
    free(slice->levels);
    slice->store = calloc(channels * (DSP_HISTORY + SLICE_SAMPLES), sizeof *slice->store);
    slice->levels = calloc(channels, sizeof *slice->levels);
    assert(slice->store && slice->levels);
    slice->room = channels;
}

/* The last samples of before go in front of what comes; of another form they are no history. */
static void keep_history(struct slice *slice)
{
    for (size_t channel = 0; channel < slice->channels; channel++) {
        float *plane = slice_plane(slice, channel);

        if (slice->changed)
            memset(plane - DSP_HISTORY, 0, DSP_HISTORY * sizeof *plane);
        else
            memmove(plane - DSP_HISTORY, plane + slice->count - DSP_HISTORY,
                    DSP_HISTORY * sizeof *plane);
    }
}

/* What no file should hold becomes silence. */
static float finite_or_nothing(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7f800000) == 0x7f800000 ? 0 : x;
}

#define CONVERT(name, type, value)                                             \
    static void name(const void *bytes, size_t step, size_t count, float *out) \
    {                                                                          \
        const type *in = bytes;                                                \
                                                                               \
        for (size_t i = 0; i < count; i++) {                                   \
            type x = in[i * step];                                             \
                                                                               \
            out[i] = (value);                                                  \
        }                                                                      \
    }

CONVERT(from_u8, uint8_t, ((float)x - 128.0F) / 128.0F)
CONVERT(from_s16, int16_t, (float)x / 32768.0F)
CONVERT(from_s32, int32_t, (float)x / 2147483648.0F)
CONVERT(from_s64, int64_t, (float)x / 9223372036854775808.0F)
CONVERT(from_float, float, finite_or_nothing(x))
CONVERT(from_double, double, finite_or_nothing((float)x))

typedef void conversion_function(const void *bytes, size_t step, size_t count, float *out);

static conversion_function *conversion_of(enum AVSampleFormat packed)
{
    switch (packed) {
    case AV_SAMPLE_FMT_U8:
        return from_u8;
    case AV_SAMPLE_FMT_S16:
        return from_s16;
    case AV_SAMPLE_FMT_S32:
        return from_s32;
    case AV_SAMPLE_FMT_S64:
        return from_s64;
    case AV_SAMPLE_FMT_FLT:
        return from_float;
    case AV_SAMPLE_FMT_DBL:
        return from_double;
    default:
        return NULL;
    }
}

/* The greatest value that the samples can have; lossy codecs overshoot it, 16 bits do not. */
static float full_scale_of(enum AVSampleFormat packed)
{
    if (packed == AV_SAMPLE_FMT_U8)
        return 127.0F / 128.0F;
    return packed == AV_SAMPLE_FMT_S32 ? 8388607.0F / 8388608.0F : 32767.0F / 32768.0F;
}

static void convert(struct slice *slice, const AVFrame *frame, size_t from)
{
    enum AVSampleFormat format = (enum AVSampleFormat)frame->format;
    enum AVSampleFormat packed = slice->av->av_get_packed_sample_fmt(format);
    bool planar = slice->av->av_sample_fmt_is_planar(format);
    size_t sample_bytes = (size_t)slice->av->av_get_bytes_per_sample(format);
    conversion_function *conversion = conversion_of(packed);

    slice->full_scale = full_scale_of(packed);
    for (size_t channel = 0; channel < slice->channels && conversion; channel++) {
        size_t step = planar ? 1 : slice->channels;
        const uint8_t *bytes = frame->extended_data[planar ? channel : 0] +
                               (from * step + (planar ? 0 : channel)) * sample_bytes;

        if (packed == AV_SAMPLE_FMT_FLT && step == 1)
            slice->dsp->finite((const float *)bytes, slice->count, slice_plane(slice, channel));
        else
            conversion(bytes, step, slice->count, slice_plane(slice, channel));
    }
}

static void measure(struct slice *slice)
{
    for (size_t channel = 0; channel < slice->channels; channel++)
        for (size_t block = 0; block < slice_blocks(slice); block++)
            slice->dsp->levels(slice_plane(slice, channel) + block * SLICE_BLOCK,
                               slice_block_samples(slice, block),
                               &slice->levels[channel].peaks[block],
                               &slice->levels[channel].energies[block]);
}

bool slice_load(struct slice *slice, const AVFrame *frame, size_t from)
{
    size_t channels = (size_t)frame->ch_layout.nb_channels;
    size_t left = (size_t)frame->nb_samples - from;

    if (left == 0)
        return false;
    slice->at += slice->count;
    slice->changed = slice->channels != channels || slice->sample_rate_hz != frame->sample_rate;
    make_room(slice, channels);
    slice->channels = channels;
    slice->sample_rate_hz = frame->sample_rate;
    slice->layout = frame->ch_layout;
    keep_history(slice);
    slice->count = left < SLICE_SAMPLES ? left : SLICE_SAMPLES;
    convert(slice, frame, from);
    measure(slice);
    return true;
}
