#include "media/waveform_json.h"

#include <stdio.h>
#include <string.h>

#include "base/scoped.h"

#define HEAD_BYTES 24
#define VERSION 2
/* A value has six digits at most ("-32768"), of which two bytes make one, and a comma. */
#define DAT_BYTES 1024

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool read_head(struct waveform_json *self, struct error *err)
{
    uint8_t head[HEAD_BYTES];
    size_t have = 0;
    size_t got = 1;

    for (; have < sizeof head && got > 0; have += got)
        if (!self->dat->read(self->dat, head + have, sizeof head - have, &got, err))
            return false;
    if (have < sizeof head || le32(head) != VERSION || le32(head + 4) > 1)
        return error_set(err, ERR_INTERNAL, "the waveform is no .dat of version 2");
    self->bits = le32(head + 4) == 1 ? 8 : 16;
    self->length = (size_t)snprintf(self->text, sizeof self->text,
                                    "{\"version\":2,\"channels\":%u,\"sample_rate\":%u,"
                                    "\"samples_per_pixel\":%u,\"bits\":%u,\"length\":%u,\"data\":[",
                                    le32(head + 20), le32(head + 8), le32(head + 12), self->bits,
                                    le32(head + 16));
    return true;
}

static void put(struct waveform_json *self, int value)
{
    self->length += (size_t)snprintf(self->text + self->length, sizeof self->text - self->length,
                                     "%s%d", self->has_values ? "," : "", value);
    self->has_values = true;
}

static void put_byte(struct waveform_json *self, uint8_t byte)
{
    if (self->bits == 8) {
        put(self, (int8_t)byte);
    } else if (self->has_rest) {
        put(self, (int16_t)(uint16_t)(self->rest | byte << 8));
        self->has_rest = false;
    } else {
        self->rest = byte;
        self->has_rest = true;
    }
}

static bool refill(struct waveform_json *self, struct error *err)
{
    uint8_t bytes[DAT_BYTES];
    size_t got;

    self->taken = 0;
    self->length = 0;
    if (self->bits == 0)
        return read_head(self, err);
    if (!self->dat->read(self->dat, bytes, sizeof bytes, &got, err))
        return false;
    for (size_t i = 0; i < got; i++)
        put_byte(self, bytes[i]);
    if (got == 0) {
        memcpy(self->text, "]}", 2);
        self->length = 2;
        self->ended = true;
    }
    return true;
}

static bool read_json(struct source *base, void *buf, size_t size, size_t *out, struct error *err)
{
    struct waveform_json *self = container_of(base, struct waveform_json, base);
    size_t count;

    while (self->taken == self->length && !self->ended)
        if (!refill(self, err))
            return false;
    count = self->length - self->taken < size ? self->length - self->taken : size;
    memcpy(buf, self->text + self->taken, count);
    self->taken += count;
    *out = count;
    return true;
}

void waveform_json_init(struct waveform_json *self, struct source *dat)
{
    *self = (struct waveform_json){.base = {read_json}, .dat = dat};
}
