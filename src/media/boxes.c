#include "media/boxes.h"

#include <string.h>

#define BOXES_MAX 4000000
#define EBML_ID_SEGMENT 0x18538067

void mp4_outline(struct input *in, uint64_t at, uint64_t end, struct mp4_outline *out)
{
    *out = (struct mp4_outline){0};
    for (int i = 0; i < BOXES_MAX && at + 8 <= end && !input_is_late(in); i++) {
        uint8_t head[16] = {0};
        uint64_t size;

        input_read(in, at, head, sizeof head);
        size = be32(head);
        if (size == 1)
            size = be64(head + 8);
        if (memcmp(head + 4, "moof", 4) == 0)
            out->fragmented = true;
        if (size == 0) /* up to the end of the file */
            return;
        if (size < 8)
            return;
        if (size > end - at) {
            out->cut = true;
            return;
        }
        at += size;
    }
}

/* RFC 8794 section 4: the length of a number stands in the zeros that it begins with. Its marker
 * bit stays in if KEEP_MARKER. Returns the bytes taken, 0 if it is none. */
static size_t ebml_number(const uint8_t bytes[static 8], bool keep_marker, uint64_t *out)
{
    size_t length = 1;
    uint64_t number;

    while (length <= 8 && !(bytes[0] & 0x100U >> length))
        length++;
    if (length > 8)
        return 0;
    number = keep_marker ? bytes[0] : bytes[0] & (0xffU >> length);
    for (size_t i = 1; i < length; i++)
        number = number << 8 | bytes[i];
    *out = number;
    return length;
}

/* One element's head: its id, the length of its content (UINT64_MAX: not known). Returns the head's
 * length, 0 if there is none. */
static size_t ebml_head(struct input *in, uint64_t at, uint64_t *id, uint64_t *size)
{
    uint8_t bytes[16] = {0};
    size_t id_length;
    size_t size_length;

    input_read(in, at, bytes, sizeof bytes);
    id_length = ebml_number(bytes, true, id);
    if (id_length == 0 || id_length > 4)
        return 0;
    size_length = ebml_number(bytes + id_length, false, size);
    if (size_length > 0 && *size == (UINT64_C(1) << 7 * size_length) - 1)
        *size = UINT64_MAX;
    return size_length > 0 ? id_length + size_length : 0;
}

void matroska_outline(struct input *in, uint64_t at, uint64_t end, struct matroska_outline *out)
{
    *out = (struct matroska_outline){0};
    for (int i = 0; i < 16 && at < end; i++) {
        uint64_t id;
        uint64_t size;
        size_t head = ebml_head(in, at, &id, &size);

        if (head == 0 || size == UINT64_MAX)
            return;
        at += head;
        if (id == EBML_ID_SEGMENT) {
            out->sized = true;
            out->cut = size > end - at;
            return;
        }
        if (size > end - at)
            return;
        at += size;
    }
}

/* Its times are in 100 ns, and begin before the audio by the preroll, in ms. */
static int64_t asf_length_us(const uint8_t *properties)
{
    uint64_t play_us = le64(properties + 64) / 10, preroll_ms = le64(properties + 80);
    bool is_live = properties[88] & 1;

    if (is_live || play_us > INT64_MAX / 2 || preroll_ms >= play_us / 1000)
        return 0;
    return (int64_t)(play_us - preroll_ms * 1000);
}

void asf_outline(struct input *in, uint64_t at, uint64_t end, struct asf_outline *out)
{
    static const uint8_t FILE_PROPERTIES[16] = {0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11,
                                                0x8e, 0xe4, 0x00, 0xc0, 0x0c, 0x20, 0x53, 0x65};
    uint64_t object = at + 30;

    *out = (struct asf_outline){0};
    for (int i = 0; i < 64 && object < end; i++) {
        uint8_t head[92];
        uint64_t size;

        if (input_read(in, object, head, sizeof head) < sizeof head)
            return;
        if (memcmp(head, FILE_PROPERTIES, sizeof FILE_PROPERTIES) == 0) {
            out->cut = le64(head + 40) > end - at;
            out->length_us = asf_length_us(head);
            return;
        }
        size = le64(head + 16);
        if (size < 24 || size > end - object)
            return;
        object += size;
    }
}

bool avi_is_cut(struct input *in, uint64_t at, uint64_t end)
{
    uint8_t head[8];

    return input_read(in, at, head, sizeof head) == sizeof head &&
           8 + (uint64_t)le32(head + 4) > end - at;
}
