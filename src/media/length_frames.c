#include <math.h>

#include "media/length.h"
#include "media/xing.h"

#define WALK_ANYWAY_BYTES (1 << 20)

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* A summary counts if its size is the file's and its mean frame is what frames here and there are:
 * encoders that were interrupted and editors that cut leave summaries that lie by any factor. */
static bool is_credible(struct probe *probe, const struct frame_format *format, uint64_t at,
                        const struct frame_header *first, const struct xing *xing)
{
    uint64_t held = probe->end - at;
    double mean;
    double promised;

    if (xing->frames == 0 || xing->bytes == 0 ||
        distance(xing->bytes, held) > held / 200 + 2 * (uint64_t)first->bytes)
        return false;
    mean = frames_mean_bytes(probe->in, format, first, at + first->bytes, probe->end);
    promised = (double)xing->bytes / (double)xing->frames;
    return fabs(mean - promised) <= 0.15 * promised;
}

static void set_bitrate(struct probe *probe, uint64_t bytes, const struct frame_header *first,
                        bool constant)
{
    if (constant && first->bitrate_kbps > 0)
        probe->facts.bitrate_kbps = first->bitrate_kbps;
    else if (probe->duration_us > 0)
        probe->facts.bitrate_kbps = (int32_t)((bytes * 8000 + (uint64_t)probe->duration_us / 2) /
                                              (uint64_t)probe->duration_us);
}

static bool from_summary(struct probe *probe, const struct frame_header *first,
                         const struct xing *xing)
{
    length_settle(probe, samples_to_us(xing->frames * first->samples, first->sample_rate_hz),
                  MEDIA_DECLARED);
    set_bitrate(probe, xing->bytes, first, false);
    return true;
}

/* More than a frame and a two-hundredth apart? Encoders count the summary's own frame or do not. */
static bool disagrees(const struct xing *xing, uint64_t frames)
{
    return xing->frames > 0 && distance(xing->frames, frames) > 1 + frames / 200;
}

static bool from_walk(struct probe *probe, const struct frame_format *format, uint64_t at,
                      const struct frame_header *first, const struct xing *xing)
{
    struct frame_walk walked;

    frames_walk(probe->in, format, first, at, probe->end, UINT64_MAX, &walked);
    length_settle(probe, samples_to_us(walked.samples, first->sample_rate_hz), MEDIA_SCANNED);
    set_bitrate(probe, walked.bytes, first, walked.constant);
    if (disagrees(xing, walked.frames)) {
        probe->declared_us = samples_to_us(xing->frames * first->samples, first->sample_rate_hz);
        if (walked.frames < xing->frames && xing->bytes > probe->end - at + 2 * first->bytes)
            probe->truncated = true;
        else
            probe->header_wrong = true;
    }
    probe->truncated |= walked.cut;
    return walked.frames > 0 || xing->found;
}

bool length_of_frames(struct probe *probe, const struct frame_format *format, uint64_t at,
                      const struct frame_header *first)
{
    struct xing xing = {0};

    if (format == &frame_mpeg)
        xing_read(probe->in, at, first, &xing);
    if (xing.found && probe->end - at > WALK_ANYWAY_BYTES &&
        is_credible(probe, format, at, first, &xing))
        return from_summary(probe, first, &xing);
    return from_walk(probe, format, at + (xing.found ? first->bytes : 0), first, &xing);
}
