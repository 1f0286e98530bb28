#include "media/work_protocol.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/json_depth.h"
#include "base/str.h"

static bool end_is_sane(const struct work_end *end)
{
    return end->outcome <= WORK_IMPOSSIBLE && end->verdict <= MEDIA_CORRUPT &&
           end->samples <= INT64_MAX && end->duration_ms >= 0 &&
           end->duration_ms <= DURATION_MAX_MS && end->sample_rate_hz >= 0 &&
           end->sample_rate_hz <= SAMPLE_RATE_MAX_HZ && end->channels >= 0 &&
           end->channels <= CHANNELS_MAX && end->chunk_rate_hz >= 0 &&
           end->chunk_rate_hz <= SAMPLE_RATE_MAX_HZ && end->chunk_channels >= 0 &&
           end->chunk_channels <= CHANNELS_MAX && end->chunk_bits >= 0 &&
           end->chunk_bits <= BITS_MAX && end->retiring <= 1 &&
           media_text_is_plain(end->reason, sizeof end->reason);
}

static bool is_sane(const struct work_message *message)
{
    switch (message->kind) {
    case WORK_PROGRESS:
        return isfinite(message->done);
    case WORK_OPEN:
    case WORK_DATA:
    case WORK_CLOSE:
        return message->output <= MEDIA_OUTPUT_WAVEFORM;
    case WORK_REPORT:
    case WORK_ANALYSIS:
        return true;
    case WORK_END:
        return end_is_sane(&message->result);
    default:
        return false;
    }
}

bool work_message_parse(const void *bytes, size_t length, struct work_message *out,
                        const uint8_t **payload)
{
    struct work_message message;

    if (length < sizeof message || length > WORK_MESSAGE_MAX_BYTES)
        return false;
    memcpy(&message, bytes, sizeof message);
    if (message.magic != WORK_MESSAGE_MAGIC || message.payload_bytes != length - sizeof message ||
        !is_sane(&message))
        return false;
    *out = message;
    *payload = (const uint8_t *)bytes + sizeof message;
    return true;
}

const char *work_text_parse(const char *bytes, size_t length, struct arena *mem)
{
    json_t *root = json_depth_is_bounded(bytes, length)
                       ? json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    char *text =
        json_is_object(root) ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    const char *copy = text ? arena_strdup(mem, text) : NULL;

    json_decref(root);
    free(text);
    return copy;
}
