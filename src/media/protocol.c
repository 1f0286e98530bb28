#include "media/protocol.h"

#include <jansson.h>
#include <string.h>

#include "base/json_depth.h"
#include "base/json_text.h"
#include "base/str.h"

static void copy_text(char *to, size_t room, const char *from)
{
    size_t length = from ? utf8_prefix(str_from(from), room - 1) : 0;

    memset(to, 0, room);
    if (length > 0)
        memcpy(to, from, length);
}

void answer_fill(struct media_answer *message, enum answer_outcome outcome,
                 const struct media_facts *facts, const char *reason)
{
    *message = (struct media_answer){
        .magic = ANSWER_MAGIC,
        .outcome = (uint32_t)outcome,
        .duration_ms = facts->duration_ms,
        .duration_source = (uint32_t)facts->duration_source,
        .sample_rate_hz = facts->sample_rate_hz,
        .channels = facts->channels,
        .bitrate_kbps = facts->bitrate_kbps,
        .bits_per_sample = facts->bits_per_sample,
        .has_video = facts->has_video,
        .has_cover = facts->has_cover,
    };
    copy_text(message->file_type, sizeof message->file_type, facts->file_type);
    copy_text(message->mime_type, sizeof message->mime_type, facts->mime_type);
    copy_text(message->container, sizeof message->container, facts->container);
    copy_text(message->codec, sizeof message->codec, facts->codec);
    copy_text(message->reason, sizeof message->reason, reason);
}

/* Names as the tables of formats and libavcodec spell them: nothing else may come through. */
static bool is_name(const char *text, size_t room)
{
    size_t length = strnlen(text, room);

    if (length == room)
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789/.+-_") == length;
}

bool media_text_is_plain(const char *text, size_t room)
{
    size_t length = strnlen(text, room);

    if (length == room || !utf8_is_valid((struct str){text, length}))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

static bool numbers_are_sane(const struct media_answer *answer)
{
    return answer->outcome <= OUTCOME_UNREADABLE && answer->duration_source <= MEDIA_DECODED &&
           answer->duration_ms >= 0 && answer->duration_ms <= DURATION_MAX_MS &&
           answer->sample_rate_hz >= 0 && answer->sample_rate_hz <= SAMPLE_RATE_MAX_HZ &&
           answer->channels >= 0 && answer->channels <= CHANNELS_MAX && answer->bitrate_kbps >= 0 &&
           answer->bitrate_kbps <= BITRATE_MAX_KBPS && answer->bits_per_sample >= 0 &&
           answer->bits_per_sample <= BITS_MAX && answer->has_video <= 1 &&
           answer->has_cover <= 1 && answer->retiring <= 1;
}

static bool texts_are_sane(const struct media_answer *answer)
{
    return is_name(answer->file_type, sizeof answer->file_type) &&
           is_name(answer->mime_type, sizeof answer->mime_type) &&
           is_name(answer->container, sizeof answer->container) &&
           is_name(answer->codec, sizeof answer->codec) &&
           media_text_is_plain(answer->reason, sizeof answer->reason);
}

/* The JSON is read once and written anew, so that what the catalog gets is ours. */
static const char *metadata_parse(const char *bytes, size_t length, struct arena *mem)
{
    json_t *root = json_depth_is_bounded(bytes, length)
                       ? json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    char *text = json_is_object(root) ? json_text_write(root, JSON_COMPACT) : NULL;
    char *copy = text ? arena_strdup(mem, text) : NULL;

    json_decref(root);
    free(text);
    return copy;
}

static const char *name_copy(struct arena *mem, const char *text)
{
    return text[0] ? arena_strdup(mem, text) : NULL;
}

static struct media_facts facts_from(const struct media_answer *answer, struct arena *mem)
{
    return (struct media_facts){
        .file_type = name_copy(mem, answer->file_type),
        .mime_type = name_copy(mem, answer->mime_type),
        .container = name_copy(mem, answer->container),
        .codec = name_copy(mem, answer->codec),
        .duration_ms = answer->duration_ms,
        .duration_source = (enum media_duration_source)answer->duration_source,
        .sample_rate_hz = answer->sample_rate_hz,
        .channels = answer->channels,
        .bitrate_kbps = answer->bitrate_kbps,
        .bits_per_sample = answer->bits_per_sample,
        .has_video = answer->has_video,
        .has_cover = answer->has_cover,
    };
}

bool answer_parse(const void *bytes, size_t length, struct arena *mem, struct answer_view *out)
{
    struct media_answer answer;
    const char *metadata = NULL;

    if (length < sizeof answer || length > ANSWER_MAX_BYTES)
        return false;
    memcpy(&answer, bytes, sizeof answer);
    if (answer.magic != ANSWER_MAGIC || answer.metadata_bytes != length - sizeof answer)
        return false;
    if (!numbers_are_sane(&answer) || !texts_are_sane(&answer))
        return false;
    if (answer.outcome == OUTCOME_AUDIO || answer.outcome == OUTCOME_VIDEO) {
        metadata = metadata_parse((const char *)bytes + sizeof answer, answer.metadata_bytes, mem);
        if (!metadata || !answer.file_type[0] || !answer.container[0] || !answer.mime_type[0])
            return false;
    }
    *out = (struct answer_view){.outcome = (enum answer_outcome)answer.outcome,
                                .retiring = answer.retiring,
                                .reason = arena_strdup(mem, answer.reason)};
    if (metadata) {
        out->facts = facts_from(&answer, mem);
        out->facts.metadata_json = metadata;
    }
    return true;
}
