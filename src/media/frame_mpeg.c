/* Headers of MPEG audio: ISO 11172-3 section 2.4.2.3, ISO 13818-3, and the unofficial version 2.5.
 */
#include "media/frames.h"

enum { VERSION_25 = 0, VERSION_RESERVED = 1, VERSION_2 = 2, VERSION_1 = 3 };

/* kbit/s by [MPEG-1?][layer - 1][index]; 0 is free format, which nothing measures. */
static const uint16_t BITRATES[2][3][15] = {
    {{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
     {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
     {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}},
    {{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
     {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
     {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
};

static const uint16_t RATES_HZ[3] = {44100, 48000, 32000};

static uint32_t samples_per_frame(unsigned version, unsigned layer)
{
    if (layer == 1)
        return 384;
    return layer == 3 && version != VERSION_1 ? 576 : 1152;
}

static bool parse(const uint8_t head[static FRAME_HEAD_BYTES], struct frame_header *out)
{
    unsigned version = head[1] >> 3 & 3;
    unsigned layer = 4 - (head[1] >> 1 & 3); /* 4: reserved */
    unsigned bitrate_index = head[2] >> 4;
    unsigned rate_index = head[2] >> 2 & 3;
    unsigned padding = head[2] >> 1 & 1;
    uint32_t rate;
    uint32_t bitrate;

    if (head[0] != 0xff || (head[1] & 0xe0) != 0xe0 || version == VERSION_RESERVED || layer == 4 ||
        bitrate_index == 0 || bitrate_index == 15 || rate_index == 3 || (head[3] & 3) == 2)
        return false;
    rate = (uint32_t)RATES_HZ[rate_index] >> (version == VERSION_1   ? 0
                                              : version == VERSION_2 ? 1
                                                                     : 2);
    bitrate = BITRATES[version == VERSION_1][layer - 1][bitrate_index];
    *out = (struct frame_header){
        .samples = samples_per_frame(version, layer),
        .sample_rate_hz = (int32_t)rate,
        .channels = head[3] >> 6 == 3 ? 1 : 2,
        .bitrate_kbps = (int32_t)bitrate,
        .kind = version << 8 | layer << 4 | rate_index,
    };
    if (layer == 1)
        out->bytes = (12 * bitrate * 1000 / rate + padding) * 4;
    else
        out->bytes = out->samples / 8 * bitrate * 1000 / rate + padding;
    return true;
}

const struct frame_format frame_mpeg = {"mp3", parse};

unsigned frame_mpeg_layer(const struct frame_header *header)
{
    return header->kind >> 4 & 0xf;
}

bool frame_mpeg_is_v1(const struct frame_header *header)
{
    return header->kind >> 8 == VERSION_1;
}
