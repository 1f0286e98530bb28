/* The outermost structure of containers, walked without libav: is the file whole, and what kind of
 * whole is it? */
#ifndef MEDIA_BOXES_H
#define MEDIA_BOXES_H

#include "media/input.h"

/* MP4 (ISO 14496-12): the boxes at the top level. */
struct mp4_outline {
    bool fragmented; /* there are moof boxes */
    bool cut;        /* the last box promises more than the file holds */
};
void mp4_outline(struct input *in, uint64_t at, uint64_t end, struct mp4_outline *out);

/* Matroska (RFC 9559): the one Segment. */
struct matroska_outline {
    bool sized; /* its size is known: it was finished */
    bool cut;   /* and larger than the file */
};
void matroska_outline(struct input *in, uint64_t at, uint64_t end, struct matroska_outline *out);

/* Ogg (RFC 3533): the pages of the first audio stream and of those chained behind it. */
struct ogg_outline {
    unsigned links;
    int64_t length_us; /* of all links, from their last granule positions */
    uint64_t bytes;    /* of their pages' content */
    bool cut;          /* the last page is not whole */
};
void ogg_outline(struct input *in, uint64_t at, uint64_t end, struct ogg_outline *out);

/* ASF: the File Properties object. */
struct asf_outline {
    int64_t length_us; /* as it says; 0: it does not */
    bool cut;          /* the file is smaller than it says */
};
void asf_outline(struct input *in, uint64_t at, uint64_t end, struct asf_outline *out);

/* AVI: the RIFF header says how large the file is: is it less? */
bool avi_is_cut(struct input *in, uint64_t at, uint64_t end);

#endif
