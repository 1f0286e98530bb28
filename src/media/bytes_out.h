/* Numbers as bytes, for headers that are written. */
#ifndef MEDIA_BYTES_OUT_H
#define MEDIA_BYTES_OUT_H

#include <stdint.h>

static inline void put_le16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}
static inline void put_le32(uint8_t *p, uint32_t value)
{
    put_le16(p, (uint16_t)value);
    put_le16(p + 2, (uint16_t)(value >> 16));
}

#endif
