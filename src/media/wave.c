#include "media/wave.h"

#include <string.h>

#define CHUNKS_MAX 10000
#define SIZE_ELSEWHERE UINT32_MAX

/* Chunks of RIFF: a name and 32 bits of size, padded to even. In RF64 and BW64 (ITU-R BS.2088) the
 * size of data may stand in ds64 instead. */
static bool find_riff(struct input *in, uint64_t start, uint64_t end, bool big_endian,
                      struct wave_data *out)
{
    uint64_t at = start + 12;
    uint64_t long_size = 0;

    for (int i = 0; i < CHUNKS_MAX && at + 8 <= end; i++) {
        uint8_t head[24] = {0};
        uint32_t size;

        input_read(in, at, head, sizeof head);
        size = big_endian ? be32(head + 4) : le32(head + 4);
        if (memcmp(head, "ds64", 4) == 0)
            long_size = le64(head + 16);
        if (memcmp(head, "data", 4) == 0) {
            out->at = at + 8;
            out->declared = size != SIZE_ELSEWHERE ? size : long_size > 0 ? long_size : UINT64_MAX;
            return true;
        }
        at += 8 + (uint64_t)size + (size & 1);
    }
    return false;
}

/* Chunks of Wave64: a GUID and 64 bits of size, which counts this head of 24; padded to 8. */
static bool find_w64(struct input *in, uint64_t start, uint64_t end, struct wave_data *out)
{
    uint64_t at = start + 40;

    for (int i = 0; i < CHUNKS_MAX && at + 24 <= end; i++) {
        uint8_t head[24] = {0};
        uint64_t size;

        input_read(in, at, head, sizeof head);
        size = le64(head + 16);
        if (memcmp(head, "data", 4) == 0) {
            out->at = at + 24;
            out->declared = size > 24 ? size - 24 : 0;
            return true;
        }
        if (size < 24 || size > end - at)
            return false;
        at += (size + 7) & ~UINT64_C(7);
    }
    return false;
}

/* Chunks of CAF: a name and 64 bits of size. pakt counts packets, then frames that are to be heard;
 * data begins with a count of edits. */
static bool find_caf(struct input *in, uint64_t start, uint64_t end, struct wave_data *out)
{
    uint64_t at = start + 8;
    bool found = false;

    for (int i = 0; i < CHUNKS_MAX && at + 12 <= end; i++) {
        uint8_t head[28] = {0};
        uint64_t size;

        input_read(in, at, head, sizeof head);
        size = be64(head + 4);
        if (memcmp(head, "pakt", 4) == 0)
            out->frames = be64(head + 20) <= INT64_MAX ? be64(head + 20) : 0;
        if (memcmp(head, "data", 4) == 0) {
            found = true;
            out->at = at + 16;
            out->declared = size == UINT64_MAX ? size : size > 4 ? size - 4 : 0;
        }
        if (size > end - at - 12)
            break;
        at += 12 + size;
    }
    return found;
}

bool wave_find_data(struct input *in, uint64_t start, uint64_t end, struct wave_data *out)
{
    uint8_t head[4] = {0};

    input_read(in, start, head, sizeof head);
    if (memcmp(head, "riff", 4) == 0)
        return find_w64(in, start, end, out);
    if (memcmp(head, "caff", 4) == 0)
        return find_caf(in, start, end, out);
    return find_riff(in, start, end, memcmp(head, "RIFX", 4) == 0, out);
}
