/* The times of packets in containers that stamp them, each held against the end of the one before:
 * what lies between two of them is missing, though nothing says so. */
#ifndef MEDIA_TIMELINE_H
#define MEDIA_TIMELINE_H

#include "media/demux.h"

struct timeline {
    const struct demux *demux; /* NULL: of a container whose times do not tell */
    bool is_ogg;
    bool counts;   /* packets do not say how long they are: what came out of the decoder does */
    int64_t slack; /* what times of intact files are apart, in the stream's time base */
    int64_t next;  /* when the next packet is due, and with COUNTS how much later than what has
                      come out; AV_NOPTS_VALUE: not known */
    struct {
        int64_t position; /* among the demuxer's bytes */
        uint32_t serial;  /* of its link of the chain */
        unsigned number;  /* among the link's pages with audio, from 1 on */
    } page;               /* of Ogg, that the packet before began on */
};

/* DEMUX, which PROBE found, stays open as long as the timeline is used. */
void timeline_init(struct timeline *timeline, const struct demux *demux, const struct probe *probe);

/* The samples that are missing before the demuxer's packet at hand, which itself holds SAMPLES (0:
 * not known); SEEN are those before it, decoded or known to be lost. Call it for each packet, in
 * order. */
uint64_t timeline_gap(struct timeline *timeline, uint64_t samples, uint64_t seen);

#endif
