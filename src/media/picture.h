/* Covers: what kind of picture, how large. Only headers are looked at. */
#ifndef MEDIA_PICTURE_H
#define MEDIA_PICTURE_H

#include <stddef.h>
#include <stdint.h>

struct cover {
    const char *mime_type; /* NULL: no cover */
    int32_t width;         /* 0: not known */
    int32_t height;
    uint64_t bytes;
};

/* Fills in type and size as the first LENGTH bytes of the picture tell them; leaves alone what they
 * do not. PNG, JPEG, GIF and WebP are known. */
void picture_measure(const uint8_t *bytes, size_t length, struct cover *cover);

#endif
