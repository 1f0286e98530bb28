/* Resampling for any number of channels: swresample takes 64, so that there may be several of them,
 * each for some channels. */
#ifndef MEDIA_BANK_H
#define MEDIA_BANK_H

#include "media/av.h"
#include "media/protocol.h"

#define BANK_CHANNELS 64 /* swresample's SWR_CH_MAX */

struct bank_form {
    const AVChannelLayout *layout;
    enum AVSampleFormat format;
    int sample_rate_hz;
};

struct bank {
    const struct av *av;
    size_t channels;
    size_t sample_bytes; /* that come out, of one channel */
    size_t count;
    struct SwrContext *of[CHANNELS_MAX / BANK_CHANNELS];
    uint8_t *part; /* what one of several gave */
    size_t part_bytes;
};

void bank_init(struct bank *bank, const struct av *av);
void bank_done(struct bank *bank);

/* Opens it anew; the samples that come out are interleaved. For more than BANK_CHANNELS both forms
 * have as many channels, and IN is of planes. False if it cannot be done. */
bool bank_open(struct bank *bank, const struct bank_form *in, const struct bank_form *out);

/* The most samples that come out of COUNT, with those that are held; as swr_get_out_samples. */
int bank_room(const struct bank *bank, int count);
/* As swr_convert: PLANES of NULL give what is held. -1 on failure. */
int bank_convert(struct bank *bank, uint8_t *to, int room, const uint8_t *const *planes, int count);

#endif
