/* Frames of FLAC and where the last of them is (RFC 9639 section 9). */
#include <stdlib.h>
#include <string.h>

#include "media/flac.h"

#define WINDOW_FIRST_BYTES (64 << 10)
#define WINDOW_MAX_BYTES (32 << 20)

/* The shortest frame has a header of six bytes, a subframe of one value, and its checksum. */
#define FRAME_MIN_BYTES 10
#define HEADER_MAX_BYTES 16

static uint8_t crc8(const uint8_t *bytes, size_t length)
{
    unsigned crc = 0;

    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80 ? (crc << 1 ^ 0x07) & 0xff : crc << 1;
    }
    return (uint8_t)crc;
}

static uint16_t crc16(const uint8_t *bytes, size_t length)
{
    unsigned crc = 0;

    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? (crc << 1 ^ 0x8005) & 0xffff : crc << 1;
    }
    return (uint16_t)crc;
}

/* Section 9.1.5: numbers coded as UTF-8 would be, up to 36 bits. Returns the bytes taken, 0 if it
 * is none. */
static size_t coded_number(const uint8_t *bytes, size_t length, uint64_t *out)
{
    unsigned extra = 0;
    uint64_t number;

    while (extra < 7 && (bytes[0] & 0x80U >> extra))
        extra++;
    if (extra == 1 || bytes[0] == 0xff)
        return 0;
    if (extra == 0) {
        *out = bytes[0];
        return 1;
    }
    if (extra > length)
        return 0;
    number = bytes[0] & (0x7fU >> extra);
    for (unsigned i = 1; i < extra; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        number = number << 6 | (bytes[i] & 0x3f);
    }
    *out = number;
    return extra;
}

/* Sections 9.1.1 and 9.1.6: CODE, or one or two bytes at AT. */
static uint32_t block_size(unsigned code, const uint8_t *at)
{
    if (code == 1)
        return 192;
    if (code <= 5)
        return 576U << (code - 2);
    if (code == 6)
        return at[0] + 1U;
    return code == 7 ? be16(at) + 1U : 256U << (code - 8);
}

static uint32_t sample_rate(unsigned code, const uint8_t *at)
{
    static const uint32_t RATES_HZ[12] = {0,     88200, 176400, 192000, 8000,  16000,
                                          22050, 24000, 32000,  44100,  48000, 96000};

    if (code < 12)
        return RATES_HZ[code];
    if (code == 12)
        return at[0] * 1000U;
    return code == 13 ? be16(at) : be16(at) * 10U;
}

/* Does the frame fit a stream whose header says INFO (zeros: nothing)? */
static bool fits(const struct flac_frame *frame, const struct flac_info *info)
{
    return (!info->channels || frame->channels == info->channels) &&
           (!info->bits || !frame->bits || frame->bits == info->bits) &&
           (!info->sample_rate_hz || !frame->sample_rate_hz ||
            frame->sample_rate_hz == info->sample_rate_hz);
}

bool flac_parse_frame(const uint8_t *bytes, size_t length, const struct flac_info *info,
                      struct flac_frame *out)
{
    static const uint8_t BITS[8] = {0, 8, 12, 0, 16, 20, 24, 32};
    unsigned size_code;
    unsigned rate_code;
    unsigned channels;
    uint64_t number;
    uint8_t last[HEADER_MAX_BYTES] = {0};
    size_t at = 4;
    size_t taken;

    if (length < FRAME_MIN_BYTES || bytes[0] != 0xff || (bytes[1] & 0xfe) != 0xf8)
        return false;
    /* A frame of silence is shorter than the longest header. */
    if (length < sizeof last)
        bytes = memcpy(last, bytes, length);
    size_code = bytes[2] >> 4;
    rate_code = bytes[2] & 0xf;
    channels = bytes[3] >> 4;
    taken = coded_number(bytes + at, length - at, &number);
    if (size_code == 0 || rate_code == 15 || channels > 10 || (bytes[3] & 1) || taken == 0 ||
        (bytes[3] >> 1 & 7) == 3)
        return false;
    at += taken;
    *out = (struct flac_frame){.samples = block_size(size_code, bytes + at),
                               .channels = channels < 8 ? channels + 1 : 2,
                               .bits = BITS[bytes[3] >> 1 & 7]};
    at += size_code == 6 ? 1 : size_code == 7 ? 2 : 0;
    out->sample_rate_hz = sample_rate(rate_code, bytes + at);
    at += rate_code == 12 ? 1 : rate_code > 12 ? 2 : 0;
    if (at >= length || crc8(bytes, at) != bytes[at])
        return false;
    /* Frames of one size are numbered by frame; the last may be shorter, the others tell. */
    out->first_sample = bytes[1] & 1          ? number
                        : info->block_max > 0 ? number * info->block_max
                                              : number * out->samples;
    out->header_bytes = at + 1;
    return fits(out, info);
}

/* The last frame in the window that is whole: one whose checksum comes out at the next frame's
 * beginning, or at the end. What looks like a header inside a frame fails that. */
static uint64_t last_whole_frame(const uint8_t *bytes, size_t length, const struct flac_info *info)
{
    size_t borders[4] = {length}; /* the end, then where later frames seem to begin */
    size_t count = 1;

    for (size_t at = length; at-- > 0;) {
        struct flac_frame frame;

        if (bytes[at] != 0xff || !flac_parse_frame(bytes + at, length - at, info, &frame))
            continue;
        for (size_t i = 0; i < count; i++)
            if (crc16(bytes + at, borders[i] - at) == 0)
                return frame.first_sample + frame.samples;
        memmove(borders + 1, borders, sizeof borders - sizeof *borders);
        borders[0] = at;
        count += count < COUNT_OF(borders);
    }
    return 0;
}

uint64_t flac_count_samples(struct input *in, const struct flac_info *info, uint64_t end)
{
    uint64_t audio_bytes = end - info->audio_at;

    for (size_t room = WINDOW_FIRST_BYTES; room <= WINDOW_MAX_BYTES; room *= 4) {
        size_t length = audio_bytes < room ? (size_t)audio_bytes : room;
        scoped(memory_free) uint8_t *bytes = malloc(length + 1);
        uint64_t samples;

        if (!bytes || input_read(in, end - length, bytes, length) < length)
            return 0;
        samples = last_whole_frame(bytes, length, info);
        if (samples > 0 || length == audio_bytes || input_is_late(in))
            return samples;
    }
    return 0;
}
