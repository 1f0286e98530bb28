/*
 * The libav functions that a media process uses, taken from the shared libraries when the process
 * starts: linked in the usual way they would cost the server itself 25 MB and 30 ms, for nothing.
 */
#ifndef MEDIA_AV_H
#define MEDIA_AV_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>

#include "base/error.h"

#define AV_FORMAT_FUNCTIONS(X)          \
    X(av_find_input_format)             \
    X(av_read_frame)                    \
    X(avformat_alloc_context)           \
    X(avformat_close_input)             \
    X(avformat_find_stream_info)        \
    X(avformat_index_get_entries_count) \
    X(avformat_index_get_entry)         \
    X(avformat_open_input)              \
    X(avio_alloc_context)               \
    X(avio_context_free)                \
    X(avio_seek)

#define AV_CODEC_FUNCTIONS(X)        \
    X(av_get_audio_frame_duration2)  \
    X(av_get_exact_bits_per_sample)  \
    X(av_new_packet)                 \
    X(av_packet_alloc)               \
    X(av_packet_free)                \
    X(av_packet_get_side_data)       \
    X(av_packet_unref)               \
    X(avcodec_alloc_context3)        \
    X(avcodec_find_decoder)          \
    X(avcodec_find_encoder)          \
    X(avcodec_free_context)          \
    X(avcodec_get_name)              \
    X(avcodec_open2)                 \
    X(avcodec_parameters_to_context) \
    X(avcodec_receive_frame)         \
    X(avcodec_receive_packet)        \
    X(avcodec_send_frame)            \
    X(avcodec_send_packet)

#define AV_UTIL_FUNCTIONS(X)                \
    X(av_channel_layout_channel_from_index) \
    X(av_channel_layout_copy)               \
    X(av_channel_layout_default)            \
    X(av_channel_layout_uninit)             \
    X(av_dict_get)                          \
    X(av_frame_alloc)                       \
    X(av_frame_free)                        \
    X(av_frame_get_buffer)                  \
    X(av_frame_move_ref)                    \
    X(av_frame_unref)                       \
    X(av_freep)                             \
    X(av_get_bytes_per_sample)              \
    X(av_get_packed_sample_fmt)             \
    X(av_log_set_level)                     \
    X(av_malloc)                            \
    X(av_max_alloc)                         \
    X(av_rescale_q)                         \
    X(av_sample_fmt_is_planar)

#define AV_RESAMPLE_FUNCTIONS(X) \
    X(swr_alloc_set_opts2)       \
    X(swr_convert)               \
    X(swr_free)                  \
    X(swr_get_out_samples)       \
    X(swr_init)

struct av {
#define X(name) __typeof__(name) *name;
    AV_FORMAT_FUNCTIONS(X)
    AV_CODEC_FUNCTIONS(X)
    AV_UTIL_FUNCTIONS(X)
    AV_RESAMPLE_FUNCTIONS(X)
#undef X
};

/* Loads the libraries, for the life of the process. Fails with ERR_UNAVAILABLE if one is missing or
 * lacks a function. */
bool av_load(struct av *out, struct error *err);

#endif
