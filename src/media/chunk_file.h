/* A chunk's file as bytes: WAV as they are, or FLAC. Its head is known when it is done. */
#ifndef MEDIA_CHUNK_FILE_H
#define MEDIA_CHUNK_FILE_H

#include "media/av.h"
#include "media/work_protocol.h"

/* How all chunks of a work look. */
struct chunk_form {
    const struct av *av;
    enum media_cut_format format;
    uint32_t sample_rate_hz;
    uint32_t channels;
    uint32_t bits; /* 16 or 24 */
    AVChannelLayout layout;
};

/* Samples come interleaved: 16 bits as they are, 24 in the upper part of 32. */
static inline size_t chunk_form_sample_bytes(const struct chunk_form *form)
{
    return form->bits == 16 ? 2 : 4;
}

/* How many samples fit into BYTES, whatever they are. */
uint64_t chunk_form_fit(const struct chunk_form *form, uint64_t bytes);

/* Takes the bytes of the file, in order. */
typedef void chunk_out(void *context, const void *bytes, size_t length);

struct chunk_file {
    const struct chunk_form *form;
    chunk_out *out;
    void *context;
    uint64_t samples;
    AVCodecContext *encoder; /* FLAC */
    AVPacket *packet;
    AVFrame *frame;
    uint8_t info[34]; /* FLAC's STREAMINFO */
};

/* Begins a file: room for its head goes out. False if the encoder cannot. */
bool chunk_file_open(struct chunk_file *file, const struct chunk_form *form, chunk_out *out,
                     void *context);
bool chunk_file_write(struct chunk_file *file, const uint8_t *samples, size_t count);
/* Ends it: HEAD is to stand at its beginning; returns its length, 0 if the encoder failed. */
size_t chunk_file_close(struct chunk_file *file, uint8_t head[static WORK_HEAD_MAX_BYTES]);

#endif
