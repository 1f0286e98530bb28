/*
 * FLAC (RFC 9639), read without libav: 5.1 refuses some valid streams, and the truth about a file's
 * length stands in the frames at its end, not in its header.
 */
#ifndef MEDIA_FLAC_H
#define MEDIA_FLAC_H

#include "media/probe.h"

struct flac_info {
    uint32_t block_min; /* samples per frame */
    uint32_t block_max;
    uint32_t sample_rate_hz;
    uint32_t channels;
    uint32_t bits;
    uint64_t samples;  /* 0: not known */
    uint64_t audio_at; /* where frames begin */
};

struct flac_frame {
    uint64_t first_sample;
    uint32_t samples;
    uint32_t sample_rate_hz; /* 0: as the header of the file says */
    uint32_t channels;
    uint32_t bits; /* 0: as the header of the file says */
    size_t header_bytes;
};

/* Reads the metadata blocks at the probe's start: STREAMINFO, tags, the first picture. False if it
 * does not begin with fLaC. Missing STREAMINFO leaves zeros. */
bool flac_read_header(struct probe *probe, struct flac_info *out);

/* A frame's header (section 9.1), its checksum included. */
bool flac_parse_frame(const uint8_t *bytes, size_t length, const struct flac_info *info,
                      struct flac_frame *out);

/* The number of samples up to the end of the last whole frame between the info's audio and END: its
 * position is in its header. 0 if there is no whole frame. */
uint64_t flac_count_samples(struct input *in, const struct flac_info *info, uint64_t end);

/* All of it: facts, tags, duration. False if there is neither a header nor a frame. */
bool flac_probe(struct probe *probe);

/* Vorbis comments (also those of FLAC): a vendor's name, then KEY=value. */
void vorbis_comments_read(struct tags *tags, const uint8_t *bytes, size_t length);

#endif
