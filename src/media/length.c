#include "media/length.h"

#include <string.h>

#include "media/boxes.h"
#include "media/wave.h"

#define US INT64_C(1000000)
#define PACKET_OF_ASF_US 200000 /* or less */

static int64_t to_us(const struct demux *demux, int64_t time, AVRational base)
{
    return demux->av->av_rescale_q(time, base, (AVRational){1, 1000000});
}

int64_t samples_to_us(uint64_t samples, int32_t rate_hz)
{
    uint64_t rate = (uint64_t)rate_hz;

    if (samples / rate >= INT64_MAX / (uint64_t)US)
        return INT64_MAX;
    return (int64_t)(samples / rate * (uint64_t)US + samples % rate * (uint64_t)US / rate);
}

static uint64_t us_to_samples(int64_t us, int32_t rate_hz)
{
    uint64_t time = (uint64_t)us;
    uint64_t rate = (uint64_t)rate_hz;

    return time / (uint64_t)US * rate +
           (time % (uint64_t)US * rate + (uint64_t)US / 2) / (uint64_t)US;
}

/* The stream's own word, else the container's; 0 if neither says anything. */
static int64_t declared_us(const struct demux *demux)
{
    if (demux->guessed)
        return 0;
    if (demux->audio->duration > 0)
        return to_us(demux, demux->audio->duration, demux->audio->time_base);
    return demux->context->duration > 0 ? demux->context->duration : 0;
}

void length_settle(struct probe *probe, int64_t duration_us, enum media_duration_source source)
{
    probe->duration_us = duration_us;
    probe->facts.duration_source = source;
}

/* The file holds less, or other, than its header says. */
void length_contradict(struct probe *probe, int64_t declared_us, int64_t found_us)
{
    if (declared_us <= 0)
        return;
    probe->declared_us = declared_us;
    if (found_us < declared_us)
        probe->truncated = true;
    else
        probe->header_wrong = true;
}

/* The last packet may hold more than is to be heard: PACKET is its length. */
static bool differ(int64_t declared, int64_t found, int64_t packet)
{
    int64_t slack = packet + (declared / 200 > 60000 ? declared / 200 : 60000);

    return declared - found > slack || found - declared > slack;
}

struct packet_walk {
    int64_t first; /* in the stream's time base; AV_NOPTS_VALUE: no time stamps */
    int64_t end;
    int64_t length_sum;
    int64_t last;     /* the length of the last packet */
    int64_t last_cut; /* the length of the last packet, where that is not whole */
    uint64_t packets;
    uint64_t bytes;
};

static int64_t packet_length(const struct demux *demux)
{
    const AVCodecParameters *codec = demux->audio->codecpar;
    int samples;

    if (demux->packet->duration > 0)
        return demux->packet->duration;
    samples = demux->av->av_get_audio_frame_duration2(demux->audio->codecpar, demux->packet->size);
    if (samples <= 0 || codec->sample_rate <= 0)
        return 0;
    return demux->av->av_rescale_q(samples, (AVRational){1, codec->sample_rate},
                                   demux->audio->time_base);
}

static void walk(struct demux *demux, struct packet_walk *out)
{
    int64_t previous = AV_NOPTS_VALUE;

    *out = (struct packet_walk){.first = AV_NOPTS_VALUE, .end = 0};
    while (demux_next(demux)) {
        int64_t length = packet_length(demux);
        int64_t at = demux->packet->pts;

        /* Where no packet says how long it is, the last is taken to be like the one before. */
        if (length == 0 && at != AV_NOPTS_VALUE && previous != AV_NOPTS_VALUE && at > previous)
            length = at - previous;
        previous = at;
        out->packets++;
        out->bytes += (uint64_t)demux->packet->size;
        out->length_sum += length;
        out->last = length;
        out->last_cut = (demux->packet->flags & AV_PKT_FLAG_CORRUPT) ? length : 0;
        if (at == AV_NOPTS_VALUE)
            continue;
        if (out->first == AV_NOPTS_VALUE || at < out->first)
            out->first = at;
        if (at + length > out->end)
            out->end = at + length;
    }
}

static int64_t walked_us(const struct demux *demux, const struct packet_walk *walked)
{
    int64_t first = walked->first > 0 ? walked->first : 0;

    if (walked->first == AV_NOPTS_VALUE || walked->end <= first)
        return to_us(demux, walked->length_sum - walked->last_cut, demux->audio->time_base);
    return to_us(demux, walked->end - first - walked->last_cut, demux->audio->time_base);
}

static void set_bitrate(struct probe *probe, uint64_t bytes)
{
    if (probe->facts.bitrate_kbps == 0 && probe->duration_us > 0)
        probe->facts.bitrate_kbps = (int32_t)((bytes * 8000 + (uint64_t)probe->duration_us / 2) /
                                              (uint64_t)probe->duration_us);
}

/* A header and nothing behind it: a recording that was never begun, or one cut right there. */
static bool length_of_nothing(struct probe *probe, int64_t declared)
{
    probe->empty = true;
    length_contradict(probe, declared, 0);
    length_settle(probe, 0, MEDIA_SCANNED);
    return true;
}

static bool length_of_packets(struct demux *demux, struct probe *probe)
{
    int64_t declared = declared_us(demux);
    struct packet_walk walked;
    int64_t found;

    walk(demux, &walked);
    found = walked_us(demux, &walked);
    if (walked.packets == 0)
        return length_of_nothing(probe, declared);
    if (probe->in->late && declared > 0) {
        length_settle(probe, declared, MEDIA_DECLARED);
        return true;
    }
    if (found <= 0 || (declared > 0 && !differ(declared, found,
                                               to_us(demux, walked.last, demux->audio->time_base))))
        found = declared;
    else
        length_contradict(probe, declared, found);
    probe->ends_on_time = declared > 0 && found == declared;
    if (demux->finds_again && declared > 0) /* WavPack counts samples */
        probe->positions_us = declared;
    length_settle(probe, found, MEDIA_SCANNED);
    set_bitrate(probe, walked.bytes);
    return true;
}

static bool has_chunks(const struct probe *probe)
{
    return strcmp(probe->format->demuxer, "wav") == 0 ||
           strcmp(probe->format->demuxer, "w64") == 0 || strcmp(probe->format->demuxer, "caf") == 0;
}

/* Where the samples begin, and how many bytes of them the header promises (0: it does not say). */
static bool find_samples(struct demux *demux, struct probe *probe, uint64_t frame_bits,
                         struct wave_data *out)
{
    int64_t declared = declared_us(demux);

    if (has_chunks(probe))
        return wave_find_data(probe->in, probe->start, probe->end, out);
    if (!demux_next(demux) || demux->packet->pos < 0)
        return false;
    out->at = probe->start + (uint64_t)demux->packet->pos;
    out->declared = declared <= 0 ? 0
                                  : us_to_samples(declared, demux->audio->codecpar->sample_rate) *
                                        frame_bits / 8;
    return true;
}

/* Sizes of 32 bits have run over in files beyond 4 GiB, and were never filled in by recorders that
 * write to a pipe or were cut off: then all that is there counts. */
static bool size_is_void(const struct probe *probe, const struct wave_data *data)
{
    bool narrow = strcmp(probe->format->container, "wav") == 0;

    return data->declared == 0 || data->declared == UINT64_MAX ||
           (narrow && (data->declared >= UINT32_MAX - 256 || probe->end > UINT32_MAX)) ||
           data->declared >= (UINT64_C(1) << 62);
}

/* Packets in a container for samples. CAF alone says how much of them is to be heard. */
static bool length_of_coded(struct demux *demux, struct probe *probe)
{
    struct wave_data data = {0};

    if (strcmp(probe->format->demuxer, "caf") == 0 &&
        wave_find_data(probe->in, probe->start, probe->end, &data) && data.frames > 0)
        demux->audio->duration = demux->av->av_rescale_q(
            (int64_t)data.frames, (AVRational){1, demux->audio->codecpar->sample_rate},
            demux->audio->time_base);
    return length_of_packets(demux, probe);
}

static bool length_of_pcm(struct demux *demux, struct probe *probe)
{
    const AVCodecParameters *codec = demux->audio->codecpar;
    int bits = demux->av->av_get_exact_bits_per_sample(codec->codec_id);
    uint64_t frame_bits = (uint64_t)bits * (uint64_t)codec->ch_layout.nb_channels;
    struct wave_data data = {.at = probe->end};
    uint64_t held;

    if (bits <= 0)
        return length_of_coded(demux, probe);
    if (!find_samples(demux, probe, frame_bits, &data) || data.at >= probe->end)
        return length_of_nothing(probe, data.declared > 0 ? declared_us(demux) : 0);
    probe->facts.bitrate_kbps = (int32_t)((frame_bits * (uint64_t)codec->sample_rate + 500) / 1000);
    held = probe->end - data.at;
    probe->audio_at = data.at;
    probe->audio_bytes = held;
    if (!size_is_void(probe, &data) && data.declared <= held) {
        probe->audio_bytes = data.declared;
        length_settle(probe, samples_to_us(data.declared * 8 / frame_bits, codec->sample_rate),
                      MEDIA_DECLARED);
        return true;
    }
    length_settle(probe, samples_to_us(held * 8 / frame_bits, codec->sample_rate), MEDIA_SCANNED);
    if (!size_is_void(probe, &data))
        length_contradict(probe, samples_to_us(data.declared * 8 / frame_bits, codec->sample_rate),
                          probe->duration_us);
    return true;
}

struct index_sum {
    uint64_t bytes; /* of samples that the file holds */
    int64_t until;  /* where the last of these ends, from the first, in the stream's time base */
    bool whole;     /* the last sample of all is held */
};

static void index_sum(struct demux *demux, int64_t held_bytes, struct index_sum *out)
{
    int count = demux->av->avformat_index_get_entries_count(demux->audio);
    int64_t first_at = 0;
    bool previous_held = false;

    *out = (struct index_sum){0};
    for (int i = 0; i < count; i++) {
        const AVIndexEntry *entry = demux->av->avformat_index_get_entry(demux->audio, i);

        if (i == 0)
            first_at = entry->timestamp;
        if (previous_held)
            out->until = entry->timestamp - first_at;
        previous_held = entry->pos <= held_bytes - entry->size;
        if (previous_held)
            out->bytes += (uint64_t)entry->size;
    }
    out->whole = previous_held;
}

/* The sample table of a file without fragments says where every sample is: those beyond the file's
 * end are not there. */
static bool length_of_index(struct demux *demux, struct probe *probe)
{
    int64_t declared = declared_us(demux);
    struct index_sum sum;

    index_sum(demux, (int64_t)(probe->end - probe->start), &sum);
    if (sum.bytes == 0)
        return length_of_nothing(probe, declared);
    length_settle(probe, declared, MEDIA_DECLARED);
    if (!sum.whole) {
        int64_t found = to_us(demux, sum.until, demux->audio->time_base);

        length_contradict(probe, declared, found);
        length_settle(probe, found, MEDIA_SCANNED);
    }
    set_bitrate(probe, sum.bytes);
    return true;
}

static bool length_of_mp4(struct demux *demux, struct probe *probe)
{
    struct mp4_outline outline;
    bool done;

    mp4_outline(probe->in, probe->start, probe->end, &outline);
    if (!outline.fragmented && declared_us(demux) > 0 &&
        demux->av->avformat_index_get_entries_count(demux->audio) > 0)
        done = length_of_index(demux, probe);
    else
        done = length_of_packets(demux, probe);
    probe->truncated |= outline.cut && outline.fragmented;
    probe->fragmented = outline.fragmented;
    return done;
}

/* A Segment that was finished has a duration to be trusted, if the file holds all of it. */
static bool length_of_matroska(struct demux *demux, struct probe *probe)
{
    struct matroska_outline outline;
    bool done;

    matroska_outline(probe->in, probe->start, probe->end, &outline);
    if (outline.sized && !outline.cut && demux->context->duration > 0) {
        length_settle(probe, demux->context->duration, MEDIA_DECLARED);
        return demux_next(demux) || length_of_nothing(probe, demux->context->duration);
    }
    done = length_of_packets(demux, probe);
    probe->truncated |= outline.cut;
    return done;
}

/* A recording of a broadcast begins at any time. */
static int64_t start_us(const struct demux *demux)
{
    int64_t start = demux->audio->start_time;

    return start != AV_NOPTS_VALUE && start > 0 ? to_us(demux, start, demux->audio->time_base) : 0;
}

static bool length_of_ogg(struct demux *demux, struct probe *probe)
{
    struct ogg_outline outline;
    int64_t declared = declared_us(demux);

    ogg_outline(probe->in, probe->start, probe->end, &outline);
    if (outline.links == 0)
        return length_of_packets(demux, probe);
    /* Of a single link libav knows where it starts, too. */
    length_settle(probe, outline.links == 1 && declared > 0 ? declared : outline.length_us,
                  MEDIA_SCANNED);
    if (outline.links == 1)
        probe->positions_us = outline.length_us - start_us(demux);
    probe->empty = probe->duration_us == 0;
    probe->truncated = outline.cut;
    set_bitrate(probe, outline.bytes);
    return true;
}

/* Of a file that lost bytes libav does not believe the header; what it says is whether the last
 * packet is the last of all. */
static bool length_of_asf(struct demux *demux, struct probe *probe)
{
    struct asf_outline outline;

    asf_outline(probe->in, probe->start, probe->end, &outline);
    probe->truncated = outline.cut;
    if (!length_of_packets(demux, probe))
        return false;
    probe->ends_on_time =
        outline.length_us > 0 && !differ(outline.length_us, probe->duration_us, PACKET_OF_ASF_US);
    return true;
}

bool length_of_stream(struct demux *demux, struct probe *probe)
{
    switch (probe->format->kind) {
    case FORMAT_PCM:
        return length_of_pcm(demux, probe);
    case FORMAT_MP4:
        return length_of_mp4(demux, probe);
    case FORMAT_MATROSKA:
        return length_of_matroska(demux, probe);
    case FORMAT_OGG:
        return length_of_ogg(demux, probe);
    case FORMAT_FRAMES:
    case FORMAT_FLAC:
    case FORMAT_PACKETS:
        break;
    }
    if (strcmp(probe->format->container, "asf") == 0)
        return length_of_asf(demux, probe);
    if (strcmp(probe->format->container, "avi") == 0)
        probe->truncated = avi_is_cut(probe->in, probe->start, probe->end);
    return length_of_packets(demux, probe);
}
