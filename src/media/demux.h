/* libavformat over the file at hand: opened with one demuxer, no protocol, no further file. */
#ifndef MEDIA_DEMUX_H
#define MEDIA_DEMUX_H

#include "media/probe.h"

struct demux {
    const struct av *av;
    struct input *in;
    uint64_t start; /* the demuxer sees the bytes from START to END */
    uint64_t end;
    uint64_t position;
    AVFormatContext *context;
    AVIOContext *io;
    AVPacket *packet;
    AVStream *audio;  /* the stream that counts; NULL: there is none */
    bool guessed;     /* durations are libav's estimate, not the header's word */
    bool finds_again; /* behind damage that libav does not pass (WavPack) */
    uint64_t behind;  /* then: where the last packet ends, in the file */
    unsigned places;  /* where it was looked for again */
    uint64_t junk;    /* bytes that could not be read before the packet at hand */
};

/* Opens the probe's format between its start and end, and chooses the audio stream. False if the
 * demuxer finds nothing that it understands. */
bool demux_open(struct demux *demux, struct probe *probe);
void demux_close(struct demux *demux);

/* The next packet of the audio stream, in demux->packet; false at the end. */
bool demux_next(struct demux *demux);

/* A moving picture among the streams, other than covers. */
bool demux_has_video(const struct demux *demux);

/* Tags, chapters and cover that the demuxer found. */
void demux_describe(struct demux *demux, struct probe *probe);

#endif
