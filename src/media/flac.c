#include "media/flac.h"

#include <string.h>

#define BLOCKS_MAX 256
#define BLOCK_READ_BYTES (256 << 10)
#define SEARCH_BYTES 65536

enum { BLOCK_STREAMINFO = 0, BLOCK_COMMENTS = 4, BLOCK_PICTURE = 6, BLOCK_INVALID = 127 };

/* Section 8.2. */
static void read_streaminfo(struct input *in, uint64_t at, struct flac_info *out)
{
    uint8_t bytes[18];
    uint64_t packed;

    if (out->sample_rate_hz > 0 || input_read(in, at, bytes, sizeof bytes) < sizeof bytes)
        return;
    packed = be64(bytes + 10);
    out->block_min = be16(bytes);
    out->block_max = be16(bytes + 2);
    out->sample_rate_hz = (uint32_t)(packed >> 44);
    out->channels = (uint32_t)(packed >> 41 & 7) + 1;
    out->bits = (uint32_t)(packed >> 36 & 31) + 1;
    out->samples = packed & UINT64_C(0xfffffffff);
}

/* Section 8.8: kind, MIME type, description, width, height, depth, colours, length, bytes. */
static void read_picture(struct probe *probe, const uint8_t *bytes, size_t length)
{
    size_t at = 8;
    const char *mime;
    size_t mime_length;

    if (probe->cover.mime_type || length < 32 || be32(bytes + 4) > length - 32)
        return;
    mime_length = be32(bytes + 4);
    mime = text_clean(probe->mem, (struct str){(const char *)bytes + at, mime_length}, 64);
    at += mime_length;
    if (be32(bytes + at) > length - at - 24)
        return;
    at += 4 + be32(bytes + at);
    probe->cover = (struct cover){.mime_type = mime[0] ? mime : "application/octet-stream",
                                  .width = (int32_t)(be32(bytes + at) & 0xffffff),
                                  .height = (int32_t)(be32(bytes + at + 4) & 0xffffff),
                                  .bytes = be32(bytes + at + 16)};
    picture_measure(bytes + at + 20, length - at - 20, &probe->cover);
}

static void read_block(struct probe *probe, unsigned type, uint64_t at, uint32_t length,
                       struct flac_info *out)
{
    size_t room = length < BLOCK_READ_BYTES ? length : BLOCK_READ_BYTES;
    uint8_t *bytes;
    size_t got;

    if (type == BLOCK_STREAMINFO)
        read_streaminfo(probe->in, at, out);
    if ((type != BLOCK_COMMENTS && type != BLOCK_PICTURE) || !probe_afford(probe, room))
        return;
    bytes = arena_alloc(probe->mem, room + 1);
    got = input_read(probe->in, at, bytes, room);
    if (type == BLOCK_COMMENTS)
        vorbis_comments_read(&probe->tags, bytes, got);
    else
        read_picture(probe, bytes, got);
}

bool flac_read_header(struct probe *probe, struct flac_info *out)
{
    uint64_t at = probe->start + 4;
    uint8_t head[4];

    *out = (struct flac_info){0};
    if (input_read(probe->in, probe->start, head, 4) < 4 || memcmp(head, "fLaC", 4) != 0)
        return false;
    for (int i = 0; i < BLOCKS_MAX && input_read(probe->in, at, head, 4) == 4; i++) {
        /* A block whose length lies runs into the frames. */
        if ((head[0] & 0x7f) == BLOCK_INVALID)
            break;
        read_block(probe, head[0] & 0x7f, at + 4, be24(head + 1), out);
        at += 4 + (uint64_t)be24(head + 1);
        if (head[0] & 0x80)
            break;
    }
    out->audio_at = at < probe->end ? at : probe->end;
    return true;
}

/* The first frame at or shortly behind the metadata; what STREAMINFO left open, it fills in. */
static bool first_frame(struct probe *probe, struct flac_info *info)
{
    struct flac_info anything = {0};
    uint64_t left = probe->end - info->audio_at;
    size_t length = left < SEARCH_BYTES ? (size_t)left : SEARCH_BYTES;
    const uint8_t *bytes = input_view(probe->in, info->audio_at, length);
    struct flac_frame frame;

    for (size_t at = 0; bytes && at < length; at++) {
        if (bytes[at] != 0xff || !flac_parse_frame(bytes + at, length - at, &anything, &frame))
            continue;
        info->audio_at += at;
        if (info->sample_rate_hz == 0)
            *info = (struct flac_info){.sample_rate_hz = frame.sample_rate_hz,
                                       .channels = frame.channels,
                                       .bits = frame.bits,
                                       .block_max = frame.samples,
                                       .audio_at = info->audio_at};
        return true;
    }
    return false;
}

static void set_duration(struct probe *probe, const struct flac_info *info)
{
    uint64_t counted = flac_count_samples(probe->in, info, probe->end);
    uint64_t rate = info->sample_rate_hz;

    probe->facts.duration_source = counted == info->samples ? MEDIA_DECLARED : MEDIA_SCANNED;
    probe->duration_us = (int64_t)(counted * 1000000 / rate);
    probe->truncated = counted < info->samples;
    probe->header_wrong = info->samples > 0 && counted > info->samples;
    if (probe->truncated || probe->header_wrong)
        probe->declared_us = (int64_t)(info->samples * 1000000 / rate);
}

bool flac_probe(struct probe *probe)
{
    struct flac_info info;
    bool has_frame;

    if (!flac_read_header(probe, &info))
        return false;
    has_frame = first_frame(probe, &info);
    if (info.sample_rate_hz == 0 || (!has_frame && info.samples == 0))
        return false;
    probe->facts.codec = "flac";
    probe->facts.sample_rate_hz = (int32_t)info.sample_rate_hz;
    probe->facts.channels = (int32_t)info.channels;
    probe->facts.bits_per_sample = (int32_t)info.bits;
    set_duration(probe, &info);
    if (probe->duration_us > 0)
        probe->facts.bitrate_kbps =
            (int32_t)((probe->end - info.audio_at) * 8000 / (uint64_t)probe->duration_us);
    return true;
}
