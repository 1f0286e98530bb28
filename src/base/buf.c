#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_done(struct buf *buf)
{
    free(buf->bytes);
    *buf = (struct buf){.limit = buf->limit};
}

/* Makes room for LENGTH more bytes and the NUL. */
static bool reserve(struct buf *buf, size_t length)
{
    size_t need, room;

    if (length > buf->limit - buf->length) {
        buf->overflow = true;
        return false;
    }
    need = buf->length + length + 1;
    if (need <= buf->room)
        return true;
    room = buf->room < 128 ? 128 : buf->room * 2;
    if (room < need)
        room = need;
    buf->bytes = realloc(buf->bytes, room);
    if (!buf->bytes)
        abort();
    buf->room = room;
    return true;
}

bool buf_add(struct buf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length))
        return false;
    if (length > 0)
        memcpy(buf->bytes + buf->length, bytes, length);
    buf->length += length;
    buf->bytes[buf->length] = '\0';
    return true;
}

bool buf_add_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args, again;
    int length;

    va_start(args, fmt);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0)
        abort();
    if (!reserve(buf, (size_t)length)) {
        va_end(again);
        return false;
    }
    vsnprintf(buf->bytes + buf->length, (size_t)length + 1, fmt, again);
    va_end(again);
    buf->length += (size_t)length;
    return true;
}

void buf_consume(struct buf *buf, size_t length)
{
    if (length > buf->length)
        length = buf->length;
    if (length == 0)
        return;
    memmove(buf->bytes, buf->bytes + length, buf->length - length + 1);
    buf->length -= length;
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->overflow = false;
    if (buf->bytes)
        buf->bytes[0] = '\0';
}

char *buf_take(struct buf *buf)
{
    char *text = buf->bytes ? buf->bytes : calloc(1, 1);

    if (!text)
        abort();
    *buf = (struct buf){.limit = buf->limit};
    return text;
}
