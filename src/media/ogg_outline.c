#include <string.h>

#include "media/boxes.h"

#define PAGE_HEAD_BYTES 27
#define PAGE_BEGINS_STREAM 2

struct link {
    uint32_t serial;
    uint32_t rate_hz;
    uint64_t skipped; /* samples at the start that are not played */
    uint64_t last;    /* granule position */
    bool open;
};

struct page {
    uint8_t flags;
    int64_t granule; /* -1: no packet ends here */
    uint32_t serial;
    uint32_t head_bytes;
    uint32_t content_bytes;
};

static bool page_at(struct input *in, uint64_t at, struct page *out)
{
    const uint8_t *head = input_view(in, at, PAGE_HEAD_BYTES);
    unsigned segments;

    if (!head || memcmp(head, "OggS\0", 5) != 0)
        return false;
    segments = head[26];
    head = input_view(in, at, PAGE_HEAD_BYTES + segments);
    if (!head)
        return false;
    *out = (struct page){.flags = head[5],
                         .granule = (int64_t)le64(head + 6),
                         .serial = le32(head + 14),
                         .head_bytes = PAGE_HEAD_BYTES + segments};
    for (unsigned i = 0; i < segments; i++)
        out->content_bytes += head[PAGE_HEAD_BYTES + i];
    return true;
}

/* What is left begins like a page, but is not even a page's head. */
static bool is_page_head(struct input *in, uint64_t at, uint64_t end)
{
    size_t left = end - at < 4 ? (size_t)(end - at) : 4;
    const uint8_t *bytes = input_view(in, at, left);

    return bytes && memcmp(bytes, "OggS", left) == 0 && end - at < PAGE_HEAD_BYTES + 255;
}

/* Does the first page of a stream announce audio? The granules' rate and the pre-skip stand there.
 */
static bool link_begin(struct input *in, uint64_t at, const struct page *page, struct link *out)
{
    const uint8_t *bytes = input_view(in, at, page->content_bytes);

    *out = (struct link){.serial = page->serial, .open = true};
    if (!bytes)
        return false;
    if (page->content_bytes >= 30 && memcmp(bytes, "\1vorbis", 7) == 0)
        out->rate_hz = le32(bytes + 12);
    else if (page->content_bytes >= 19 && memcmp(bytes, "OpusHead", 8) == 0)
        out->rate_hz = 48000, out->skipped = le16(bytes + 10);
    else if (page->content_bytes >= 80 && memcmp(bytes, "Speex   ", 8) == 0)
        out->rate_hz = le32(bytes + 36);
    else if (page->content_bytes >= 51 && memcmp(bytes,
                                                 "\x7f"
                                                 "FLAC",
                                                 5) == 0)
        out->rate_hz = be24(bytes + 27) >> 4;
    return out->rate_hz > 0;
}

static void link_end(struct link *link, struct ogg_outline *out)
{
    uint64_t samples = link->last > link->skipped ? link->last - link->skipped : 0;

    if (!link->open)
        return;
    out->links++;
    out->length_us += (int64_t)(samples / link->rate_hz * 1000000 +
                                samples % link->rate_hz * 1000000 / link->rate_hz);
    link->open = false;
}

static uint64_t next_page(struct input *in, uint64_t at, uint64_t end)
{
    for (; at < end && !input_is_late(in); at += 4096 - 3) {
        size_t length = end - at < 4096 ? (size_t)(end - at) : 4096;
        const uint8_t *bytes = input_view(in, at, length);
        const uint8_t *found = bytes ? memmem(bytes, length, "OggS", 4) : NULL;

        if (found)
            return at + (uint64_t)(found - bytes);
    }
    return end;
}

void ogg_outline(struct input *in, uint64_t at, uint64_t end, struct ogg_outline *out)
{
    struct link link = {0};
    struct page page;

    *out = (struct ogg_outline){0};
    while (at < end && !input_is_late(in)) {
        struct link begun;

        if (!page_at(in, at, &page)) {
            out->cut = is_page_head(in, at, end);
            at = next_page(in, at + 1, end);
            continue;
        }
        if (page.head_bytes + page.content_bytes > end - at) {
            out->cut = true;
            break;
        }
        /* A stream that begins while another runs is beside it, not behind it, unless that one has
         * sounded already. */
        if ((page.flags & PAGE_BEGINS_STREAM) && (!link.open || link.last > 0) &&
            link_begin(in, at + page.head_bytes, &page, &begun)) {
            link_end(&link, out);
            link = begun;
        } else if (link.open && page.serial == link.serial) {
            if (page.granule > 0)
                link.last = (uint64_t)page.granule;
            if (link.last > 0) /* headers, with their covers, have no position */
                out->bytes += page.content_bytes;
        }
        at += page.head_bytes + page.content_bytes;
    }
    link_end(&link, out);
}
