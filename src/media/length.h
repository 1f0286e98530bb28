/* How long the audio really is: what the header says, held against what the file holds. */
#ifndef MEDIA_LENGTH_H
#define MEDIA_LENGTH_H

#include "media/demux.h"
#include "media/frames.h"

/* Sets the probe's duration and where it comes from, with notes on what did not agree. False if
 * there is no audio in the file though its header promises some. */
bool length_of_stream(struct demux *demux, struct probe *probe);

/* The same for a chain of frames that begins at AT with FIRST. */
bool length_of_frames(struct probe *probe, const struct frame_format *format, uint64_t at,
                      const struct frame_header *first);

/* FLAC: the position behind the last whole frame, in samples, found from the file's end. False if
 * there is no such frame. */
bool flac_last_sample(struct input *in, uint64_t start, uint64_t end, uint64_t *samples);

/* What an Ogg file's pages say of one logical stream and those chained to it. */
struct ogg_span {
    uint64_t samples; /* granules from the first to the last page, of all links */
    bool ended;       /* the last page is marked as such */
};

#endif
