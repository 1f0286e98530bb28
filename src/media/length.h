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

/* For those who found out otherwise: the duration, and where it comes from. */
void length_settle(struct probe *probe, int64_t duration_us, enum media_duration_source source);
/* Notes that the file holds FOUND where its header promises DECLARED (0: nothing). */
void length_contradict(struct probe *probe, int64_t declared_us, int64_t found_us);
int64_t samples_to_us(uint64_t samples, int32_t rate_hz);

#endif
