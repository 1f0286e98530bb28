#include "media/wavpack.h"

#include <string.h>

#define HEAD_BYTES 32
#define MARK "wvpk"
#define MARK_BYTES (sizeof MARK - 1)
#define BLOCK_LEAST (HEAD_BYTES - 8) /* as its size is written: what is before that not counted */
#define BLOCK_MOST (1 << 20)
#define VERSION_LEAST 0x402
#define VERSION_MOST 0x410
#define FLAG_BEGINS 0x800
#define SEARCH_BYTES 4096

static bool read_head(const uint8_t head[static HEAD_BYTES], struct wavpack_block *out)
{
    uint32_t size = le32(head + 4);

    if (memcmp(head, MARK, MARK_BYTES) != 0 || size < BLOCK_LEAST || size > BLOCK_MOST ||
        le16(head + 8) < VERSION_LEAST || le16(head + 8) > VERSION_MOST)
        return false;
    *out = (struct wavpack_block){.first_sample = le32(head + 16) | (uint64_t)head[10] << 32,
                                  .samples = le32(head + 20),
                                  .begins = le32(head + 24) & FLAG_BEGINS};
    return true;
}

bool wavpack_read_block(struct input *in, uint64_t at, uint64_t end, struct wavpack_block *out)
{
    uint8_t head[HEAD_BYTES];

    return at <= end && end - at >= sizeof head &&
           input_read(in, at, head, sizeof head) == sizeof head && read_head(head, out);
}

/* The next place at or behind AT where a block's mark stands; END if there is none. The windows
 * overlap, as the mark may lie across the end of one. */
static uint64_t next_mark(struct input *in, uint64_t at, uint64_t end)
{
    while (at < end && end - at >= MARK_BYTES) {
        size_t length = end - at < SEARCH_BYTES ? (size_t)(end - at) : SEARCH_BYTES;
        const uint8_t *bytes = input_view(in, at, length);
        const uint8_t *found = bytes ? memmem(bytes, length, MARK, MARK_BYTES) : NULL;

        if (!bytes)
            return end;
        if (found)
            return at + (uint64_t)(found - bytes);
        at += length - (MARK_BYTES - 1);
    }
    return end;
}

/* By the window that the search has read, too: a file made of marks costs no call for each. */
uint64_t wavpack_find_block(struct input *in, uint64_t from, uint64_t end)
{
    struct wavpack_block block;

    for (uint64_t at = next_mark(in, from, end); at < end && !input_is_late(in);
         at = next_mark(in, at + 1, end)) {
        const uint8_t *head = end - at >= HEAD_BYTES ? input_view(in, at, HEAD_BYTES) : NULL;

        if (head && read_head(head, &block) && block.begins)
            return at;
    }
    return end;
}
