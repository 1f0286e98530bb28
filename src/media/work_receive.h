/* What comes from a process at work, held against what a sane one would send next, and written to
 * the caller's descriptors. */
#ifndef MEDIA_WORK_RECEIVE_H
#define MEDIA_WORK_RECEIVE_H

#include "media/work_protocol.h"

/* A file that is being written. */
struct work_output {
    struct media_output what;
    int fd; /* the caller's; -1: not open */
    bool was_open;
    uint64_t size;
};

struct work_receive {
    const struct media_order *order;
    const struct media_sink *sink;
    struct arena *mem;
    struct work_output chunk;
    struct work_output zooms[MEDIA_ZOOMS_MAX];
    uint32_t chunks;        /* that are done */
    uint64_t chunk_end;     /* of the last, in samples */
    uint32_t chunk_rate_hz; /* 0: not known yet */
    double done;
    char *texts[2]; /* report and analysis as they grow */
    size_t text_lengths[2];
    struct work_end end;
};

enum receive_result {
    RECEIVE_GOES_ON,
    RECEIVE_ENDED,   /* END is filled, and everything that was ordered has come */
    RECEIVE_MADNESS, /* it is not what a sane process would send */
    RECEIVE_FAILED   /* a callback or a write: see ERR */
};

void receive_init(struct work_receive *receive, const struct media_order *order,
                  const struct media_sink *sink, struct arena *mem);
void receive_done(struct work_receive *receive);

/* Takes one message of LENGTH bytes. */
enum receive_result receive_message(struct work_receive *receive, const void *bytes, size_t length,
                                    struct error *err);

/* The texts, once it has ended; NULL if they are not there or make no sense. */
const char *receive_text(const struct work_receive *receive, enum work_kind kind);

#endif
