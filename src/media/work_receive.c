#include "media/work_receive.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void receive_init(struct work_receive *receive, const struct media_order *order,
                  const struct media_sink *sink, struct arena *mem)
{
    *receive = (struct work_receive){.order = order, .sink = sink, .mem = mem, .chunk = {.fd = -1}};
    receive->chunk_rate_hz = order->cut ? order->cut->sample_rate_hz : 0;
    for (size_t i = 0; i < MEDIA_ZOOMS_MAX; i++)
        receive->zooms[i].fd = -1;
}

void receive_done(struct work_receive *receive)
{
    free(receive->texts[0]);
    free(receive->texts[1]);
}

static enum receive_result going_on(bool well)
{
    return well ? RECEIVE_GOES_ON : RECEIVE_FAILED;
}

static bool write_at(int fd, const uint8_t *bytes, size_t length, uint64_t at, struct error *err)
{
    while (length > 0) {
        ssize_t written = pwrite(fd, bytes, length, (off_t)at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_errno(err, "write what was made of the audio");
        bytes += written;
        length -= (size_t)written;
        at += (uint64_t)written;
    }
    return true;
}

/* Only what was ordered, chunks one at a time and in order, each zoom once. */
static struct work_output *output_to_open(struct work_receive *receive,
                                          const struct work_message *message)
{
    const struct media_order *order = receive->order;
    struct work_output *output;

    if (message->output == MEDIA_OUTPUT_CHUNK)
        return order->cut && receive->chunk.fd < 0 && message->index == receive->chunks &&
                       message->index < MEDIA_CHUNKS_MAX
                   ? &receive->chunk
                   : NULL;
    if (!order->analysis || message->index >= MEDIA_ZOOMS_MAX ||
        order->analysis->zooms[message->index] == 0 ||
        order->analysis->zooms[message->index] != message->samples_per_pixel)
        return NULL;
    output = &receive->zooms[message->index];
    return output->was_open ? NULL : output;
}

static struct work_output *open_output(struct work_receive *receive,
                                       const struct work_message *message)
{
    struct work_output *output;

    if (message->output == MEDIA_OUTPUT_CHUNK)
        output = message->index == receive->chunks ? &receive->chunk : NULL;
    else
        output = message->index < MEDIA_ZOOMS_MAX ? &receive->zooms[message->index] : NULL;
    return output && output->fd >= 0 ? output : NULL;
}

static enum receive_result opened(struct work_receive *receive, const struct work_message *message,
                                  struct error *err)
{
    struct work_output *output = output_to_open(receive, message);
    int fd = -1;

    if (!output)
        return RECEIVE_MADNESS;
    output->what = (struct media_output){(enum media_output_kind)message->output, message->index,
                                         message->samples_per_pixel};
    if (!receive->sink->open(receive->sink->context, &output->what, &fd, err))
        return RECEIVE_FAILED;
    assert(fd >= 0);
    output->fd = fd;
    output->size = 0;
    output->was_open = true;
    return RECEIVE_GOES_ON;
}

/* No chunk grows beyond its ceiling, no waveform beyond what a file can hold. */
static bool is_bounded(const struct work_receive *receive, const struct work_output *output,
                       uint64_t more)
{
    uint64_t ceiling = UINT64_C(1) << 40;

    if (output == &receive->chunk && receive->order->cut->max_bytes > 0)
        ceiling = receive->order->cut->max_bytes;
    return more <= ceiling && output->size <= ceiling - more;
}

static enum receive_result written(struct work_receive *receive, const struct work_message *message,
                                   const uint8_t *payload, struct error *err)
{
    struct work_output *output = open_output(receive, message);

    if (!output || !is_bounded(receive, output, message->payload_bytes))
        return RECEIVE_MADNESS;
    if (!write_at(output->fd, payload, message->payload_bytes, output->size, err))
        return RECEIVE_FAILED;
    output->size += message->payload_bytes;
    if (!receive->sink->written)
        return RECEIVE_GOES_ON;
    return going_on(
        receive->sink->written(receive->sink->context, &output->what, output->size, err));
}

static int64_t to_ms(uint64_t samples, uint32_t rate_hz)
{
    return (int64_t)(samples / rate_hz * 1000 + (samples % rate_hz * 1000 + rate_hz / 2) / rate_hz);
}

/* Each chunk follows on the one before, at one rate. */
static bool chunk_follows(struct work_receive *receive, const struct work_message *message)
{
    if (message->rate_hz == 0 || message->rate_hz > SAMPLE_RATE_MAX_HZ ||
        (receive->chunk_rate_hz > 0 && receive->chunk_rate_hz != message->rate_hz))
        return false;
    receive->chunk_rate_hz = message->rate_hz;
    return message->end <= INT64_MAX / 1000 && message->start <= message->end &&
           message->overlap <= message->end - message->start &&
           message->start + message->overlap == receive->chunk_end &&
           message->end > receive->chunk_end;
}

static bool tell_chunk(struct work_receive *receive, const struct work_message *message,
                       struct error *err)
{
    const struct media_chunk chunk = {
        .index = message->index,
        .start_samples = message->start,
        .end_samples = message->end,
        .overlap_samples = message->overlap,
        .start_ms = to_ms(message->start, message->rate_hz),
        .end_ms = to_ms(message->end, message->rate_hz),
        .size_bytes = receive->chunk.size,
    };

    receive->chunk.fd = -1;
    receive->chunks++;
    receive->chunk_end = message->end;
    return receive->sink->chunk_done(receive->sink->context, &chunk, err);
}

static enum receive_result closed(struct work_receive *receive, const struct work_message *message,
                                  const uint8_t *payload, struct error *err)
{
    struct work_output *output = open_output(receive, message);

    if (!output || message->payload_bytes > WORK_HEAD_MAX_BYTES ||
        message->payload_bytes > output->size)
        return RECEIVE_MADNESS;
    if (output == &receive->chunk && !chunk_follows(receive, message))
        return RECEIVE_MADNESS;
    if (!write_at(output->fd, payload, message->payload_bytes, 0, err))
        return RECEIVE_FAILED;
    if (output == &receive->chunk)
        return going_on(tell_chunk(receive, message, err));
    output->fd = -1;
    return going_on(
        receive->sink->waveform_done(receive->sink->context, &output->what, output->size, err));
}

static enum receive_result text_grew(struct work_receive *receive,
                                     const struct work_message *message, const uint8_t *payload)
{
    size_t which = message->kind - WORK_REPORT;
    char *grown;

    if (receive->text_lengths[which] + message->payload_bytes > WORK_TEXT_MAX_BYTES)
        return RECEIVE_MADNESS;
    grown =
        realloc(receive->texts[which], receive->text_lengths[which] + message->payload_bytes + 1);
    assert(grown);
    memcpy(grown + receive->text_lengths[which], payload, message->payload_bytes);
    receive->texts[which] = grown;
    receive->text_lengths[which] += message->payload_bytes;
    return RECEIVE_GOES_ON;
}

static enum receive_result progressed(struct work_receive *receive,
                                      const struct work_message *message, struct error *err)
{
    if (message->done > receive->done)
        receive->done = message->done < 1 ? message->done : 1;
    if (!receive->sink->progress)
        return RECEIVE_GOES_ON;
    return going_on(receive->sink->progress(receive->sink->context, receive->done, err));
}

/* Whatever was opened must be closed where the end is a good one. */
static enum receive_result ended(struct work_receive *receive, const struct work_message *message)
{
    const struct media_order *order = receive->order;

    receive->end = message->result;
    if (message->result.outcome == WORK_CORRUPT && order->validate && !receive->texts[0])
        return RECEIVE_MADNESS; /* the report is what says so */
    if (message->result.outcome != WORK_DONE)
        return RECEIVE_ENDED;
    if (receive->chunk.fd >= 0 || (order->validate && !receive->texts[0]) ||
        (order->analysis && !receive->texts[1]))
        return RECEIVE_MADNESS;
    for (size_t i = 0; order->analysis && i < MEDIA_ZOOMS_MAX && order->analysis->zooms[i]; i++)
        if (!receive->zooms[i].was_open || receive->zooms[i].fd >= 0)
            return RECEIVE_MADNESS;
    return RECEIVE_ENDED;
}

enum receive_result receive_message(struct work_receive *receive, const void *bytes, size_t length,
                                    struct error *err)
{
    struct work_message message;
    const uint8_t *payload;

    if (!work_message_parse(bytes, length, &message, &payload))
        return RECEIVE_MADNESS;
    switch ((enum work_kind)message.kind) {
    case WORK_PROGRESS:
        return progressed(receive, &message, err);
    case WORK_OPEN:
        return opened(receive, &message, err);
    case WORK_DATA:
        return written(receive, &message, payload, err);
    case WORK_CLOSE:
        return closed(receive, &message, payload, err);
    case WORK_REPORT:
    case WORK_ANALYSIS:
        return text_grew(receive, &message, payload);
    case WORK_END:
        break;
    }
    return ended(receive, &message);
}

const char *receive_text(const struct work_receive *receive, enum work_kind kind)
{
    size_t which = kind - WORK_REPORT;

    return receive->texts[which]
               ? work_text_parse(receive->texts[which], receive->text_lengths[which], receive->mem)
               : NULL;
}
