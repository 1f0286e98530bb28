/*
 * Which formats are read, and how a file is known to be one of them: by its bytes, never by a weak
 * likeness and never by its name.
 */
#ifndef MEDIA_FORMAT_H
#define MEDIA_FORMAT_H

#include "media/input.h"

/* How the truth about a file's length is found. */
enum format_kind {
    FORMAT_PCM,      /* header, then samples of one size: reckoned from the bytes */
    FORMAT_FRAMES,   /* MPEG audio, ADTS, AC-3: a chain of frames, each with a header */
    FORMAT_FLAC,     /* frames that carry their position */
    FORMAT_OGG,      /* pages that carry their position */
    FORMAT_MP4,      /* a table of samples, or fragments */
    FORMAT_MATROSKA, /* clusters, perhaps without end or duration */
    FORMAT_PACKETS   /* whatever else: every packet is walked */
};

struct format {
    const char *demuxer;   /* libavformat's name for it */
    const char *container; /* ours */
    const char *file_type;
    const char *mime_type;
    enum format_kind kind;
};

/* The format of what begins at OFFSET, NULL if it is none that is read. */
const struct format *format_detect(struct input *in, uint64_t offset);

/* The format of that container name; it must exist (asserted). */
const struct format *format_named(const char *container);

#endif
