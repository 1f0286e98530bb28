/* Tags that stand around the audio in files without a container: ID3v2 before, APE and ID3v1
 * behind. */
#ifndef MEDIA_ID3_H
#define MEDIA_ID3_H

#include "media/probe.h"

/* Reads the ID3v2 tags at the probe's start, if there are any, and moves the start behind them. Of
 * a tag of any size only the texts and the heads of pictures are read. */
void id3v2_read(struct probe *probe);

/* Reads the ID3v1, Lyrics3 and APE tags at the probe's end, and moves the end before them. */
void trailing_tags_read(struct probe *probe);

/* LENGTH bytes of ID3v2 text in ENCODING (section 4.2 of ID3v2.3): up to the terminator, as UTF-8.
 * *USED, which may be NULL, is how far the terminator reaches. */
const char *id3_text(struct arena *mem, unsigned encoding, const uint8_t *bytes, size_t length,
                     size_t *used);

#endif
