#include "media/input.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"

void input_init(struct input *in, int fd, uint64_t size, int64_t deadline_us)
{
    in->fd = fd;
    in->size = size;
    in->deadline_us = deadline_us;
    in->late = false;
    in->window_at = 0;
    in->window_length = 0;
}

size_t input_read(struct input *in, uint64_t offset, void *bytes, size_t length)
{
    size_t done = 0;

    if (offset >= in->size)
        return 0;
    if (length > in->size - offset)
        length = (size_t)(in->size - offset);
    while (done < length) {
        ssize_t got = pread(in->fd, (uint8_t *)bytes + done, length - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

const uint8_t *input_view(struct input *in, uint64_t offset, size_t length)
{
    assert(length <= INPUT_WINDOW_BYTES);
    if (offset > in->size || length > in->size - offset)
        return NULL;
    if (offset < in->window_at || offset - in->window_at > in->window_length ||
        length > in->window_length - (offset - in->window_at)) {
        in->window_at = offset;
        in->window_length = input_read(in, offset, in->window, sizeof in->window);
        if (length > in->window_length)
            return NULL;
    }
    return in->window + (offset - in->window_at);
}

bool input_is_late(struct input *in)
{
    if (!in->late && clock_monotonic_us() > in->deadline_us)
        in->late = true;
    return in->late;
}
