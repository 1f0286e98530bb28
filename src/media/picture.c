#include "media/picture.h"

#include <stdbool.h>
#include <string.h>

#include "media/input.h"

#define SIDE_MAX 100000

static void set(struct cover *cover, const char *mime_type, uint32_t width, uint32_t height)
{
    cover->mime_type = mime_type;
    if (width > 0 && width <= SIDE_MAX && height > 0 && height <= SIDE_MAX) {
        cover->width = (int32_t)width;
        cover->height = (int32_t)height;
    }
}

/* ITU T.81: markers until a start of frame (C0 to CF but C4, C8, CC). */
static void measure_jpeg(const uint8_t *bytes, size_t length, struct cover *cover)
{
    size_t at = 2;

    set(cover, "image/jpeg", 0, 0);
    while (at + 9 <= length && bytes[at] == 0xff) {
        uint8_t marker = bytes[at + 1];

        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            set(cover, "image/jpeg", be16(bytes + at + 7), be16(bytes + at + 5));
            return;
        }
        at += marker == 0xff ? 1 : 2U + be16(bytes + at + 2);
    }
}

void picture_measure(const uint8_t *bytes, size_t length, struct cover *cover)
{
    if (length >= 24 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        set(cover, "image/png", be32(bytes + 16), be32(bytes + 20));
    else if (length >= 4 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        measure_jpeg(bytes, length, cover);
    else if (length >= 10 && memcmp(bytes, "GIF8", 4) == 0)
        set(cover, "image/gif", le16(bytes + 6), le16(bytes + 8));
    else if (length >= 30 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        set(cover, "image/webp", 0, 0);
}
