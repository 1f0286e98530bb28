#include "media/work_send.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void send_message(struct work_message *message, const void *payload, size_t length)
{
    struct iovec parts[] = {
        {.iov_base = message, .iov_len = sizeof *message},
        {.iov_base = (void *)payload, .iov_len = length},
    };
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = length > 0 ? 2 : 1};
    ssize_t sent;

    message->magic = WORK_MESSAGE_MAGIC;
    message->payload_bytes = (uint32_t)length;
    do
        sent = sendmsg(MEDIA_SOCKET_FD, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        _exit(1);
}

/* In as many messages as it takes. */
static void send_long(const struct work_message *like, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;

    while (length > 0) {
        size_t count = length < WORK_PAYLOAD_MAX_BYTES ? length : WORK_PAYLOAD_MAX_BYTES;
        struct work_message message = *like;

        send_message(&message, at, count);
        at += count;
        length -= count;
    }
}

void work_send_progress(double done)
{
    struct work_message message = {.kind = WORK_PROGRESS, .done = done};

    send_message(&message, NULL, 0);
}

void work_send_open(enum media_output_kind kind, uint32_t index, uint32_t samples_per_pixel)
{
    struct work_message message = {
        .kind = WORK_OPEN, .output = kind, .index = index, .samples_per_pixel = samples_per_pixel};

    send_message(&message, NULL, 0);
}

void work_send_data(enum media_output_kind kind, uint32_t index, const void *bytes, size_t length)
{
    struct work_message like = {.kind = WORK_DATA, .output = kind, .index = index};

    send_long(&like, bytes, length);
}

void work_send_close(enum media_output_kind kind, uint32_t index, const struct media_chunk *chunk,
                     uint32_t rate_hz, const uint8_t *head, size_t head_length)
{
    struct work_message message = {.kind = WORK_CLOSE, .output = kind, .index = index};

    if (chunk) {
        message.start = chunk->start_samples;
        message.end = chunk->end_samples;
        message.overlap = chunk->overlap_samples;
        message.rate_hz = rate_hz;
    }
    send_message(&message, head, head_length);
}

void work_send_text(enum work_kind kind, const char *text)
{
    struct work_message like = {.kind = kind};

    send_long(&like, text, strlen(text));
}

void work_send_end(const struct work_end *end)
{
    struct work_message message = {.kind = WORK_END, .result = *end};

    send_message(&message, NULL, 0);
}
