#include "media/chunk_file.h"

#include <string.h>

#include "media/bytes_out.h"

#define FLAC_BLOCK 4096
#define FLAC_HEAD_BYTES 42
/* What a frame that could not be compressed has besides its samples. */
#define FLAC_FRAME_BYTES 32
#define WAV_HEAD_BYTES 44
#define WAV_EXTENSIBLE_HEAD_BYTES 68
#define WAV_MAX_BYTES (UINT32_MAX - UINT64_C(4096))

static bool is_extensible(const struct chunk_form *form)
{
    return form->channels > 2;
}

static size_t head_bytes(const struct chunk_form *form)
{
    if (form->format == MEDIA_CUT_FLAC)
        return FLAC_HEAD_BYTES;
    return is_extensible(form) ? WAV_EXTENSIBLE_HEAD_BYTES : WAV_HEAD_BYTES;
}

uint64_t chunk_form_fit(const struct chunk_form *form, uint64_t bytes)
{
    uint64_t head = head_bytes(form);
    uint64_t sample = (uint64_t)form->channels * (form->bits / 8);
    uint64_t block = FLAC_BLOCK * sample + FLAC_FRAME_BYTES + form->channels;

    if (form->format == MEDIA_CUT_WAV && bytes > WAV_MAX_BYTES)
        bytes = WAV_MAX_BYTES;
    if (bytes <= head)
        return 0;
    bytes -= head;
    return form->format == MEDIA_CUT_WAV ? bytes / sample : bytes / block * FLAC_BLOCK;
}

/* Microsoft's WAVEFORMATEX, and EXTENSIBLE where two channels are not enough. */
static void wav_head(const struct chunk_form *form, uint64_t data_bytes, uint8_t *head)
{
    static const uint8_t PCM_GUID[] = "\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    enum { PCM = 1, EXTENSIBLE = 0xfffe };
    uint32_t sample = form->channels * (form->bits / 8);
    uint32_t size = (uint32_t)head_bytes(form);
    uint32_t padding = data_bytes & 1;

    memcpy(head, "RIFF", 4);
    put_le32(head + 4, (uint32_t)data_bytes + padding + size - 8);
    memcpy(head + 8, "WAVEfmt ", 8);
    put_le32(head + 16, is_extensible(form) ? 40 : 16);
    put_le16(head + 20, is_extensible(form) ? EXTENSIBLE : PCM);
    put_le16(head + 22, (uint16_t)form->channels);
    put_le32(head + 24, form->sample_rate_hz);
    put_le32(head + 28, form->sample_rate_hz * sample);
    put_le16(head + 32, (uint16_t)sample);
    put_le16(head + 34, (uint16_t)form->bits);
    if (is_extensible(form)) {
        put_le16(head + 36, 22);
        put_le16(head + 38, (uint16_t)form->bits);
        put_le32(head + 40,
                 form->layout.order == AV_CHANNEL_ORDER_NATIVE ? (uint32_t)form->layout.u.mask : 0);
        put_le16(head + 44, PCM);
        memcpy(head + 46, PCM_GUID, 14);
    }
    memcpy(head + size - 8, "data", 4);
    put_le32(head + size - 4, (uint32_t)data_bytes);
}

static bool encoder_open(struct chunk_file *file)
{
    const struct chunk_form *form = file->form;
    const struct av *av = form->av;
    const AVCodec *codec = av->avcodec_find_encoder(AV_CODEC_ID_FLAC);

    file->encoder = codec ? av->avcodec_alloc_context3(codec) : NULL;
    file->packet = av->av_packet_alloc();
    file->frame = av->av_frame_alloc();
    if (!file->encoder || !file->packet || !file->frame)
        return false;
    file->encoder->sample_rate = (int)form->sample_rate_hz;
    file->encoder->sample_fmt = form->bits == 16 ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_S32;
    file->encoder->bits_per_raw_sample = (int)form->bits;
    file->encoder->time_base = (AVRational){1, (int)form->sample_rate_hz};
    file->encoder->thread_count = 1;
    file->encoder->frame_size = FLAC_BLOCK;
    return av->av_channel_layout_copy(&file->encoder->ch_layout, &form->layout) >= 0 &&
           av->avcodec_open2(file->encoder, codec, NULL) >= 0 &&
           file->encoder->extradata_size >= (int)sizeof file->info;
}

static void encoder_close(struct chunk_file *file)
{
    const struct av *av = file->form->av;

    av->av_frame_free(&file->frame);
    av->av_packet_free(&file->packet);
    av->avcodec_free_context(&file->encoder);
}

bool chunk_file_open(struct chunk_file *file, const struct chunk_form *form, chunk_out *out,
                     void *context)
{
    static const uint8_t NOTHING_YET[WORK_HEAD_MAX_BYTES];

    *file = (struct chunk_file){.form = form, .out = out, .context = context};
    if (form->format == MEDIA_CUT_FLAC) {
        if (!encoder_open(file)) {
            encoder_close(file);
            return false;
        }
        memcpy(file->info, file->encoder->extradata, sizeof file->info);
    }
    out(context, NOTHING_YET, head_bytes(form));
    return true;
}

static bool write_24_bits(struct chunk_file *file, const uint8_t *samples, size_t values)
{
    enum { AT_ONCE = 4096 };
    uint8_t packed[AT_ONCE * 3];

    while (values > 0) {
        size_t count = values < AT_ONCE ? values : AT_ONCE;

        for (size_t i = 0; i < count; i++)
            memcpy(packed + 3 * i, samples + 4 * i + 1, 3);
        file->out(file->context, packed, 3 * count);
        samples += 4 * count;
        values -= count;
    }
    return true;
}

/* What the encoder has ready; the last packet may bring the final STREAMINFO. */
static bool encoder_drain(struct chunk_file *file)
{
    const struct av *av = file->form->av;

    while (av->avcodec_receive_packet(file->encoder, file->packet) >= 0) {
        size_t size = 0;
        const uint8_t *info =
            av->av_packet_get_side_data(file->packet, AV_PKT_DATA_NEW_EXTRADATA, &size);

        if (info && size >= sizeof file->info)
            memcpy(file->info, info, sizeof file->info);
        if (file->packet->size > 0)
            file->out(file->context, file->packet->data, (size_t)file->packet->size);
        av->av_packet_unref(file->packet);
    }
    return true;
}

/* The frame that is being filled goes to the encoder. */
static bool encode_frame(struct chunk_file *file)
{
    const struct av *av = file->form->av;
    bool done = av->avcodec_send_frame(file->encoder, file->frame) >= 0;

    av->av_frame_unref(file->frame);
    return done && encoder_drain(file);
}

static bool frame_make(struct chunk_file *file)
{
    AVFrame *frame = file->frame;

    frame->format = file->encoder->sample_fmt;
    frame->sample_rate = file->encoder->sample_rate;
    frame->nb_samples = FLAC_BLOCK;
    frame->pts = (int64_t)file->samples;
    if (file->form->av->av_channel_layout_copy(&frame->ch_layout, &file->form->layout) < 0 ||
        file->form->av->av_frame_get_buffer(frame, 0) < 0)
        return false;
    frame->nb_samples = 0;
    return true;
}

static bool encode(struct chunk_file *file, const uint8_t *samples, size_t count)
{
    size_t sample = chunk_form_sample_bytes(file->form) * file->form->channels;

    while (count > 0) {
        size_t take_now;

        if (!file->frame->data[0] && !frame_make(file))
            return false;
        take_now = FLAC_BLOCK - (size_t)file->frame->nb_samples;
        take_now = take_now < count ? take_now : count;
        memcpy(file->frame->data[0] + sample * (size_t)file->frame->nb_samples, samples,
               sample * take_now);
        file->frame->nb_samples += (int)take_now;
        file->samples += take_now;
        samples += sample * take_now;
        count -= take_now;
        if (file->frame->nb_samples == FLAC_BLOCK && !encode_frame(file))
            return false;
    }
    return true;
}

bool chunk_file_write(struct chunk_file *file, const uint8_t *samples, size_t count)
{
    if (file->form->format == MEDIA_CUT_FLAC)
        return encode(file, samples, count);
    file->samples += count;
    if (file->form->bits == 24)
        return write_24_bits(file, samples, count * file->form->channels);
    file->out(file->context, samples, count * file->form->channels * 2);
    return true;
}

/* RFC 9639 section 8: the marker, and STREAMINFO as the only block. */
static size_t flac_close(struct chunk_file *file, uint8_t *head)
{
    static const uint8_t BEFORE[] = {'f', 'L', 'a', 'C', 0x80, 0, 0, sizeof file->info};
    bool done = (!file->frame->data[0] || encode_frame(file)) &&
                file->form->av->avcodec_send_frame(file->encoder, NULL) >= 0 && encoder_drain(file);

    memcpy(head, BEFORE, sizeof BEFORE);
    memcpy(head + sizeof BEFORE, file->info, sizeof file->info);
    encoder_close(file);
    return done ? FLAC_HEAD_BYTES : 0;
}

size_t chunk_file_close(struct chunk_file *file, uint8_t head[static WORK_HEAD_MAX_BYTES])
{
    uint64_t data_bytes = file->samples * file->form->channels * (file->form->bits / 8);

    if (file->form->format == MEDIA_CUT_FLAC)
        return flac_close(file, head);
    if (data_bytes & 1)
        file->out(file->context, "", 1);
    wav_head(file->form, data_bytes, head);
    return head_bytes(file->form);
}
