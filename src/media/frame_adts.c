/* Headers of AAC in ADTS: ISO 14496-3 section 1.A.3. */
#include "media/frames.h"

static const int32_t RATES_HZ[13] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};

static bool parse(const uint8_t head[static FRAME_HEAD_BYTES], struct frame_header *out)
{
    unsigned rate_index = head[2] >> 2 & 0xf;
    unsigned configuration = (head[2] & 1U) << 2 | head[3] >> 6;
    uint32_t bytes = (head[3] & 3U) << 11 | (uint32_t)head[4] << 3 | head[5] >> 5;
    uint32_t blocks = (head[6] & 3U) + 1;

    /* Layer is always 0; seven bytes of header, nine with a checksum. */
    if (head[0] != 0xff || (head[1] & 0xf6) != 0xf0 || rate_index >= 13 ||
        bytes < (head[1] & 1 ? 7U : 9U))
        return false;
    *out = (struct frame_header){
        .bytes = bytes,
        .samples = 1024 * blocks,
        .sample_rate_hz = RATES_HZ[rate_index],
        .channels = configuration == 7 ? 8 : (int32_t)configuration,
        .kind = (uint32_t)head[2] >> 2 << 4 | configuration,
    };
    return true;
}

const struct frame_format frame_adts = {"aac", parse};
