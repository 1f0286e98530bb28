/* Headers of AC-3 and E-AC-3: ETSI TS 102 366 sections 4.3 and E.1.2. */
#include "media/frames.h"

#define KIND_ENHANCED 0x100

static const int32_t RATES_HZ[3] = {48000, 44100, 32000};
static const uint16_t BITRATES[19] = {32,  40,  48,  56,  64,  80,  96,  112, 128, 160,
                                      192, 224, 256, 320, 384, 448, 512, 576, 640};
static const uint8_t CHANNELS[8] = {2, 1, 2, 3, 3, 4, 4, 5};

static uint32_t frame_bytes(unsigned rate_index, unsigned size_code)
{
    uint32_t bitrate = BITRATES[size_code >> 1];

    if (rate_index == 1) /* 44.1 kHz: every other frame is a word longer */
        return 2 * (bitrate * 1000 * 96 / 44100 + (size_code & 1));
    return rate_index == 0 ? bitrate * 4 : bitrate * 6;
}

/* The bit that says whether there is a channel for low tones follows fields that depend on MODE. */
static int32_t plain_channels(const uint8_t head[static FRAME_HEAD_BYTES])
{
    unsigned mode = head[6] >> 5;
    unsigned bit = 3;
    unsigned tail = (unsigned)head[6] << 8 | head[7];

    if ((mode & 1) && mode != 1)
        bit += 2;
    if (mode & 4)
        bit += 2;
    if (mode == 2)
        bit += 2;
    return CHANNELS[mode] + (int32_t)(tail >> (15 - bit) & 1);
}

static bool parse_plain(const uint8_t head[static FRAME_HEAD_BYTES], struct frame_header *out)
{
    unsigned rate_index = head[4] >> 6;
    unsigned size_code = head[4] & 0x3f;
    unsigned identity = head[5] >> 3;

    if (rate_index == 3 || size_code >= 38)
        return false;
    *out = (struct frame_header){
        .bytes = frame_bytes(rate_index, size_code),
        .samples = 1536,
        /* Identities 9 and 10 halve and quarter the rate. */
        .sample_rate_hz = RATES_HZ[rate_index] >> (identity > 8 ? identity - 8 : 0),
        .channels = plain_channels(head),
        .bitrate_kbps = BITRATES[size_code >> 1] >> (identity > 8 ? identity - 8 : 0),
        .kind = rate_index << 4,
    };
    return true;
}

static bool parse_enhanced(const uint8_t head[static FRAME_HEAD_BYTES], struct frame_header *out)
{
    static const uint16_t BLOCKS[4] = {1, 2, 3, 6};
    unsigned type = head[2] >> 6; /* 1: belongs to the frame before */
    unsigned substream = head[2] >> 3 & 7;
    unsigned rate_index = head[4] >> 6;
    unsigned next = head[4] >> 4 & 3;
    bool halved = rate_index == 3;

    if (type == 3 || (halved && next == 3))
        return false;
    *out = (struct frame_header){
        .bytes = ((head[2] & 7U) << 8 | head[3]) * 2 + 2,
        .samples = type == 1 || substream > 0 ? 0 : 256U * (halved ? 6 : BLOCKS[next]),
        .sample_rate_hz = halved ? RATES_HZ[next] / 2 : RATES_HZ[rate_index],
        .channels = CHANNELS[head[4] >> 1 & 7] + (head[4] & 1),
        .kind = KIND_ENHANCED | rate_index << 4,
    };
    return out->bytes >= FRAME_HEAD_BYTES;
}

static bool parse(const uint8_t head[static FRAME_HEAD_BYTES], struct frame_header *out)
{
    unsigned identity = head[5] >> 3;

    if (head[0] != 0x0b || head[1] != 0x77)
        return false;
    if (identity <= 10)
        return parse_plain(head, out);
    return identity <= 16 && parse_enhanced(head, out);
}

const struct frame_format frame_ac3 = {"ac3", parse};

bool frame_ac3_is_enhanced(const struct frame_header *header)
{
    return header->kind & KIND_ENHANCED;
}
