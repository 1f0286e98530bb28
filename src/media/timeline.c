#include "media/timeline.h"

#include <string.h>

/* Positions in Ogg count samples, but how long a packet of Vorbis is, libav takes from a neighbour
 * whose block may be of the other size. Times of Matroska are rounded to milliseconds, and
 * recorders of calls leave out what was silent. Fragments of MP4 are as long as their samples. In
 * ASF a packet has the time of the first frame that begins in it: three of them are that long. */
#define OGG_SLACK_SAMPLES 64
#define VORBIS_SLACK_SAMPLES 2048
#define MATROSKA_SLACK_MS 500
#define MP4_SLACK_MS 10
#define ASF_SLACK_MS 150

/* A leap that no loss explains. */
#define GAP_MAX_S 360000

#define OGG_POSITION_AT 6
#define OGG_SERIAL_AT 14

static AVRational rate_of(const struct demux *demux)
{
    return (AVRational){1, demux->audio->codecpar->sample_rate};
}

static int64_t from_samples(const struct demux *demux, int64_t samples)
{
    return demux->av->av_rescale_q(samples, rate_of(demux), demux->audio->time_base);
}

static bool is_asf(const struct probe *probe)
{
    return strcmp(probe->format->container, "asf") == 0;
}

static int64_t ogg_slack(const struct demux *demux)
{
    return from_samples(demux, demux->audio->codecpar->codec_id == AV_CODEC_ID_VORBIS
                                   ? VORBIS_SLACK_SAMPLES
                                   : OGG_SLACK_SAMPLES);
}

static int64_t slack_of(const struct demux *demux, const struct probe *probe)
{
    int64_t ms = probe->format->kind == FORMAT_MATROSKA ? MATROSKA_SLACK_MS
                 : probe->format->kind == FORMAT_MP4    ? MP4_SLACK_MS
                                                        : ASF_SLACK_MS;

    return probe->format->kind == FORMAT_OGG
               ? ogg_slack(demux)
               : demux->av->av_rescale_q(ms, (AVRational){1, 1000}, demux->audio->time_base);
}

/* Where a table has the times of all samples (MP4 without fragments), none of them can be missing:
 * it says of each where it lies. */
static bool tells(const struct probe *probe)
{
    switch (probe->format->kind) {
    case FORMAT_OGG:
    case FORMAT_MATROSKA:
        return true;
    case FORMAT_MP4:
        return probe->fragmented;
    default:
        return is_asf(probe);
    }
}

void timeline_init(struct timeline *timeline, const struct demux *demux, const struct probe *probe)
{
    *timeline = (struct timeline){.next = AV_NOPTS_VALUE, .page.position = -1};
    if (!tells(probe) || demux->audio->codecpar->sample_rate <= 0)
        return;
    timeline->demux = demux;
    timeline->is_ogg = probe->format->kind == FORMAT_OGG;
    timeline->counts = is_asf(probe);
    timeline->slack = slack_of(demux, probe);
}

/* The stream's number stands on the page on which the packet began (RFC 3533 section 6). */
static void turn_page(struct timeline *timeline, int64_t position)
{
    const struct demux *demux = timeline->demux;
    uint8_t head[OGG_SERIAL_AT + 4];
    uint32_t serial;

    if (position < 0 || position == timeline->page.position ||
        input_read(demux->in, demux->start + (uint64_t)position, head, sizeof head) < sizeof head ||
        memcmp(head, "OggS", 4) != 0)
        return;
    serial = le32(head + OGG_SERIAL_AT);
    if (serial != timeline->page.serial)
        timeline->page.number = 0;
    /* Headers have no position. */
    timeline->page.number += le64(head + OGG_POSITION_AT) != 0;
    timeline->page.serial = serial;
    timeline->page.position = position;
}

/* Links of a chain each have times of their own. */
static bool is_link_beginning(const struct timeline *timeline)
{
    return timeline->page.position >= 0 && timeline->page.number <= 1;
}

/* How long before PACKET there is nothing, if it was due at DUE. */
static uint64_t gap_before(const struct timeline *timeline, const AVPacket *packet, int64_t due)
{
    const struct demux *demux = timeline->demux;
    int64_t gap;

    /* Times come from the file: their difference may be more than fits. */
    if (packet->pts <= due || (uint64_t)packet->pts - (uint64_t)due > INT64_MAX)
        return 0;
    gap = packet->pts - due;
    if (gap <= timeline->slack || is_link_beginning(timeline))
        return 0;
    gap = demux->av->av_rescale_q(gap, demux->audio->time_base, rate_of(demux));
    return gap > 0 && gap / rate_of(demux).den < GAP_MAX_S ? (uint64_t)gap : 0;
}

/* By what has come out of the decoder since the packet before: its lag is that of then. */
static uint64_t gap_by_count(struct timeline *timeline, const AVPacket *packet, uint64_t seen)
{
    int64_t since = from_samples(timeline->demux, (int64_t)seen);
    uint64_t gap = 0;

    if (packet->pts == AV_NOPTS_VALUE || packet->pts > INT64_MAX / 4 ||
        packet->pts < -INT64_MAX / 4 || since < 0 || since > INT64_MAX / 4)
        return 0;
    if (timeline->next != AV_NOPTS_VALUE)
        gap = gap_before(timeline, packet, timeline->next + since);
    timeline->next = packet->pts - since - from_samples(timeline->demux, (int64_t)gap);
    return gap;
}

uint64_t timeline_gap(struct timeline *timeline, uint64_t samples, uint64_t seen)
{
    const struct demux *demux = timeline->demux;
    const AVPacket *packet = demux ? demux->packet : NULL;
    uint64_t gap = 0;

    if (!demux)
        return 0;
    if (timeline->counts)
        return gap_by_count(timeline, packet, seen);
    if (timeline->is_ogg)
        turn_page(timeline, packet->pos);
    if (packet->pts != AV_NOPTS_VALUE) {
        if (timeline->next != AV_NOPTS_VALUE)
            gap = gap_before(timeline, packet, timeline->next);
        timeline->next = packet->pts;
    }
    if (samples == 0 || timeline->next > INT64_MAX / 2)
        timeline->next = AV_NOPTS_VALUE;
    else if (timeline->next != AV_NOPTS_VALUE)
        timeline->next += from_samples(demux, (int64_t)samples);
    return gap;
}
