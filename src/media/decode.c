#include "media/decode.h"

#include <string.h>

#include "media/flac.h"
#include "media/wavpack.h"

/* What these lossless codecs give is proven by a checksum or it is nothing; AC-3 covers up what its
 * checksum denies. Elsewhere checksums are often wrong by custom. */
static int checks_of(enum AVCodecID codec)
{
    switch (codec) {
    case AV_CODEC_ID_FLAC:
    case AV_CODEC_ID_WAVPACK:
    case AV_CODEC_ID_TTA:
        return AV_EF_CRCCHECK | AV_EF_EXPLODE;
    case AV_CODEC_ID_AC3:
    case AV_CODEC_ID_EAC3:
        return AV_EF_CRCCHECK;
    default:
        return 0;
    }
}

static bool codec_make(struct decode *decode)
{
    const struct av *av = decode->av;
    const AVCodecParameters *parameters = packets_parameters(&decode->packets);
    const AVCodec *codec = av->avcodec_find_decoder(packets_codec(&decode->packets));

    decode->codec = codec ? av->avcodec_alloc_context3(codec) : NULL;
    decode->frame = av->av_frame_alloc();
    if (!decode->codec || !decode->frame)
        return false;
    if (parameters && av->avcodec_parameters_to_context(decode->codec, parameters) < 0)
        return false;
    decode->codec->thread_count = 1;
    if (decode->packets.demuxing)
        decode->codec->pkt_timebase = decode->packets.demux.audio->time_base;
    decode->codec->err_recognition = checks_of(codec->id);
    return av->avcodec_open2(decode->codec, codec, NULL) >= 0;
}

bool decode_open(struct decode *decode, struct probe *probe)
{
    *decode = (struct decode){.av = probe->av};
    if (!packets_open(&decode->packets, probe) || !codec_make(decode)) {
        decode_close(decode);
        return false;
    }
    decode->skip_left = decode->packets.skip;
    if (decode->packets.demuxing)
        timeline_init(&decode->timeline, &decode->packets.demux, probe);
    return true;
}

void decode_close(struct decode *decode)
{
    for (size_t i = 0; i < decode->held_count; i++)
        decode->av->av_frame_free(&decode->held[i]);
    decode->held_count = 0;
    decode->av->av_frame_free(&decode->frame);
    decode->av->avcodec_free_context(&decode->codec);
    packets_close(&decode->packets);
}

/* What follows on a span without anything decoded between them is the same span. */
static void note(struct decode *decode, const struct span *span)
{
    struct span *last = decode->span_count > 0 ? &decode->spans[decode->span_count - 1] : NULL;

    decode->lost_samples += span->samples;
    if (last && last->at + last->flawed == span->at && decode->spans_seen == decode->span_count) {
        last->flawed += span->flawed;
        last->samples += span->samples;
        last->bytes += span->bytes;
        return;
    }
    decode->spans_seen++;
    if (decode->span_count < SPANS_MAX)
        decode->spans[decode->span_count++] = *span;
}

static void lost(struct decode *decode, uint64_t samples, uint64_t bytes, const char *reason)
{
    note(decode, &(struct span){
                     .at = decode->decoded, .samples = samples, .bytes = bytes, .reason = reason});
}

static uint64_t packet_samples(const struct decode *decode, const AVPacket *packet)
{
    const AVCodecParameters *parameters = packets_parameters(&decode->packets);
    int samples = 0;

    if (decode->packets.probe->frames)
        return decode->packets.probe->first_frame.samples;
    if (packet->duration > 0 && decode->packets.demuxing)
        samples =
            (int)decode->av->av_rescale_q(packet->duration, decode->packets.demux.audio->time_base,
                                          (AVRational){1, parameters->sample_rate});
    return samples > 0 ? (uint64_t)samples : decode->packet_samples;
}

static bool is_flac(const struct decode *decode)
{
    const AVCodecParameters *parameters = packets_parameters(&decode->packets);

    return parameters && parameters->codec_id == AV_CODEC_ID_FLAC &&
           decode->packets.probe->format->kind == FORMAT_FLAC;
}

/* Where codecs number their samples, what lies before the next packet's first, PLACE, and did not
 * come is missing. */
static void check_place(struct decode *decode, uint64_t place)
{
    uint64_t seen = decode->decoded + decode->lost_samples, expected = decode->first_place + seen;

    if (expected == 0 && decode->spans_seen == 0)
        decode->first_place = place;
    else if (place > expected && place - expected < UINT64_C(1) << 32)
        lost(decode, place - expected, 0, "frames are missing");
}

static void check_flac(struct decode *decode, const AVPacket *packet)
{
    const AVCodecParameters *parameters = packets_parameters(&decode->packets);
    struct flac_info info = {0};
    struct flac_frame frame;

    if (parameters->extradata_size >= 4)
        info.block_max = be16(parameters->extradata + 2);
    if (flac_parse_frame(packet->data, (size_t)packet->size, &info, &frame))
        check_place(decode, frame.first_sample);
}

/* No checksum proves a block's number: another than is due counts if the next block's agrees. */
static void check_wavpack(struct decode *decode, const AVPacket *packet)
{
    const struct demux *demux = &decode->packets.demux;
    uint64_t at = demux->start + (uint64_t)packet->pos;
    uint64_t due = decode->first_place + decode->decoded + decode->lost_samples;
    struct wavpack_block block, next;

    if (!wavpack_read_block(demux->in, at, demux->end, &block))
        return;
    if (block.first_sample == due ||
        !wavpack_read_block(demux->in, at + (uint64_t)packet->size, demux->end, &next) ||
        next.first_sample == block.first_sample + block.samples)
        check_place(decode, block.first_sample);
    else
        lost(decode, 0, 0, "a block's header is damaged");
}

static void check_time(struct decode *decode, const AVPacket *packet)
{
    uint64_t gap = timeline_gap(&decode->timeline, packet_samples(decode, packet),
                                decode->decoded + decode->lost_samples);

    if (gap > 0)
        lost(decode, gap, 0, "packets are missing");
}

/* Samples that are missing with PACKET; in FLAC the next frame's place will tell. */
static void lost_packet(struct decode *decode, const AVPacket *packet, uint64_t bytes)
{
    lost(decode, is_flac(decode) ? 0 : packet_samples(decode, packet), bytes,
         "a frame cannot be decoded");
}

static void feed(struct decode *decode, const AVPacket *packet)
{
    uint64_t junk = decode->packets.junk + decode->packets.demux.junk;

    if (junk > 0)
        lost(decode, 0, junk, "bytes that are no frame");
    if (is_flac(decode))
        check_flac(decode, packet);
    else if (decode->packets.demux.finds_again)
        check_wavpack(decode, packet);
    else if (decode->packets.demuxing)
        check_time(decode, packet);
    if (decode->av->avcodec_send_packet(decode->codec, packet) < 0)
        lost_packet(decode, packet, (uint64_t)packet->size);
}

/* The decoder's next frame, in decode->frame. */
static bool pull(struct decode *decode)
{
    for (;;) {
        int code = decode->av->avcodec_receive_frame(decode->codec, decode->frame);

        if (code >= 0)
            return true;
        if (code == AVERROR_EOF)
            return false;
        if (code != AVERROR(EAGAIN))
            lost_packet(decode, decode->packets.packet, 0);
        if (decode->draining)
            return false;
        if (packets_next(&decode->packets)) {
            feed(decode, decode->packets.packet);
        } else {
            decode->draining = true;
            decode->av->avcodec_send_packet(decode->codec, NULL);
        }
    }
}

/* Takes COUNT samples off the front. */
static void drop_front(const struct av *av, AVFrame *frame, int count)
{
    int planar = av->av_sample_fmt_is_planar((enum AVSampleFormat)frame->format);
    int planes = planar ? frame->ch_layout.nb_channels : 1;
    size_t step = (size_t)av->av_get_bytes_per_sample((enum AVSampleFormat)frame->format) *
                  (planar ? 1 : (size_t)frame->ch_layout.nb_channels);

    for (int i = 0; i < planes; i++)
        frame->extended_data[i] += step * (size_t)count;
    if (frame->extended_data != frame->data)
        memcpy(frame->data, frame->extended_data,
               sizeof frame->data); /* at least that many, where there are more */
    frame->nb_samples -= count;
}

static bool is_usable(const AVFrame *frame)
{
    return frame->nb_samples > 0 && frame->sample_rate > 0 && frame->ch_layout.nb_channels > 0 &&
           frame->ch_layout.nb_channels <= CHANNELS_MAX;
}

/* Decoders cover up what they can, and say so. */
static void check_flaws(struct decode *decode)
{
    const AVFrame *frame = decode->frame;

    if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT))
        note(decode, &(struct span){.at = decode->decoded,
                                    .flawed = (uint64_t)frame->nb_samples,
                                    .reason = "a frame was decoded with errors"});
}

/* Pulls until there is something to be heard. */
static bool pull_heard(struct decode *decode)
{
    while (pull(decode)) {
        if (!is_usable(decode->frame))
            continue;
        decode->packet_samples = (uint64_t)decode->frame->nb_samples;
        if (decode->skip_left >= (uint64_t)decode->frame->nb_samples) {
            decode->skip_left -= (uint64_t)decode->frame->nb_samples;
            continue;
        }
        drop_front(decode->av, decode->frame, (int)decode->skip_left);
        decode->skip_left = 0;
        check_flaws(decode);
        decode->decoded += (uint64_t)decode->frame->nb_samples;
        return true;
    }
    return false;
}

static bool hand_out_first(struct decode *decode, AVFrame *out)
{
    decode->av->av_frame_move_ref(out, decode->held[0]);
    decode->av->av_frame_free(&decode->held[0]);
    decode->held_count--;
    memmove(decode->held, decode->held + 1, decode->held_count * sizeof *decode->held);
    decode->handed_out += (uint64_t)out->nb_samples;
    return true;
}

static bool hold(struct decode *decode)
{
    AVFrame *frame = decode->av->av_frame_alloc();

    if (!frame)
        return false;
    decode->av->av_frame_move_ref(frame, decode->frame);
    decode->held[decode->held_count++] = frame;
    return true;
}

/* At the end of the file, what lies behind the limit goes. */
static bool hand_out_last(struct decode *decode, AVFrame *out)
{
    uint64_t limit = decode->packets.limit;

    if (decode->held_count == 0)
        return false;
    hand_out_first(decode, out);
    if (limit == 0 || decode->handed_out <= limit)
        return true;
    out->nb_samples -= (int)(decode->handed_out - limit);
    decode->decoded = limit;
    return out->nb_samples > 0;
}

/* Frames are held back from the one that crosses the limit on; when too many follow, the limit was
 * wrong. */
bool decode_next(struct decode *decode, AVFrame *out)
{
    while (!decode->ended && pull_heard(decode)) {
        if (decode->held_count == 0 &&
            (decode->packets.limit == 0 || decode->decoded <= decode->packets.limit)) {
            decode->handed_out += (uint64_t)decode->frame->nb_samples;
            decode->av->av_frame_move_ref(out, decode->frame);
            return true;
        }
        if (!hold(decode))
            break;
        if (decode->held_count == HELD_FRAMES_MAX)
            decode->packets.limit = 0;
        if (decode->packets.limit == 0)
            return hand_out_first(decode, out);
    }
    decode->ended = true;
    return hand_out_last(decode, out);
}
