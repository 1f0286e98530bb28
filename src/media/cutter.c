#include "media/cutter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/pause.h"

#define WINDOW_DEFAULT_MS 15000
#define HELD_MAX_BYTES (UINT64_C(64) << 20)
#define FLAC_CHANNELS_MAX 8

static bool give_up(struct cutter *cutter, const char *why)
{
    cutter->trouble = why;
    return false;
}

void cutter_init(struct cutter *cutter, const struct av *av, const struct media_cut *wanted,
                 bool lossless, const struct cutter_out *out)
{
    *cutter = (struct cutter){.av = av, .wanted = wanted, .lossless = lossless, .out = *out};
    bank_init(&cutter->resampler, av);
    mix_init(&cutter->mix, av);
}

void cutter_done(struct cutter *cutter)
{
    if (cutter->is_open) {
        uint8_t head[WORK_HEAD_MAX_BYTES];

        chunk_file_close(&cutter->file, head);
    }
    bank_done(&cutter->resampler);
    cutter->av->av_channel_layout_uninit(&cutter->in_layout);
    cutter->av->av_channel_layout_uninit(&cutter->form.layout);
    mix_done(&cutter->mix);
    free(cutter->held);
}

static size_t sample_bytes(const struct cutter *cutter)
{
    return chunk_form_sample_bytes(&cutter->form) * cutter->form.channels;
}

/* More than 16 bits only where the file's samples are kept as they are, and have more. */
static uint32_t bits_of(const struct cutter *cutter, const AVFrame *frame)
{
    enum AVSampleFormat packed =
        cutter->av->av_get_packed_sample_fmt((enum AVSampleFormat)frame->format);

    if (cutter->wanted->bits > 0)
        return cutter->wanted->bits;
    if (packed == AV_SAMPLE_FMT_S32 || packed == AV_SAMPLE_FMT_S64)
        return 24;
    return cutter->lossless && (packed == AV_SAMPLE_FMT_FLT || packed == AV_SAMPLE_FMT_DBL) ? 24
                                                                                            : 16;
}

static bool layout_make(struct cutter *cutter, const AVFrame *frame)
{
    int channels = (int)cutter->wanted->channels;

    if (channels > 0 && channels != frame->ch_layout.nb_channels) {
        cutter->av->av_channel_layout_default(&cutter->form.layout, channels);
        return true;
    }
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
        cutter->av->av_channel_layout_default(&cutter->form.layout, frame->ch_layout.nb_channels);
        return true;
    }
    return cutter->av->av_channel_layout_copy(&cutter->form.layout, &frame->ch_layout) >= 0;
}

static uint64_t samples_of(const struct cutter *cutter, uint64_t ms)
{
    uint64_t rate = cutter->form.sample_rate_hz;

    return ms / 1000 * rate + ms % 1000 * rate / 1000;
}

/* How far boundaries may move: what must be held for that is bounded. */
static uint64_t window_of(const struct cutter *cutter, uint64_t step)
{
    uint64_t ms = cutter->wanted->window_ms ? cutter->wanted->window_ms : WINDOW_DEFAULT_MS;
    uint64_t window = samples_of(cutter, ms);
    uint64_t most = HELD_MAX_BYTES / sample_bytes(cutter) / 2;

    if (cutter->wanted->boundaries == MEDIA_FIXED)
        return 0;
    if (window > step / 4)
        window = step / 4;
    return window < most ? window : most;
}

static bool lengths_make(struct cutter *cutter)
{
    uint64_t most = samples_of(cutter, cutter->wanted->max_ms);
    uint64_t bytes = cutter->wanted->max_bytes ? cutter->wanted->max_bytes : UINT64_MAX;
    uint64_t fit = chunk_form_fit(&cutter->form, bytes);

    cutter->overlap = samples_of(cutter, cutter->wanted->overlap_ms);
    if (fit < most)
        most = fit;
    if (most <= cutter->overlap)
        return give_up(cutter, "no chunk of the largest size holds more than the overlap");
    if (cutter->overlap * sample_bytes(cutter) > HELD_MAX_BYTES)
        return give_up(cutter, "the overlap is too long for this rate and number of channels");
    cutter->step = most - cutter->overlap;
    cutter->window = window_of(cutter, cutter->step);
    return true;
}

static bool form_make(struct cutter *cutter, const AVFrame *frame)
{
    const struct media_cut *wanted = cutter->wanted;

    cutter->form.av = cutter->av;
    cutter->form.format = wanted->format;
    cutter->form.sample_rate_hz =
        wanted->sample_rate_hz ? wanted->sample_rate_hz : (uint32_t)frame->sample_rate;
    cutter->form.bits = bits_of(cutter, frame);
    if (!layout_make(cutter, frame))
        return give_up(cutter, "its channels cannot be arranged");
    cutter->form.channels = (uint32_t)cutter->form.layout.nb_channels;
    if (wanted->format == MEDIA_CUT_FLAC && cutter->form.channels > FLAC_CHANNELS_MAX)
        return give_up(cutter, "FLAC has at most 8 channels");
    return lengths_make(cutter);
}

static enum AVSampleFormat out_format(const struct cutter *cutter)
{
    return cutter->form.bits == 16 ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_S32;
}

static bool drain(struct cutter *cutter);

static bool resampler_open(struct cutter *cutter, const AVChannelLayout *layout,
                           enum AVSampleFormat format)
{
    cutter->is_ready =
        bank_open(&cutter->resampler, &(struct bank_form){layout, format, cutter->in_rate_hz},
                  &(struct bank_form){&cutter->form.layout, out_format(cutter),
                                      (int)cutter->form.sample_rate_hz});
    return cutter->is_ready;
}

/* The file's own channels, when they are more than swresample takes: as a slice has them. */
static bool resampler_open_split(struct cutter *cutter)
{
    cutter->splits = cutter->in_layout.nb_channels > BANK_CHANNELS &&
                     resampler_open(cutter, &cutter->in_layout, AV_SAMPLE_FMT_FLTP);
    return cutter->splits;
}

/* Channels that stand nowhere, or more than swresample takes, have no way to others but by their
 * mean. */
static bool resampler_open_mean(struct cutter *cutter)
{
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;

    cutter->mixes = cutter->in_layout.nb_channels != cutter->form.layout.nb_channels &&
                    resampler_open(cutter, &mono, AV_SAMPLE_FMT_FLT);
    return cutter->mixes;
}

/* A file may change its form on the way: the stream of chunks does not. */
static bool resampler_make(struct cutter *cutter, const AVFrame *frame)
{
    const struct av *av = cutter->av;
    AVChannelLayout layout = {0};

    if (cutter->is_ready && !drain(cutter))
        return false;
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av->av_channel_layout_default(&layout, frame->ch_layout.nb_channels);
    else if (av->av_channel_layout_copy(&layout, &frame->ch_layout) < 0)
        return give_up(cutter, "its channels cannot be arranged");
    av->av_channel_layout_uninit(&cutter->in_layout);
    cutter->in_layout = layout;
    cutter->in_rate_hz = frame->sample_rate;
    cutter->in_format = frame->format;
    cutter->mixes = cutter->splits = false;
    return resampler_open_split(cutter) ||
           resampler_open(cutter, &cutter->in_layout, (enum AVSampleFormat)frame->format) ||
           resampler_open_mean(cutter) ||
           give_up(cutter, "its samples cannot be converted to the wanted form");
}

static bool has_changed(const struct cutter *cutter, const AVFrame *frame)
{
    return !cutter->is_ready || frame->sample_rate != cutter->in_rate_hz ||
           frame->format != cutter->in_format ||
           frame->ch_layout.nb_channels != cutter->in_layout.nb_channels;
}

/* The earliest and the latest place where the chunk at hand may end. The first repeats nothing: all
 * of its length is its own. */
static uint64_t latest_end(const struct cutter *cutter)
{
    return cutter->boundary + cutter->step + (cutter->boundary == 0 ? cutter->overlap : 0);
}

static uint64_t earliest_end(const struct cutter *cutter)
{
    return latest_end(cutter) - 2 * cutter->window;
}

/* What is in a chunk and will be in no other goes; the rest moves to the front. A chunk that is to
 * begin yet will repeat what lies before its boundary. */
static void let_go(struct cutter *cutter)
{
    uint64_t next = cutter->is_open ? earliest_end(cutter) : cutter->boundary;
    uint64_t keep = next > cutter->overlap ? next - cutter->overlap : 0;
    size_t bytes = sample_bytes(cutter);

    if (keep > cutter->written)
        keep = cutter->written;
    if (keep <= cutter->held_at)
        return;
    memmove(cutter->held, cutter->held + (keep - cutter->held_at) * bytes,
            (size_t)(cutter->have - keep) * bytes);
    cutter->held_at = keep;
}

static uint8_t *held_make_room(struct cutter *cutter, size_t count)
{
    size_t held = (size_t)(cutter->have - cutter->held_at);

    if (held + count > cutter->held_room) {
        size_t room = (held + count) * 2;
        uint8_t *moved = realloc(cutter->held, room * sample_bytes(cutter));

        assert(moved);
        cutter->held = moved;
        cutter->held_room = room;
    }
    return cutter->held + held * sample_bytes(cutter);
}

/* Resamples COUNT samples to the end of what is held; MADE is how many came out. */
static bool resample(struct cutter *cutter, const uint8_t *const *planes, int count, int *made)
{
    enum { ROOM_LEAST = 4096 };
    int room = bank_room(&cutter->resampler, count);
    uint8_t *to;

    if (room < ROOM_LEAST)
        room = ROOM_LEAST;
    let_go(cutter);
    to = held_make_room(cutter, (size_t)room);
    *made = bank_convert(&cutter->resampler, to, room, planes, count);
    if (*made < 0)
        return give_up(cutter, "its samples could not be resampled");
    cutter->have += (uint64_t)*made;
    return true;
}

/* What is left in the resampler, for which the future counts as silence. */
static bool drain(struct cutter *cutter)
{
    int made;

    do
        if (!resample(cutter, NULL, 0, &made))
            return false;
    while (made > 0);
    return true;
}

static bool write_up_to(struct cutter *cutter, uint64_t from, uint64_t end)
{
    return chunk_file_write(&cutter->file,
                            cutter->held + (from - cutter->held_at) * sample_bytes(cutter),
                            (size_t)(end - from)) ||
           give_up(cutter, "a chunk could not be encoded");
}

static bool chunk_begin(struct cutter *cutter)
{
    uint64_t start = cutter->boundary > cutter->overlap ? cutter->boundary - cutter->overlap : 0;

    if (cutter->count == MEDIA_CHUNKS_MAX)
        return give_up(cutter, "it would be more than 100,000 chunks");
    if (cutter->count == 0)
        start = 0;
    cutter->chunk = (struct media_chunk){.index = cutter->count++,
                                         .start_samples = start,
                                         .overlap_samples = cutter->boundary - start};
    cutter->out.open(cutter->out.context, cutter->chunk.index);
    if (!chunk_file_open(&cutter->file, &cutter->form, cutter->out.data, cutter->out.context))
        return give_up(cutter, "a chunk could not be encoded");
    cutter->is_open = true;
    return write_up_to(cutter, start, cutter->boundary);
}

static bool chunk_end(struct cutter *cutter)
{
    uint8_t head[WORK_HEAD_MAX_BYTES];
    size_t length = chunk_file_close(&cutter->file, head);

    cutter->is_open = false;
    if (length == 0)
        return give_up(cutter, "a chunk could not be encoded");
    cutter->chunk.end_samples = cutter->written;
    cutter->out.close(cutter->out.context, &cutter->chunk, head, length);
    cutter->boundary = cutter->written;
    return true;
}

/* Puts what is held up to END into the chunk at hand. */
static bool write_chunk(struct cutter *cutter, uint64_t end)
{
    if (end <= cutter->written)
        return true;
    if (!cutter->is_open && !chunk_begin(cutter))
        return false;
    if (!write_up_to(cutter, cutter->written, end))
        return false;
    cutter->written = end;
    return true;
}

static double energy_of(const struct cutter *cutter, uint64_t at, size_t count)
{
    const uint8_t *bytes = cutter->held + (at - cutter->held_at) * sample_bytes(cutter);
    double sum = 0;

    for (size_t i = 0; i < count * cutter->form.channels; i++) {
        double x = cutter->form.bits == 16 ? ((const int16_t *)bytes)[i] / 32768.0
                                           : ((const int32_t *)bytes)[i] / 2147483648.0;

        sum += x * x;
    }
    return sum / (double)(count * cutter->form.channels);
}

/* The quietest place between the earliest and the latest end, all of which is held. */
static uint64_t quiet_end(const struct cutter *cutter)
{
    uint64_t from = earliest_end(cutter);
    size_t hop = cutter->form.sample_rate_hz >= 100 ? cutter->form.sample_rate_hz / 100 : 1;
    size_t count = (size_t)(2 * cutter->window) / hop;
    double *energies = malloc((count + 1) * sizeof *energies);
    uint64_t found;

    assert(energies);
    for (size_t i = 0; i < count; i++)
        energies[i] = energy_of(cutter, from + i * hop, hop);
    found = from + pause_find(energies, count) * hop;
    free(energies);
    return found > cutter->boundary ? found : latest_end(cutter);
}

/* Cuts what is held as far as it is certain. */
static bool cut(struct cutter *cutter)
{
    while (cutter->have >= latest_end(cutter)) {
        uint64_t end = cutter->window > 0 ? quiet_end(cutter) : latest_end(cutter);

        if (!write_chunk(cutter, end) || !chunk_end(cutter))
            return false;
    }
    return write_chunk(cutter,
                       cutter->have < earliest_end(cutter) ? cutter->have : earliest_end(cutter));
}

static bool add_samples(struct cutter *cutter, const uint8_t *const *planes, int count)
{
    int made;

    return resample(cutter, planes, count, &made) && cut(cutter);
}

static bool add_mean(struct cutter *cutter, const AVFrame *frame)
{
    const uint8_t *plane = (const uint8_t *)cutter->mix.mean;

    for (size_t from = 0; mix_load(&cutter->mix, frame, from); from += cutter->mix.slice.count)
        if (!add_samples(cutter, &plane, (int)cutter->mix.slice.count))
            return false;
    return true;
}

static bool add_split(struct cutter *cutter, const AVFrame *frame)
{
    struct slice *slice = &cutter->mix.slice;

    for (size_t from = 0; slice_load(slice, frame, from); from += slice->count) {
        const uint8_t *planes[CHANNELS_MAX];

        for (size_t channel = 0; channel < slice->channels; channel++)
            planes[channel] = (const uint8_t *)slice_plane(slice, channel);
        if (!add_samples(cutter, planes, (int)slice->count))
            return false;
    }
    return true;
}

bool cutter_add(struct cutter *cutter, const AVFrame *frame)
{
    if (cutter->trouble)
        return false;
    if (cutter->form.channels == 0 && !form_make(cutter, frame))
        return false;
    if (has_changed(cutter, frame) && !resampler_make(cutter, frame))
        return false;
    if (cutter->splits)
        return add_split(cutter, frame);
    return cutter->mixes ? add_mean(cutter, frame)
                         : add_samples(cutter, (const uint8_t *const *)frame->extended_data,
                                       frame->nb_samples);
}

bool cutter_finish(struct cutter *cutter)
{
    if (cutter->trouble)
        return false;
    if (!cutter->is_ready)
        return true;
    return drain(cutter) && cut(cutter) && write_chunk(cutter, cutter->have) &&
           (!cutter->is_open || chunk_end(cutter));
}
