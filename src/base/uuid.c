#include "base/uuid.h"

#include <string.h>

struct uuid uuid_new(const struct clock *clock, const struct random_source *random)
{
    int64_t now_us = clock_now_us(clock);
    uint64_t ms = (uint64_t)(now_us / 1000);
    unsigned fraction = (unsigned)(now_us % 1000) * 4096 / 1000;
    struct uuid id;

    random->fill(random, id.bytes + 8, 8);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    id.bytes[6] = (uint8_t)(0x70 | (fraction >> 8));
    id.bytes[7] = (uint8_t)fraction;
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

bool uuid_is_nil(struct uuid id)
{
    return uuid_equal(id, (struct uuid){{0}});
}

bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

/* Where in the text each group of bytes begins: 8-4-4-4-12 digits. */
static const struct {
    size_t byte, bytes, at;
} groups[] = {{0, 4, 0}, {4, 2, 9}, {6, 2, 14}, {8, 2, 19}, {10, 6, 24}};

void uuid_format(struct uuid id, char out[static UUID_TEXT_SIZE])
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        hex_encode(id.bytes + groups[i].byte, groups[i].bytes, out + groups[i].at);
        out[groups[i].at + 2 * groups[i].bytes] = '-';
    }
    out[UUID_TEXT_SIZE - 1] = '\0';
}

bool uuid_parse(struct str text, struct uuid *out)
{
    struct uuid id;

    if (text.len != UUID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        struct str digits = {text.ptr + groups[i].at, 2 * groups[i].bytes};

        if (!hex_decode(digits, id.bytes + groups[i].byte, groups[i].bytes) ||
            (groups[i].at > 0 && text.ptr[groups[i].at - 1] != '-'))
            return false;
    }
    *out = id;
    return true;
}
