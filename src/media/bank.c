#include "media/bank.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void bank_init(struct bank *bank, const struct av *av)
{
    *bank = (struct bank){.av = av};
}

static void close_all(struct bank *bank)
{
    for (size_t i = 0; i < bank->count; i++)
        bank->av->swr_free(&bank->of[i]);
    bank->count = 0;
}

void bank_done(struct bank *bank)
{
    close_all(bank);
    free(bank->part);
}

static bool add(struct bank *bank, const struct bank_form *in, const struct bank_form *out)
{
    struct SwrContext **one = &bank->of[bank->count++];

    *one = NULL;
    return bank->av->swr_alloc_set_opts2(one, (AVChannelLayout *)out->layout, out->format,
                                         out->sample_rate_hz, (AVChannelLayout *)in->layout,
                                         in->format, in->sample_rate_hz, 0, NULL) >= 0 &&
           bank->av->swr_init(*one) >= 0;
}

static size_t channels_of(const struct bank *bank, size_t part)
{
    size_t left = bank->channels - part * BANK_CHANNELS;

    return left < BANK_CHANNELS ? left : BANK_CHANNELS;
}

/* Where that many channels stand matters to nobody: each goes its own way. */
static bool add_part(struct bank *bank, const struct bank_form *in, const struct bank_form *out)
{
    AVChannelLayout layout = {0};
    bool added;

    bank->av->av_channel_layout_default(&layout, (int)channels_of(bank, bank->count));
    added = add(bank, &(struct bank_form){&layout, in->format, in->sample_rate_hz},
                &(struct bank_form){&layout, out->format, out->sample_rate_hz});
    bank->av->av_channel_layout_uninit(&layout);
    return added;
}

bool bank_open(struct bank *bank, const struct bank_form *in, const struct bank_form *out)
{
    close_all(bank);
    bank->channels = (size_t)out->layout->nb_channels;
    bank->sample_bytes = (size_t)bank->av->av_get_bytes_per_sample(out->format);
    if (bank->channels <= BANK_CHANNELS)
        return add(bank, in, out);
    if (in->layout->nb_channels != out->layout->nb_channels || bank->channels > CHANNELS_MAX ||
        !bank->av->av_sample_fmt_is_planar(in->format))
        return false;
    while (bank->count * BANK_CHANNELS < bank->channels)
        if (!add_part(bank, in, out))
            return false;
    return true;
}

int bank_room(const struct bank *bank, int count)
{
    return bank->av->swr_get_out_samples(bank->of[0], count);
}

static void make_room(struct bank *bank, size_t bytes)
{
    if (bytes <= bank->part_bytes)
        return;
    free(bank->part);
    bank->part = malloc(bytes);
    assert(bank->part);
    bank->part_bytes = bytes;
}

/* COUNT samples of the part's channels to their places among all. */
static void interleave(const struct bank *bank, size_t part, size_t count, uint8_t *to)
{
    size_t bytes = channels_of(bank, part) * bank->sample_bytes;
    size_t stride = bank->channels * bank->sample_bytes;

    to += part * BANK_CHANNELS * bank->sample_bytes;
    for (size_t i = 0; i < count; i++)
        memcpy(to + i * stride, bank->part + i * bytes, bytes);
}

int bank_convert(struct bank *bank, uint8_t *to, int room, const uint8_t *const *planes, int count)
{
    int made = 0;

    if (bank->count == 1)
        return bank->av->swr_convert(bank->of[0], &to, room, (const uint8_t **)planes, count);
    make_room(bank, (size_t)room * BANK_CHANNELS * bank->sample_bytes);
    for (size_t part = 0; part < bank->count; part++) {
        const uint8_t **some = planes ? (const uint8_t **)planes + part * BANK_CHANNELS : NULL;
        int now = bank->av->swr_convert(bank->of[part], &bank->part, room, some, count);

        if (now < 0 || (part > 0 && now != made)) /* all have been given as much */
            return -1;
        made = now;
        interleave(bank, part, (size_t)made, to);
    }
    return made;
}
