#include <string.h>

#include "base/str.h"
#include "store/store.h"

static bool segment_is_valid(struct str segment)
{
    return segment.len > 0 && !str_equal_text(segment, ".") && !str_equal_text(segment, "..");
}

static bool segments_are_valid(struct str key)
{
    const char *start = key.ptr;
    const char *end = key.ptr + key.len;

    for (const char *at = start; at <= end; at++) {
        if (at < end && *at != '/')
            continue;
        if (!segment_is_valid((struct str){start, (size_t)(at - start)}))
            return false;
        start = at + 1;
    }
    return true;
}

/* C0, DEL, and C1 (U+0080 to U+009F, in UTF-8 0xC2 0x80 to 0xC2 0x9F). */
static bool has_control_character(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        unsigned char byte = (unsigned char)key.ptr[i];
        if (byte < 0x20 || byte == 0x7f)
            return true;
        if (byte == 0xc2 && i + 1 < key.len && (unsigned char)key.ptr[i + 1] < 0xa0)
            return true;
    }
    return false;
}

bool store_key_is_valid(const char *key)
{
    struct str text = {key, strnlen(key, STORE_KEY_MAX + 1)};

    return text.len > 0 && text.len <= STORE_KEY_MAX && utf8_is_valid(text) &&
           !has_control_character(text) && segments_are_valid(text);
}
