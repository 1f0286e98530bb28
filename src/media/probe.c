#include "media/probe.h"

#include <string.h>

#include "media/describe.h"
#include "media/flac.h"
#include "media/frames.h"
#include "media/id3.h"
#include "media/length.h"

bool probe_afford(struct probe *probe, size_t length)
{
    size_t price = length + 4096;

    if (price > probe->tag_bytes_left)
        return false;
    probe->tag_bytes_left -= price;
    return true;
}

static enum answer_outcome refuse(const char **reason, enum answer_outcome outcome, const char *why)
{
    *reason = why;
    return outcome;
}

/* Apple's "magic cookie", which libav keeps behind an atom's head of 12 bytes. */
static int32_t alac_bits(const AVCodecParameters *codec)
{
    if (codec->extradata_size < 36 || codec->extradata[17] > 32)
        return codec->bits_per_coded_sample;
    return codec->extradata[17];
}

static bool is_dsd(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_DSD_LSBF || codec == AV_CODEC_ID_DSD_MSBF ||
           codec == AV_CODEC_ID_DSD_LSBF_PLANAR || codec == AV_CODEC_ID_DSD_MSBF_PLANAR ||
           codec == AV_CODEC_ID_DST;
}

/* Bits of a sample where samples are kept as they are; lossy codecs have none. */
static int32_t sample_bits(const AVCodecParameters *codec)
{
    if (codec->codec_id >= AV_CODEC_ID_FIRST_AUDIO && codec->codec_id < AV_CODEC_ID_RA_144)
        return codec->bits_per_coded_sample;
    switch (codec->codec_id) {
    case AV_CODEC_ID_ALAC:
        return alac_bits(codec);
    case AV_CODEC_ID_FLAC:
    case AV_CODEC_ID_APE:
    case AV_CODEC_ID_WAVPACK:
    case AV_CODEC_ID_TTA:
    case AV_CODEC_ID_TAK:
    case AV_CODEC_ID_SHORTEN:
    case AV_CODEC_ID_MP4ALS:
    case AV_CODEC_ID_WMALOSSLESS:
    case AV_CODEC_ID_TRUEHD:
    case AV_CODEC_ID_MLP:
        return codec->bits_per_raw_sample > 0 ? codec->bits_per_raw_sample
                                              : codec->bits_per_coded_sample;
    default:
        return is_dsd(codec->codec_id);
    }
}

static void facts_from_stream(struct probe *probe, const struct demux *demux)
{
    const AVCodecParameters *codec = demux->audio->codecpar;

    probe->facts.codec = probe->av->avcodec_get_name(codec->codec_id);
    probe->facts.sample_rate_hz = is_dsd(codec->codec_id) && codec->sample_rate < INT32_MAX / 8
                                      ? codec->sample_rate * 8 /* libav counts bytes */
                                      : codec->sample_rate;
    probe->facts.channels = codec->ch_layout.nb_channels;
    probe->facts.bits_per_sample = sample_bits(codec);
}

/* Names that depend on what is inside. */
static void refine_names(struct probe *probe)
{
    struct media_facts *facts = &probe->facts;
    const char *codec = facts->codec ? facts->codec : "";
    bool mp4 = strcmp(facts->container, "mp4") == 0;

    if (strcmp(facts->container, "ogg") == 0 && strcmp(codec, "opus") == 0)
        facts->file_type = "opus";
    if (strcmp(facts->container, "ogg") == 0 && strcmp(codec, "speex") == 0)
        facts->file_type = "spx";
    if (facts->has_video && mp4)
        facts->file_type = "mp4", facts->mime_type = "video/mp4";
    if (facts->has_video && strcmp(facts->container, "matroska") == 0)
        facts->file_type = "mkv", facts->mime_type = "video/x-matroska";
    if (facts->has_video && strcmp(facts->container, "webm") == 0)
        facts->mime_type = "video/webm";
    if (facts->has_video && strcmp(facts->container, "3gp") == 0)
        facts->mime_type = "video/3gpp";
    if (facts->has_video && strcmp(facts->container, "asf") == 0)
        facts->file_type = "wmv", facts->mime_type = "video/x-ms-wmv";
    if (!facts->has_video && strcmp(facts->container, "mov") == 0)
        facts->mime_type = "audio/quicktime";
}

static void names_from_format(struct probe *probe)
{
    probe->facts.container = probe->format->container;
    probe->facts.file_type = probe->format->file_type;
    probe->facts.mime_type = probe->format->mime_type;
}

/* Where no packets were counted: the whole file's rate, else (beside a picture) the header's word.
 */
static void set_bitrate(struct probe *probe, int64_t declared_bps)
{
    if (!probe->facts.has_video && probe->duration_us > 0)
        probe->facts.bitrate_kbps =
            (int32_t)((probe->end - probe->start) * 8000 / (uint64_t)probe->duration_us);
    else if (declared_bps > 0 && declared_bps < INT32_MAX)
        probe->facts.bitrate_kbps = (int32_t)((declared_bps + 500) / 1000);
}

static bool is_possible(const struct media_facts *facts)
{
    return facts->sample_rate_hz > 0 && facts->sample_rate_hz <= SAMPLE_RATE_MAX_HZ &&
           facts->channels > 0 && facts->channels <= CHANNELS_MAX;
}

static enum answer_outcome read_stream(struct probe *probe, struct demux *demux,
                                       const char **reason)
{
    probe->facts.has_video = demux_has_video(demux);
    if (!demux->audio)
        return probe->facts.has_video
                   ? refuse(reason, OUTCOME_NOT_AUDIO, "it is a video without sound")
                   : refuse(reason, OUTCOME_UNREADABLE, "there is no audio stream in it");
    facts_from_stream(probe, demux);
    demux_describe(demux, probe);
    if (!is_possible(&probe->facts))
        return refuse(reason, OUTCOME_UNREADABLE, "its header does not say what the audio is");
    if (!length_of_stream(demux, probe))
        return refuse(reason, OUTCOME_UNREADABLE, "there is no audio behind its header");
    if (probe->facts.bitrate_kbps == 0)
        set_bitrate(probe, demux->audio->codecpar->bit_rate);
    return probe->facts.has_video ? OUTCOME_VIDEO : OUTCOME_AUDIO;
}

static enum answer_outcome probe_stream(struct probe *probe, const char **reason)
{
    struct demux demux;
    enum answer_outcome outcome;

    if (demux_open(&demux, probe))
        outcome = read_stream(probe, &demux, reason);
    else
        outcome = refuse(reason, OUTCOME_UNREADABLE, "its header is damaged");
    demux_close(&demux);
    return outcome;
}

static const char *frame_codec(const struct frame_format *format, const struct frame_header *first)
{
    static const char *const LAYERS[] = {"mp1", "mp2", "mp3"};

    if (format == &frame_mpeg)
        return LAYERS[frame_mpeg_layer(first) - 1];
    if (format == &frame_ac3 && frame_ac3_is_enhanced(first))
        return "eac3";
    return format->container;
}

static enum answer_outcome read_frames(struct probe *probe, const struct frame_format *format,
                                       uint64_t at, const struct frame_header *first,
                                       const char **reason)
{
    const char *codec = frame_codec(format, first);

    probe->format = format_named(strcmp(codec, "eac3") == 0 ? codec : format->container);
    names_from_format(probe);
    probe->facts.codec = codec;
    if (format == &frame_mpeg)
        probe->facts.file_type = codec;
    probe->facts.sample_rate_hz = first->sample_rate_hz;
    probe->facts.channels = first->channels;
    probe->frames = format;
    probe->first_frame = *first;
    probe->audio_at = at;
    if (!length_of_frames(probe, format, at, first))
        return refuse(reason, OUTCOME_UNREADABLE, "there is not one whole frame in it");
    return OUTCOME_AUDIO;
}

static enum answer_outcome probe_frames(struct probe *probe, const char **reason)
{
    static const struct frame_format *const FORMATS[] = {&frame_mpeg, &frame_adts, &frame_ac3};

    trailing_tags_read(probe);
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        struct frame_header first;
        uint64_t at;

        if (frames_find(probe->in, FORMATS[i], probe->start, probe->end, &at, &first))
            return read_frames(probe, FORMATS[i], at, &first, reason);
    }
    if (probe->tags.count > 0 || probe->start > 0)
        return refuse(reason, OUTCOME_UNREADABLE, "there is nothing but tags in it");
    return refuse(reason, OUTCOME_NOT_AUDIO, "its bytes are of no audio format");
}

static enum answer_outcome probe_flac(struct probe *probe, const char **reason)
{
    trailing_tags_read(probe);
    if (!flac_probe(probe))
        return refuse(reason, OUTCOME_UNREADABLE, "there is no audio behind its header");
    return OUTCOME_AUDIO;
}

static enum answer_outcome probe_run(struct probe *probe, const char **reason)
{
    const char *what;
    uint8_t head[4096];
    size_t length = input_read(probe->in, 0, head, sizeof head);

    if (media_sniff(head, length, &what) == MEDIA_SNIFF_NO)
        return refuse(reason, OUTCOME_NOT_AUDIO, what);
    id3v2_read(probe);
    probe->format = format_detect(probe->in, probe->start);
    if (!probe->format)
        return probe_frames(probe, reason);
    names_from_format(probe);
    return probe->format->kind == FORMAT_FLAC ? probe_flac(probe, reason)
                                              : probe_stream(probe, reason);
}

/* Times that no header should have held become nothing rather than nonsense. */
static void settle_numbers(struct probe *probe)
{
    int64_t ms = probe->duration_us / 1000 + (probe->duration_us % 1000 >= 500);

    probe->facts.duration_ms = ms >= 0 && ms <= DURATION_MAX_MS ? ms : 0;
    if (probe->facts.bitrate_kbps < 0 || probe->facts.bitrate_kbps > BITRATE_MAX_KBPS)
        probe->facts.bitrate_kbps = 0;
    if (probe->facts.bits_per_sample < 0 || probe->facts.bits_per_sample > BITS_MAX)
        probe->facts.bits_per_sample = 0;
}

enum answer_outcome probe_inspect(struct probe *probe, const struct av *av, struct input *in,
                                  struct arena *mem, const char **reason)
{
    enum answer_outcome outcome;

    *probe = (struct probe){
        .av = av, .in = in, .mem = mem, .end = in->size, .tag_bytes_left = TAG_BUDGET_BYTES};
    tags_init(&probe->tags, mem);
    outcome = probe_run(probe, reason);
    if (outcome != OUTCOME_AUDIO && outcome != OUTCOME_VIDEO)
        return outcome;
    refine_names(probe);
    settle_numbers(probe);
    probe->facts.has_cover = probe->cover.mime_type != NULL;
    return outcome;
}

enum answer_outcome probe_file(const struct av *av, struct input *in, struct arena *mem,
                               struct media_facts *facts, const char **reason)
{
    struct probe *probe = arena_alloc(mem, sizeof *probe);
    enum answer_outcome outcome = probe_inspect(probe, av, in, mem, reason);

    if (outcome != OUTCOME_AUDIO && outcome != OUTCOME_VIDEO)
        return outcome;
    probe->facts.metadata_json = describe(probe);
    *facts = probe->facts;
    return outcome;
}
