/*
 * The samples of a file, frame by frame, exactly those that are to be heard: what encoders put
 * before and behind is left out. What cannot be decoded is left out too, and noted.
 */
#ifndef MEDIA_DECODE_H
#define MEDIA_DECODE_H

#include "media/packets.h"
#include "media/timeline.h"

#define SPANS_MAX 200
#define HELD_FRAMES_MAX 8

/* A stretch that could not be decoded, or not without errors, at its place in what could. */
struct span {
    uint64_t at;      /* samples before it */
    uint64_t flawed;  /* samples of it that came out all the same */
    uint64_t samples; /* that are missing; 0: not known */
    uint64_t bytes;   /* of the file */
    const char *reason;
};

struct decode {
    const struct av *av;
    struct packets packets;
    AVCodecContext *codec;
    AVFrame *frame;
    uint64_t decoded; /* samples that came out of the decoder, those left out not counted */
    uint64_t skip_left;
    bool draining;
    struct timeline timeline;
    uint64_t packet_samples; /* of the last frame, which tells what a packet holds; 0: none yet */

    /* Frames that may lie behind the limit, kept until it is known whether more follow. */
    AVFrame *held[HELD_FRAMES_MAX];
    size_t held_count;
    uint64_t handed_out;
    bool ended;

    uint64_t first_place; /* of a file that numbers its samples: 0, or a cut-out's */
    size_t span_count;    /* of spans[]; more may have been there: */
    uint64_t spans_seen;
    uint64_t lost_samples;
    struct span spans[SPANS_MAX];
};

/* Opens a decoder for what PROBE found. False if there is none, or it cannot be opened. */
bool decode_open(struct decode *decode, struct probe *probe);
void decode_close(struct decode *decode);

/* The next frame, moved into OUT; false at the end. Never an empty one. */
bool decode_next(struct decode *decode, AVFrame *out);

#endif
