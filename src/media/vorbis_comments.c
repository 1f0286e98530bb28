#include <string.h>

#include "media/flac.h"

#define COMMENTS_MAX 2000

static void read_comments(struct tags *tags, const uint8_t *bytes, size_t length)
{
    size_t at = length >= 4 ? 4 + (size_t)le32(bytes) : length;
    uint32_t count;

    if (length < 8 || at > length - 4)
        return;
    count = le32(bytes + at);
    at += 4;
    for (uint32_t i = 0; i < count && i < COMMENTS_MAX && at + 4 <= length; i++) {
        size_t size = le32(bytes + at);
        const char *comment = (const char *)bytes + at + 4;
        const char *sign;

        if (size > length - at - 4)
            return;
        sign = memchr(comment, '=', size);
        if (sign)
            tags_add(tags, (struct str){comment, (size_t)(sign - comment)},
                     (struct str){sign + 1, size - (size_t)(sign - comment) - 1});
        at += 4 + size;
    }
}

/* Xiph's list of names has DESCRIPTION where others write COMMENT. */
void vorbis_comments_read(struct tags *tags, const uint8_t *bytes, size_t length)
{
    const char *description;

    read_comments(tags, bytes, length);
    description = tags_get(tags, "description");
    if (description)
        tags_add(tags, str_from("comment"), str_from(description));
}
