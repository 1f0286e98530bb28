#include <string.h>

#include "media/id3.h"

#define ID3V1_BYTES 128
#define APE_FOOTER_BYTES 32
#define APE_READ_BYTES (256 << 10)
#define APE_ITEMS_MAX 256
#define LYRICS3_END_BYTES 15 /* six digits, then LYRICS200 */

/* A field of fixed width, padded with zeros or blanks. */
static void add_latin1(struct probe *probe, const char *key, const uint8_t *bytes, size_t length)
{
    struct str text = {(const char *)bytes, strnlen((const char *)bytes, length)};

    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    tags_add(&probe->tags, str_from(key),
             str_from(text_from_latin1(probe->mem, text, TAG_VALUE_MAX_BYTES)));
}

/* id3.org/ID3v1; a zero before the last byte of the comment makes that the track (1.1). */
static void id3v1_add(struct probe *probe, const uint8_t tag[static ID3V1_BYTES])
{
    bool has_track = tag[125] == 0 && tag[126] != 0;
    const char *genre = genre_name(tag[127]);

    add_latin1(probe, "title", tag + 3, 30);
    add_latin1(probe, "artist", tag + 33, 30);
    add_latin1(probe, "album", tag + 63, 30);
    add_latin1(probe, "year", tag + 93, 4);
    add_latin1(probe, "comment", tag + 97, has_track ? 28 : 30);
    if (has_track)
        tags_add(&probe->tags, str_from("track"),
                 str_from(arena_printf(probe->mem, "%u", tag[126])));
    if (genre)
        tags_add(&probe->tags, str_from("genre"), str_from(genre));
}

/* An APEv2 item: length, flags (bits 1 and 2: 0 is text), key, zero, value. */
static size_t ape_item_add(struct probe *probe, const uint8_t *bytes, size_t length)
{
    uint32_t value_length;
    size_t key_length;
    size_t value_at;

    if (length < 9)
        return 0;
    value_length = le32(bytes);
    key_length = strnlen((const char *)bytes + 8, length - 8);
    value_at = 8 + key_length + 1;
    if (value_at > length || value_length > length - value_at)
        return 0;
    if ((le32(bytes + 4) >> 1 & 3) == 0)
        tags_add(&probe->tags, (struct str){(const char *)bytes + 8, key_length},
                 (struct str){(const char *)bytes + value_at,
                              strnlen((const char *)bytes + value_at, value_length)});
    else if (!probe->cover.mime_type && strncmp((const char *)bytes + 8, "Cover Art", 9) == 0) {
        size_t name = strnlen((const char *)bytes + value_at, value_length);

        probe->cover.bytes = value_length > name ? value_length - name - 1 : 0;
        picture_measure(bytes + value_at + value_length - probe->cover.bytes,
                        (size_t)probe->cover.bytes, &probe->cover);
    }
    return value_at + value_length;
}

/* wiki.hydrogenaud.io/index.php?title=APEv2_specification */
static bool ape_read(struct probe *probe)
{
    uint8_t footer[APE_FOOTER_BYTES];
    uint32_t length;
    uint64_t first;
    size_t got;
    uint8_t *bytes;

    if (probe->end - probe->start < sizeof footer ||
        input_read(probe->in, probe->end - sizeof footer, footer, sizeof footer) < sizeof footer ||
        memcmp(footer, "APETAGEX", 8) != 0)
        return false;
    length = le32(footer + 12);
    if (length < sizeof footer || length > probe->end - probe->start)
        return false;
    first = probe->end - length;
    bytes = arena_alloc(probe->mem, length < APE_READ_BYTES ? length : APE_READ_BYTES);
    got = input_read(probe->in, first, bytes,
                     (length < APE_READ_BYTES ? length : APE_READ_BYTES) - sizeof footer);
    for (size_t at = 0, step, i = 0; at < got && i < APE_ITEMS_MAX; at += step, i++)
        if ((step = ape_item_add(probe, bytes + at, got - at)) == 0)
            break;
    /* A header of the same size stands before the items where bit 31 says so. */
    if ((le32(footer + 20) >> 31) && first - probe->start >= sizeof footer)
        first -= sizeof footer;
    probe->end = first;
    return true;
}

static bool lyrics3_skip(struct probe *probe)
{
    uint8_t mark[LYRICS3_END_BYTES];
    uint64_t length;

    if (probe->end - probe->start < sizeof mark ||
        input_read(probe->in, probe->end - sizeof mark, mark, sizeof mark) < sizeof mark ||
        memcmp(mark + 6, "LYRICS200", 9) != 0 ||
        !str_to_u64((struct str){(const char *)mark, 6}, 999999, &length) ||
        length + sizeof mark > probe->end - probe->start)
        return false;
    probe->end -= length + sizeof mark;
    return true;
}

void trailing_tags_read(struct probe *probe)
{
    uint8_t tag[ID3V1_BYTES];
    bool has_id3v1 =
        probe->end - probe->start >= sizeof tag &&
        input_read(probe->in, probe->end - sizeof tag, tag, sizeof tag) == sizeof tag &&
        memcmp(tag, "TAG", 3) == 0;

    if (has_id3v1)
        probe->end -= sizeof tag;
    while (ape_read(probe) || lyrics3_skip(probe))
        ;
    /* Last, since its fields are cut at 30 characters. */
    if (has_id3v1)
        id3v1_add(probe, tag);
}
