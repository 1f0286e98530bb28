/*
 * Formats that are a mere chain of frames: MPEG audio layers 1 to 3, AAC in ADTS, AC-3 and E-AC-3.
 * Nothing but the frames' own headers tells what they are, so a single match counts for little: a
 * chain must hold.
 */
#ifndef MEDIA_FRAMES_H
#define MEDIA_FRAMES_H

#include "media/input.h"

#define FRAME_HEAD_BYTES 8

struct frame_header {
    uint32_t bytes;   /* of the whole frame */
    uint32_t samples; /* per channel; 0 for a frame that adds to the one before */
    int32_t sample_rate_hz;
    int32_t channels;
    int32_t bitrate_kbps; /* 0: not in the header */
    uint32_t kind;        /* equal for all frames of one stream */
};

struct frame_format {
    const char *container; /* mp3, aac, ac3 */
    bool (*parse)(const uint8_t head[static FRAME_HEAD_BYTES], struct frame_header *out);
};

extern const struct frame_format frame_mpeg;
extern const struct frame_format frame_adts;
extern const struct frame_format frame_ac3;

/* The layer of MPEG audio, 1 to 3, and whether the frame is of MPEG-1 (else 2 or 2.5). */
unsigned frame_mpeg_layer(const struct frame_header *header);
bool frame_mpeg_is_v1(const struct frame_header *header);
/* E-AC-3 rather than AC-3? */
bool frame_ac3_is_enhanced(const struct frame_header *header);

/* Where a chain begins, between FROM and END. A chain at FROM itself needs three frames, one
 * further on more, or frames right up to END. False if there is none within the first 512 KiB. */
bool frames_find(struct input *in, const struct frame_format *format, uint64_t from, uint64_t end,
                 uint64_t *at, struct frame_header *first);

/*
 * The frame of KIND's kind at or behind *AT, over junk where the chain breaks: *AT moves to it,
 * JUNK is how many bytes were passed over. False at END, or where the last frame is not whole
 * (then *CUT, and *AT stands on it).
 */
bool frames_next(struct input *in, const struct frame_format *format,
                 const struct frame_header *kind, uint64_t *at, uint64_t end,
                 struct frame_header *out, uint64_t *junk, bool *cut);

struct frame_walk {
    uint64_t frames;
    uint64_t samples;
    uint64_t bytes; /* of frames */
    uint64_t junk;  /* bytes between frames */
    uint64_t next;  /* behind the last frame */
    bool cut;       /* the last frame is not whole; it does not count */
    bool constant;  /* all frames are of one bit rate */
};

/* Walks the frames of FIRST's kind from AT to END, at most MAX_FRAMES, over junk where the chain
 * breaks. */
void frames_walk(struct input *in, const struct frame_format *format,
                 const struct frame_header *first, uint64_t at, uint64_t end, uint64_t max_frames,
                 struct frame_walk *out);

/* The mean length in bytes of frames looked at in a few places between AT and END; 0 if none is
 * found. */
double frames_mean_bytes(struct input *in, const struct frame_format *format,
                         const struct frame_header *first, uint64_t at, uint64_t end);

#endif
