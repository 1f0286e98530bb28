#include "media/packets.h"

#include <string.h>

#include "media/xing.h"

#define PLAIN_PACKET_BYTES 16384

/* Decoders of MPEG audio lag by these many samples. */
#define MPEG_DELAY 529

static bool summary_fits(const struct packets *packets, const struct xing *xing)
{
    const struct probe *probe = packets->probe;
    uint64_t held = probe->end - probe->audio_at;
    uint64_t slack = 2 * (uint64_t)probe->first_frame.bytes;

    return xing->bytes > 0 && xing->bytes <= held + slack && held <= xing->bytes + slack;
}

/* The summary frame is silence, and says how much of the rest the encoder added. */
static void read_summary(struct packets *packets)
{
    struct probe *probe = packets->probe;
    uint64_t samples;
    struct xing xing;

    if (probe->frames != &frame_mpeg)
        return;
    xing_read(probe->in, probe->audio_at, &probe->first_frame, &xing);
    if (!xing.found)
        return;
    packets->at += probe->first_frame.bytes;
    packets->frames_declared = xing.frames;
    packets->samples_declared = xing.frames * probe->first_frame.samples;
    packets->lacks_bytes = xing.bytes == 0 || xing.bytes > probe->end - probe->audio_at;
    if (!xing.has_padding)
        return;
    packets->skip = xing.delay + MPEG_DELAY;
    samples = xing.frames * probe->first_frame.samples;
    if (samples <= xing.delay + xing.padding)
        return;
    packets->samples_declared -= xing.delay + xing.padding;
    if (summary_fits(packets, &xing))
        packets->limit = packets->samples_declared;
}

/* The edit list of an MP4 ends within the last packet. */
static uint64_t limit_of_edits(const struct packets *packets)
{
    const struct demux *demux = &packets->demux;
    int64_t samples;

    if (packets->probe->format->kind != FORMAT_MP4 || demux->guessed || demux->audio->duration <= 0)
        return 0;
    samples = demux->av->av_rescale_q(demux->audio->duration, demux->audio->time_base,
                                      (AVRational){1, demux->audio->codecpar->sample_rate});
    return samples > 0 ? (uint64_t)samples : 0;
}

static bool open_plain(struct packets *packets)
{
    const AVCodecParameters *codec = packets->demux.audio->codecpar;
    int bits = packets->probe->av->av_get_exact_bits_per_sample(codec->codec_id);

    packets->frame_bytes = (size_t)bits * (size_t)codec->ch_layout.nb_channels / 8;
    packets->end = packets->at + packets->probe->audio_bytes;
    return packets->frame_bytes > 0;
}

bool packets_open(struct packets *packets, struct probe *probe)
{
    *packets = (struct packets){.probe = probe, .at = probe->audio_at, .end = probe->end};
    packets->own = probe->av->av_packet_alloc();
    packets->packet = packets->own;
    if (!packets->own)
        return false;
    if (probe->frames) {
        read_summary(packets);
        return true;
    }
    if (!demux_open(&packets->demux, probe) || !packets->demux.audio)
        return false;
    if (probe->audio_bytes > 0 && open_plain(packets))
        return true;
    packets->demuxing = true;
    packets->packet = packets->demux.packet;
    packets->limit = limit_of_edits(packets);
    return true;
}

void packets_close(struct packets *packets)
{
    packets->probe->av->av_packet_free(&packets->own);
    if (packets->demux.av)
        demux_close(&packets->demux);
}

/* LENGTH bytes of the file at AT become the packet. */
static bool fill(struct packets *packets, size_t length)
{
    const struct av *av = packets->probe->av;
    size_t got;

    av->av_packet_unref(packets->own);
    if (av->av_new_packet(packets->own, (int)length) < 0)
        return false;
    got = input_read(packets->probe->in, packets->at, packets->own->data, length);
    packets->own->size = (int)got;
    packets->at += got;
    return got > 0;
}

static bool next_plain(struct packets *packets)
{
    uint64_t left = packets->end > packets->at ? packets->end - packets->at : 0;
    size_t most = PLAIN_PACKET_BYTES / packets->frame_bytes * packets->frame_bytes;

    if (most == 0)
        most = packets->frame_bytes;
    left -= left % packets->frame_bytes;
    packets->junk = 0;
    return left > 0 && !input_is_late(packets->probe->in) &&
           fill(packets, left < most ? (size_t)left : most);
}

static bool next_frame(struct packets *packets)
{
    struct probe *probe = packets->probe;
    struct frame_header header;

    if (!frames_next(probe->in, probe->frames, &probe->first_frame, &packets->at, packets->end,
                     &header, &packets->junk, &packets->cut) ||
        !fill(packets, header.bytes))
        return false;
    packets->frames++;
    return true;
}

bool packets_next(struct packets *packets)
{
    if (packets->demuxing)
        return demux_next(&packets->demux);
    return packets->probe->frames ? next_frame(packets) : next_plain(packets);
}

enum AVCodecID packets_codec(const struct packets *packets)
{
    const struct probe *probe = packets->probe;

    if (!probe->frames)
        return packets->demux.audio->codecpar->codec_id;
    if (probe->frames == &frame_adts)
        return AV_CODEC_ID_AAC;
    if (probe->frames == &frame_ac3)
        return frame_ac3_is_enhanced(&probe->first_frame) ? AV_CODEC_ID_EAC3 : AV_CODEC_ID_AC3;
    return frame_mpeg_layer(&probe->first_frame) == 3   ? AV_CODEC_ID_MP3
           : frame_mpeg_layer(&probe->first_frame) == 2 ? AV_CODEC_ID_MP2
                                                        : AV_CODEC_ID_MP1;
}

const AVCodecParameters *packets_parameters(const struct packets *packets)
{
    return packets->probe->frames ? NULL : packets->demux.audio->codecpar;
}

double packets_done(const struct packets *packets)
{
    uint64_t start = packets->demuxing ? packets->probe->start : packets->probe->audio_at;
    uint64_t at = packets->demuxing ? start + packets->demux.position : packets->at;

    if (packets->end <= start || at <= start)
        return 0;
    return at < packets->end ? (double)(at - start) / (double)(packets->end - start) : 1;
}
