/*
 * The coded audio of a file, packet by packet, for a decoder: from libav's demuxer, or, where our
 * own eyes see more than it does, from the file itself. Chains of frames are walked over junk;
 * plain samples are taken as far as they reach, whatever a header of 32 bits says.
 */
#ifndef MEDIA_PACKETS_H
#define MEDIA_PACKETS_H

#include "media/demux.h"
#include "media/frames.h"

struct packets {
    struct probe *probe;
    struct demux demux; /* open unless frames are walked */
    bool demuxing;      /* its packets are those that are taken */
    AVPacket *packet;   /* the packet at hand: the demuxer's, or own */
    AVPacket *own;
    uint64_t at; /* in the file: of what comes next */
    uint64_t end;
    size_t frame_bytes; /* of plain samples, all channels */
    uint64_t junk;      /* bytes passed over before the packet at hand */
    bool cut;           /* the file ends within a frame */
    uint64_t frames;    /* that were walked, a summary's own not counted */

    /* What the summary of an MP3 says. */
    uint64_t frames_declared;  /* 0: nothing */
    uint64_t samples_declared; /* in them, what encoders put around it left out */
    bool lacks_bytes;          /* there are less than it says, or it does not say */

    /* What is to be heard, in samples of the file's rate: what encoders put around it is left out.
     */
    uint64_t skip;  /* at the beginning, not counting what libav drops by itself */
    uint64_t limit; /* in all; 0: to the end */
};

/* Opens what PROBE found. False if the demuxer cannot. */
bool packets_open(struct packets *packets, struct probe *probe);
void packets_close(struct packets *packets);

/* The next packet; false at the end. */
bool packets_next(struct packets *packets);

/* The codec of what comes; NULL parameters: frames that carry all that a decoder must know. */
enum AVCodecID packets_codec(const struct packets *packets);
const AVCodecParameters *packets_parameters(const struct packets *packets);

/* How much of the file is behind us, 0 to 1. */
double packets_done(const struct packets *packets);

#endif
