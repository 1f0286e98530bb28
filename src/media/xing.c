#include "media/xing.h"

#include <string.h>

#define VBRI_AT 36

enum { HAS_FRAMES = 1, HAS_BYTES = 2, HAS_TABLE = 4, HAS_QUALITY = 8 };

/* Behind the summary: the encoder's name, and 21 bytes on twice 12 bits. Encoders that do not fill
 * them in have other names. */
static void padding_read(const uint8_t *tag, uint32_t flags, struct xing *out)
{
    const uint8_t *name = tag + 8 + (flags & HAS_FRAMES ? 4 : 0) + (flags & HAS_BYTES ? 4 : 0) +
                          (flags & HAS_TABLE ? 100 : 0) + (flags & HAS_QUALITY ? 4 : 0);

    if (memcmp(name, "LAME", 4) != 0 && memcmp(name, "Lavf", 4) != 0 &&
        memcmp(name, "Lavc", 4) != 0)
        return;
    out->has_padding = true;
    out->delay = be24(name + 21) >> 12;
    out->padding = be24(name + 21) & 0xfff;
}

/* Behind the frame's header and side information (ISO 11172-3 section 2.4.1.7). */
static size_t xing_offset(const struct frame_header *frame)
{
    if (frame_mpeg_is_v1(frame))
        return 4 + (frame->channels == 1 ? 17 : 32);
    return 4 + (frame->channels == 1 ? 9 : 17);
}

void xing_read(struct input *in, uint64_t at, const struct frame_header *frame, struct xing *out)
{
    uint8_t bytes[192] = {0};
    const uint8_t *tag = bytes + xing_offset(frame);

    *out = (struct xing){0};
    if (frame_mpeg_layer(frame) != 3 || input_read(in, at, bytes, sizeof bytes) < 64)
        return;
    if (memcmp(tag, "Xing", 4) == 0 || memcmp(tag, "Info", 4) == 0) {
        uint32_t flags = be32(tag + 4);

        out->found = true;
        out->frames = flags & HAS_FRAMES ? be32(tag + 8) : 0;
        out->bytes = flags & HAS_BYTES ? be32(tag + (flags & HAS_FRAMES ? 12 : 8)) : 0;
        padding_read(tag, flags, out);
    } else if (memcmp(bytes + VBRI_AT, "VBRI", 4) == 0) {
        out->found = true;
        out->bytes = be32(bytes + VBRI_AT + 10);
        out->frames = be32(bytes + VBRI_AT + 14);
    }
}
