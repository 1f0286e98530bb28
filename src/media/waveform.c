#include "media/waveform.h"

#include <string.h>

#include "media/bytes_out.h"

static void pixel_clear(struct zoom *zoom)
{
    zoom->filled = 0;
    for (size_t i = 0; i < WAVEFORM_CHANNELS_MAX; i++) {
        zoom->min[i] = INT32_MAX;
        zoom->max[i] = INT32_MIN;
    }
}

void waveform_init(struct waveform *waveform, const struct media_analysis *wanted,
                   waveform_out *out, void *context)
{
    uint32_t finer = 1;

    waveform->out = out;
    waveform->context = context;
    waveform->bits = wanted->waveform_bits;
    waveform->split = wanted->waveform_split;
    waveform->channels = 0;
    waveform->zooms = 0;
    for (size_t i = 0; i < MEDIA_ZOOMS_MAX && wanted->zooms[i] > 0; i++) {
        struct zoom *zoom = &waveform->zoom[waveform->zooms++];

        zoom->samples_per_pixel = wanted->zooms[i];
        zoom->full = wanted->zooms[i] / finer;
        zoom->length = 0;
        zoom->buffered = 0;
        pixel_clear(zoom);
        finer = wanted->zooms[i];
    }
}

static void flush(struct waveform *waveform, struct zoom *zoom)
{
    if (zoom->buffered > 0)
        waveform->out(waveform->context, (uint32_t)(zoom - waveform->zoom), zoom->buffer,
                      zoom->buffered);
    zoom->buffered = 0;
}

static void put(struct waveform *waveform, struct zoom *zoom, int32_t value)
{
    if (waveform->bits == 8)
        zoom->buffer[zoom->buffered] = (uint8_t)(value / 256);
    else
        put_le16(zoom->buffer + zoom->buffered, (uint16_t)value);
    zoom->buffered += waveform->bits / 8;
}

static void pixel_end(struct waveform *waveform, size_t index);

static void merge(struct waveform *waveform, size_t index, const struct zoom *finer)
{
    struct zoom *zoom = &waveform->zoom[index];

    for (uint32_t channel = 0; channel < waveform->channels; channel++) {
        if (finer->min[channel] < zoom->min[channel])
            zoom->min[channel] = finer->min[channel];
        if (finer->max[channel] > zoom->max[channel])
            zoom->max[channel] = finer->max[channel];
    }
    if (++zoom->filled == zoom->full)
        pixel_end(waveform, index);
}

/* Writes the pixel of a zoom, and tells the next. */
static void pixel_end(struct waveform *waveform, size_t index)
{
    struct zoom *zoom = &waveform->zoom[index];

    if (zoom->buffered + 4 * (size_t)waveform->channels > sizeof zoom->buffer)
        flush(waveform, zoom);
    for (uint32_t channel = 0; channel < waveform->channels; channel++) {
        put(waveform, zoom, zoom->min[channel]);
        put(waveform, zoom, zoom->max[channel]);
    }
    zoom->length++;
    if (index + 1 < waveform->zooms)
        merge(waveform, index + 1, zoom);
    pixel_clear(zoom);
}

static int32_t mixed(const struct slice *slice, size_t at)
{
    int32_t sum = 0;

    for (size_t channel = 0; channel < slice->channels; channel++)
        sum += dsp_to_s16(slice_plane(slice, channel)[at]);
    return sum / (int32_t)slice->channels;
}

static void widen(int32_t *min, int32_t *max, int32_t low, int32_t high)
{
    *min = low < *min ? low : *min;
    *max = high > *max ? high : *max;
}

static void add_mixed(const struct slice *slice, size_t at, size_t count, struct zoom *zoom)
{
    int32_t low = INT32_MAX;
    int32_t high = INT32_MIN;

    if (slice->channels == 1) {
        slice->dsp->extremes(slice_plane(slice, 0) + at, count, &low, &high);
    } else if (slice->channels == 2) {
        slice->dsp->extremes_of_two(slice_plane(slice, 0) + at, slice_plane(slice, 1) + at, count,
                                    &low, &high);
        low /= 2;
        high /= 2;
    } else {
        for (size_t i = at; i < at + count; i++)
            widen(&low, &high, mixed(slice, i), mixed(slice, i));
    }
    widen(&zoom->min[0], &zoom->max[0], low, high);
}

static void add_split(const struct waveform *waveform, const struct slice *slice, size_t at,
                      size_t count, struct zoom *zoom)
{
    for (size_t channel = 0; channel < waveform->channels; channel++)
        if (channel < slice->channels)
            slice->dsp->extremes(slice_plane(slice, channel) + at, count, &zoom->min[channel],
                                 &zoom->max[channel]);
        else
            widen(&zoom->min[channel], &zoom->max[channel], 0, 0);
}

static void begin(struct waveform *waveform, const struct slice *slice)
{
    size_t channels = waveform->split ? slice->channels : 1;

    waveform->channels =
        channels < WAVEFORM_CHANNELS_MAX ? (uint32_t)channels : WAVEFORM_CHANNELS_MAX;
    waveform->sample_rate_hz = slice->sample_rate_hz;
}

void waveform_add(struct waveform *waveform, const struct slice *slice)
{
    struct zoom *finest = &waveform->zoom[0];

    if (waveform->zooms == 0)
        return;
    if (waveform->channels == 0)
        begin(waveform, slice);
    for (size_t at = 0; at < slice->count;) {
        size_t left = slice->count - at;
        size_t count = finest->full - finest->filled;

        count = count < left ? count : left;
        if (waveform->split)
            add_split(waveform, slice, at, count, finest);
        else
            add_mixed(slice, at, count, finest);
        finest->filled += (uint32_t)count;
        at += count;
        if (finest->filled == finest->full)
            pixel_end(waveform, 0);
    }
}

void waveform_finish(struct waveform *waveform)
{
    for (size_t i = 0; i < waveform->zooms; i++) {
        if (waveform->zoom[i].filled > 0)
            pixel_end(waveform, i);
        flush(waveform, &waveform->zoom[i]);
    }
}

void waveform_head(const struct waveform *waveform, size_t zoom,
                   uint8_t head[static WAVEFORM_HEAD_BYTES])
{
    enum { VERSION = 2, EIGHT_BITS = 1 };

    put_le32(head, VERSION);
    put_le32(head + 4, waveform->bits == 8 ? EIGHT_BITS : 0);
    put_le32(head + 8, (uint32_t)waveform->sample_rate_hz);
    put_le32(head + 12, waveform->zoom[zoom].samples_per_pixel);
    put_le32(head + 16, (uint32_t)waveform->zoom[zoom].length);
    put_le32(head + 20, waveform->channels > 0 ? waveform->channels : 1);
}
