#include "media/frames.h"

#include <string.h>

#define SEARCH_BYTES (512 << 10)
#define CHAIN_AT_START 3
#define CHAIN_ELSEWHERE 6

static bool header_at(struct input *in, const struct frame_format *format, uint64_t at,
                      uint64_t end, struct frame_header *out)
{
    uint8_t head[FRAME_HEAD_BYTES] = {0};
    const uint8_t *bytes;

    if (at + 4 > end)
        return false;
    bytes = input_view(in, at, sizeof head);
    if (bytes)
        memcpy(head, bytes, sizeof head);
    else if (input_read(in, at, head, sizeof head) < 4)
        return false;
    return format->parse(head, out);
}

/* Are there COUNT frames of one kind in a row at AT, or LEAST and then END (the last may be cut)?
 */
static bool chain_holds(struct input *in, const struct frame_format *format, uint64_t at,
                        uint64_t end, unsigned count, unsigned least, struct frame_header *first)
{
    struct frame_header header;
    unsigned seen = 0;

    for (; seen < count && at + 4 <= end; seen++) {
        if (!header_at(in, format, at, end, &header))
            return false;
        if (seen == 0)
            *first = header;
        else if (header.kind != first->kind)
            return false;
        at += header.bytes;
        /* One frame alone must be whole to count. */
        if (seen == 0 && at > end)
            return false;
    }
    return seen >= least;
}

/* The next byte at or after AT that may begin a frame: all kinds begin with 0xff or 0x0b. */
static uint64_t next_candidate(struct input *in, uint64_t at, uint64_t end)
{
    while (at < end) {
        size_t length = end - at < 4096 ? (size_t)(end - at) : 4096;
        const uint8_t *bytes = input_view(in, at, length);

        if (!bytes)
            return end;
        for (size_t i = 0; i < length; i++)
            if (bytes[i] == 0xff || bytes[i] == 0x0b)
                return at + i;
        at += length;
    }
    return end;
}

bool frames_find(struct input *in, const struct frame_format *format, uint64_t from, uint64_t end,
                 uint64_t *at, struct frame_header *first)
{
    uint64_t stop = end - from > SEARCH_BYTES ? from + SEARCH_BYTES : end;

    for (uint64_t here = from; here < stop && !input_is_late(in); here++) {
        here = next_candidate(in, here, stop);
        if (here == from ? chain_holds(in, format, here, end, CHAIN_AT_START, 1, first)
                         : chain_holds(in, format, here, end, CHAIN_ELSEWHERE, 3, first)) {
            *at = here;
            return true;
        }
    }
    return false;
}

/* Finds the stream again behind junk: two frames of its kind, or one that ends the file. */
static uint64_t resync(struct input *in, const struct frame_format *format,
                       const struct frame_header *kind, uint64_t at, uint64_t end)
{
    struct frame_header found;

    for (; at < end && !input_is_late(in); at++) {
        at = next_candidate(in, at, end);
        if (chain_holds(in, format, at, end, 2, 1, &found) && found.kind == kind->kind)
            return at;
    }
    return end;
}

bool frames_next(struct input *in, const struct frame_format *format,
                 const struct frame_header *kind, uint64_t *at, uint64_t end,
                 struct frame_header *out, uint64_t *junk, bool *cut)
{
    *junk = 0;
    *cut = false;
    while (*at + 4 <= end && !input_is_late(in)) {
        if (!header_at(in, format, *at, end, out) || out->kind != kind->kind) {
            uint64_t found = resync(in, format, kind, *at + 1, end);

            *junk += found - *at;
            *at = found;
            continue;
        }
        *cut = *at + out->bytes > end;
        return !*cut;
    }
    return false;
}

void frames_walk(struct input *in, const struct frame_format *format,
                 const struct frame_header *first, uint64_t at, uint64_t end, uint64_t max_frames,
                 struct frame_walk *out)
{
    struct frame_header header;
    uint64_t junk;

    *out = (struct frame_walk){.next = at, .constant = true};
    while (out->frames < max_frames &&
           frames_next(in, format, first, &at, end, &header, &junk, &out->cut)) {
        out->junk += junk;
        out->frames++;
        out->samples += header.samples;
        out->bytes += header.bytes;
        out->constant = out->constant && header.bitrate_kbps == first->bitrate_kbps;
        at += header.bytes;
        out->next = at;
    }
}

double frames_mean_bytes(struct input *in, const struct frame_format *format,
                         const struct frame_header *first, uint64_t at, uint64_t end)
{
    enum { PLACES = 8, FRAMES_EACH = 32 };
    uint64_t frames = 0;
    uint64_t bytes = 0;

    for (unsigned place = 0; place < PLACES; place++) {
        uint64_t from = at + (end - at) / PLACES * place;
        struct frame_walk walked;

        if (place > 0)
            from = resync(in, format, first, from, end);
        frames_walk(in, format, first, from, end, FRAMES_EACH, &walked);
        frames += walked.frames;
        bytes += walked.bytes;
    }
    return frames > 0 ? (double)bytes / (double)frames : 0;
}
