/*
 * The bytes of the file at hand, read by position. Reading never fails loudly: where the file ends
 * or cannot be read, bytes are missing.
 */
#ifndef MEDIA_INPUT_H
#define MEDIA_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_WINDOW_BYTES 65536

struct input {
    int fd;
    uint64_t size;       /* bytes; nothing is read at or past it */
    int64_t deadline_us; /* of the monotonic clock: long walks stop there */
    bool late;           /* a walk was cut short */

    /* What was read last, for walks from header to header. */
    uint64_t window_at;
    size_t window_length;
    uint8_t window[INPUT_WINDOW_BYTES];
};

void input_init(struct input *in, int fd, uint64_t size, int64_t deadline_us);

/* Reads up to LENGTH bytes at OFFSET past the window; returns how many there were. */
size_t input_read(struct input *in, uint64_t offset, void *bytes, size_t length);

/* LENGTH (at most INPUT_WINDOW_BYTES) bytes at OFFSET, or NULL if the file does not hold them. They
 * stay until the next call. */
const uint8_t *input_view(struct input *in, uint64_t offset, size_t length);

/* Has the time for this file run out? Remembers it in LATE. Cheap enough for every frame. */
bool input_is_late(struct input *in);

static inline uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}
static inline uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | be24(p + 1);
}
static inline uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}
static inline uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}
static inline uint32_t le32(const uint8_t *p)
{
    return (uint32_t)le16(p + 2) << 16 | le16(p);
}
static inline uint64_t le64(const uint8_t *p)
{
    return (uint64_t)le32(p + 4) << 32 | le32(p);
}

#endif
