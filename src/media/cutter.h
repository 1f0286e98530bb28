/*
 * Cuts what is decoded into chunks: one stream through one resampler, which is then only divided.
 * Joined, without their overlap, the chunks are that stream.
 */
#ifndef MEDIA_CUTTER_H
#define MEDIA_CUTTER_H

#include "media/bank.h"
#include "media/chunk_file.h"
#include "media/mix.h"

/* What happens to the chunks. */
struct cutter_out {
    void *context;
    void (*open)(void *context, uint32_t index);
    chunk_out *data;
    void (*close)(void *context, const struct media_chunk *chunk, const uint8_t *head,
                  size_t head_length);
};

struct cutter {
    const struct av *av;
    const struct media_cut *wanted;
    bool lossless; /* the file keeps its samples as they are */
    struct cutter_out out;
    struct chunk_form form;
    struct bank resampler;
    bool is_ready; /* the resampler is open */
    AVChannelLayout in_layout;
    int in_rate_hz;
    int in_format;
    bool mixes;  /* what is resampled is the mean of all channels */
    bool splits; /* there are more of them than one resampler takes */
    struct mix mix;

    /* All of these in samples of the output. */
    uint64_t step; /* a chunk's length at most, without its overlap; the first has none */
    uint64_t overlap;
    uint64_t window; /* to both sides; 0: boundaries are fixed */

    uint64_t boundary; /* where the chunk at hand begins, its overlap not counted */
    uint64_t have;     /* up to here samples came out of the resampler */
    uint64_t written;  /* up to here they are in chunks */
    uint8_t *held;     /* samples from HELD_AT to HAVE */
    uint64_t held_at;
    size_t held_room;

    struct chunk_file file;
    struct media_chunk chunk; /* the one at hand, if open */
    bool is_open;
    uint32_t count;      /* of chunks that were begun */
    const char *trouble; /* why it cannot go on */
};

/* WANTED stays the caller's until the cutter is done. */
void cutter_init(struct cutter *cutter, const struct av *av, const struct media_cut *wanted,
                 bool lossless, const struct cutter_out *out);
/* False when it cannot go on: see TROUBLE. */
bool cutter_add(struct cutter *cutter, const AVFrame *frame);
bool cutter_finish(struct cutter *cutter);
void cutter_done(struct cutter *cutter);

#endif
