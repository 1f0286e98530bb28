/* ID3v2.2, 2.3 and 2.4 (id3.org). */
#include <string.h>

#include "media/id3.h"

#define HEADER_BYTES 10
#define TAGS_IN_A_ROW_MAX 8
#define FRAMES_MAX 4096
#define FRAME_READ_BYTES 65536      /* of one frame; text does not need more */
#define UNSYNC_READ_BYTES (1 << 20) /* of a tag that must be read whole to be read at all */

enum { TAG_UNSYNC = 0x80, TAG_EXTENDED = 0x40, TAG_FOOTER = 0x10 };
enum {
    FRAME_24_COMPRESSED = 0x08,
    FRAME_24_ENCRYPTED = 0x04,
    FRAME_24_UNSYNC = 0x02,
    FRAME_24_LENGTH = 0x01
};
enum { FRAME_23_COMPRESSED = 0x80, FRAME_23_ENCRYPTED = 0x40, FRAME_23_GROUPED = 0x20 };

/* The frames of one tag: in the file, or in memory once undone of its unsynchronisation. */
struct source {
    struct input *in;
    uint64_t at;           /* in the file */
    const uint8_t *memory; /* NULL: read the file */
    uint64_t length;
    unsigned version; /* 2, 3, 4 */
};

struct frame {
    char id[5];
    uint64_t at; /* of its content */
    uint64_t length;
    unsigned flags;
};

static uint32_t syncsafe(const uint8_t *p)
{
    return (uint32_t)(p[0] & 0x7f) << 21 | (uint32_t)(p[1] & 0x7f) << 14 |
           (uint32_t)(p[2] & 0x7f) << 7 | (p[3] & 0x7f);
}

static size_t source_read(const struct source *source, uint64_t at, void *bytes, size_t length)
{
    if (at >= source->length)
        return 0;
    if (length > source->length - at)
        length = (size_t)(source->length - at);
    if (!source->memory)
        return input_read(source->in, source->at + at, bytes, length);
    memcpy(bytes, source->memory + at, length);
    return length;
}

/* Section 6.1: a zero was put behind every 0xff. */
static size_t undo_unsync(uint8_t *bytes, size_t length)
{
    size_t out = 0;

    for (size_t i = 0; i < length; i++) {
        bytes[out++] = bytes[i];
        if (bytes[i] == 0xff && i + 1 < length && bytes[i + 1] == 0)
            i++;
    }
    return out;
}

static bool is_frame_id(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!((bytes[i] >= 'A' && bytes[i] <= 'Z') || (bytes[i] >= '0' && bytes[i] <= '9')))
            return false;
    return true;
}

/* Does a frame, padding or the end of the tag stand at AT? */
static bool is_border(const struct source *source, uint64_t at)
{
    uint8_t next[4] = {0};

    return at == source->length || (source_read(source, at, next, sizeof next) == sizeof next &&
                                    (is_frame_id(next, sizeof next) || be32(next) == 0));
}

/* ID3v2.4 has sizes of 4 times 7 bits; iTunes and others wrote plain ones. */
static uint64_t frame_length_24(const struct source *source, uint64_t content, const uint8_t *size)
{
    uint64_t plain = be32(size);
    uint64_t safe = syncsafe(size);

    if ((plain & 0x80808080) ||
        (plain != safe && !is_border(source, content + safe) && is_border(source, content + plain)))
        return plain;
    return safe;
}

static bool frame_next(const struct source *source, uint64_t *at, struct frame *out)
{
    size_t head_length = source->version == 2 ? 6 : 10;
    size_t id_length = source->version == 2 ? 3 : 4;
    uint8_t head[10];

    if (source_read(source, *at, head, head_length) < head_length || !is_frame_id(head, id_length))
        return false;
    *out = (struct frame){.at = *at + head_length};
    memcpy(out->id, head, id_length);
    if (source->version == 2) {
        out->length = be24(head + 3);
    } else {
        out->flags = head[9];
        out->length =
            source->version == 4 ? frame_length_24(source, out->at, head + 4) : be32(head + 4);
    }
    *at = out->at + out->length;
    return *at <= source->length;
}

/* The beginning of a frame's content with its encodings undone; NULL if that cannot be done. */
static uint8_t *frame_content(const struct source *source, const struct frame *frame,
                              struct arena *mem, size_t *length)
{
    unsigned unreadable = source->version == 4 ? FRAME_24_COMPRESSED | FRAME_24_ENCRYPTED
                                               : FRAME_23_COMPRESSED | FRAME_23_ENCRYPTED;
    size_t room = frame->length < FRAME_READ_BYTES ? (size_t)frame->length : FRAME_READ_BYTES;
    size_t skip = 0;
    uint8_t *bytes;

    if (source->version != 2 && (frame->flags & unreadable))
        return NULL;
    bytes = arena_alloc(mem, room + 1);
    *length = source_read(source, frame->at, bytes, room);
    if (source->version == 4 && (frame->flags & FRAME_24_LENGTH))
        skip = 4;
    if (source->version == 3 && (frame->flags & FRAME_23_GROUPED))
        skip = 1;
    if (skip > *length)
        return NULL;
    *length -= skip;
    memmove(bytes, bytes + skip, *length);
    if (source->version == 4 && (frame->flags & FRAME_24_UNSYNC))
        *length = undo_unsync(bytes, *length);
    return bytes;
}

static void read_text(struct probe *probe, const char *id, const uint8_t *bytes, size_t length)
{
    size_t at = 1;

    /* Several values may follow each other; the first that says something is taken. */
    while (at < length) {
        size_t used;
        const char *text = id3_text(probe->mem, bytes[0], bytes + at, length - at, &used);

        if (text[0]) {
            tags_add(&probe->tags, str_from(id), str_from(text));
            return;
        }
        at += used;
    }
}

/* TXXX: a description and a value. */
static void read_user_text(struct probe *probe, const uint8_t *bytes, size_t length)
{
    size_t used;
    const char *key = id3_text(probe->mem, bytes[0], bytes + 1, length - 1, &used);

    tags_add(&probe->tags, str_from(key),
             str_from(id3_text(probe->mem, bytes[0], bytes + 1 + used, length - 1 - used, NULL)));
}

/* COMM, USLT: language, description, text. Players keep figures of theirs in comments that have a
 * description such as iTunNORM. */
static void read_comment(struct probe *probe, const char *id, const uint8_t *bytes, size_t length,
                         bool described)
{
    const char *description;
    size_t used;

    if (length < 5)
        return;
    description = id3_text(probe->mem, bytes[0], bytes + 4, length - 4, &used);
    if ((description[0] != '\0') != described || strncmp(description, "iTun", 4) == 0)
        return;
    tags_add(&probe->tags, str_from(id),
             str_from(id3_text(probe->mem, bytes[0], bytes + 4 + used, length - 4 - used, NULL)));
}

/* APIC: type of picture as MIME (2.2: three letters), kind, description, bytes. */
static void read_picture(struct probe *probe, const struct frame *frame, unsigned version,
                         const uint8_t *bytes, size_t length)
{
    size_t at = 1;
    size_t used;

    if (probe->cover.mime_type || length < 8)
        return;
    if (version == 2)
        at += 3;
    else
        at += strnlen((const char *)bytes + 1, length - 1) + 1;
    if (++at >= length) /* the kind */
        return;
    id3_text(probe->mem, bytes[0], bytes + at, length - at, &used);
    at += used;
    probe->cover = (struct cover){.mime_type = "application/octet-stream",
                                  .bytes = frame->length > at ? frame->length - at : 0};
    picture_measure(bytes + at, length - at, &probe->cover);
}

/* CHAP (id3v2-chapters-1.0): an id, start and end in milliseconds and in bytes, frames. */
static void read_chapter(struct probe *probe, unsigned version, const uint8_t *bytes, size_t length)
{
    size_t at = strnlen((const char *)bytes, length) + 1;
    struct source inner = {.memory = bytes + at + 16, .version = version};
    struct chapter *chapter = &probe->chapters[probe->chapter_count];
    struct frame frame;
    uint64_t next = 0;

    if (probe->chapter_count == CHAPTERS_MAX || at + 16 > length)
        return;
    *chapter = (struct chapter){.start_ms = be32(bytes + at), .end_ms = be32(bytes + at + 4)};
    inner.length = length - at - 16;
    while (!chapter->title && frame_next(&inner, &next, &frame))
        if (strcmp(frame.id, "TIT2") == 0 && frame.length > 1)
            chapter->title = id3_text(probe->mem, inner.memory[frame.at],
                                      inner.memory + frame.at + 1, (size_t)frame.length - 1, NULL);
    probe->chapter_count++;
}

static void read_frame(struct probe *probe, const struct source *source, const struct frame *frame,
                       bool second_look)
{
    bool comment = strcmp(frame->id, "COMM") == 0 || strcmp(frame->id, "COM") == 0 ||
                   strcmp(frame->id, "USLT") == 0 || strcmp(frame->id, "ULT") == 0;
    bool picture = strcmp(frame->id, "APIC") == 0 || strcmp(frame->id, "PIC") == 0;
    bool chapter = strcmp(frame->id, "CHAP") == 0;
    size_t length;
    uint8_t *bytes;

    if ((!comment && !picture && !chapter && frame->id[0] != 'T') || (second_look && !comment) ||
        !probe_afford(probe,
                      frame->length < FRAME_READ_BYTES ? (size_t)frame->length : FRAME_READ_BYTES))
        return;
    bytes = frame_content(source, frame, probe->mem, &length);
    if (!bytes || length < 2)
        return;
    if (comment)
        read_comment(probe, frame->id, bytes, length, second_look);
    else if (picture)
        read_picture(probe, frame, source->version, bytes, length);
    else if (chapter)
        read_chapter(probe, source->version, bytes, length);
    else if (strcmp(frame->id, "TXXX") == 0 || strcmp(frame->id, "TXX") == 0)
        read_user_text(probe, bytes, length);
    else
        read_text(probe, frame->id, bytes, length);
}

/* Comments without description first: those are the user's own words. */
static void read_frames(struct probe *probe, const struct source *source, uint64_t first)
{
    for (int look = 0; look < 2; look++) {
        uint64_t at = first;
        struct frame frame;

        for (int i = 0; i < FRAMES_MAX && frame_next(source, &at, &frame); i++)
            read_frame(probe, source, &frame, look == 1);
    }
}

static void read_tag(struct probe *probe, const uint8_t *header, uint64_t length)
{
    struct source source = {
        .in = probe->in, .at = probe->start + HEADER_BYTES, .length = length, .version = header[3]};
    uint64_t first = 0;
    uint8_t size[4];

    if (source.version < 2 || source.version > 4)
        return;
    if ((header[5] & TAG_UNSYNC) && source.version < 4) {
        size_t room = length < UNSYNC_READ_BYTES ? (size_t)length : UNSYNC_READ_BYTES;
        uint8_t *bytes = arena_alloc(probe->mem, room + 1);

        source.length = undo_unsync(bytes, source_read(&source, 0, bytes, room));
        source.memory = bytes;
    }
    if ((header[5] & TAG_EXTENDED) && source.version > 2 && source_read(&source, 0, size, 4) == 4)
        first = source.version == 4 ? syncsafe(size) : be32(size) + 4U;
    read_frames(probe, &source, first);
}

void id3v2_read(struct probe *probe)
{
    for (int i = 0; i < TAGS_IN_A_ROW_MAX; i++) {
        uint8_t header[HEADER_BYTES];
        uint64_t length;
        uint64_t next;

        if (input_read(probe->in, probe->start, header, sizeof header) < sizeof header ||
            memcmp(header, "ID3", 3) != 0 || header[3] == 0xff || header[4] == 0xff)
            return;
        length = syncsafe(header + 6);
        next = probe->start + HEADER_BYTES + length + (header[5] & TAG_FOOTER ? HEADER_BYTES : 0);
        if (next > probe->end)
            length = probe->end - probe->start - HEADER_BYTES;
        read_tag(probe, header, length);
        probe->start = next < probe->end ? next : probe->end;
    }
}
