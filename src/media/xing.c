#include "media/xing.h"

#include <string.h>

#define VBRI_AT 36

enum { HAS_FRAMES = 1, HAS_BYTES = 2 };

/* Behind the frame's header and side information (ISO 11172-3 section 2.4.1.7). */
static size_t xing_offset(const struct frame_header *frame)
{
    if (frame_mpeg_is_v1(frame))
        return 4 + (frame->channels == 1 ? 17 : 32);
    return 4 + (frame->channels == 1 ? 9 : 17);
}

void xing_read(struct input *in, uint64_t at, const struct frame_header *frame, struct xing *out)
{
    uint8_t bytes[64] = {0};
    const uint8_t *tag = bytes + xing_offset(frame);

    *out = (struct xing){0};
    if (frame_mpeg_layer(frame) != 3 || input_read(in, at, bytes, sizeof bytes) < sizeof bytes)
        return;
    if (memcmp(tag, "Xing", 4) == 0 || memcmp(tag, "Info", 4) == 0) {
        uint32_t flags = be32(tag + 4);

        out->found = true;
        out->frames = flags & HAS_FRAMES ? be32(tag + 8) : 0;
        out->bytes = flags & HAS_BYTES ? be32(tag + (flags & HAS_FRAMES ? 12 : 8)) : 0;
    } else if (memcmp(bytes + VBRI_AT, "VBRI", 4) == 0) {
        out->found = true;
        out->bytes = be32(bytes + VBRI_AT + 10);
        out->frames = be32(bytes + VBRI_AT + 14);
    }
}
