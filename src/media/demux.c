#include "media/demux.h"

#include <string.h>

#include "media/wavpack.h"

#define IO_BUFFER_BYTES 32768
#define STREAMS_MAX 64
#define PROBE_BYTES (2 << 20)
#define PLACES_MAX 4096 /* of a file where its stream is looked for again */
#define ANALYZE_US INT64_C(2000000)

static int read_bytes(void *opaque, uint8_t *buffer, int room)
{
    struct demux *demux = opaque;
    uint64_t at = demux->start + demux->position;
    size_t want = (size_t)room;
    size_t got;

    if (at >= demux->end || input_is_late(demux->in))
        return AVERROR_EOF;
    if (want > demux->end - at)
        want = (size_t)(demux->end - at);
    got = input_read(demux->in, at, buffer, want);
    demux->position += got;
    return got > 0 ? (int)got : AVERROR_EOF;
}

static int64_t seek_to(void *opaque, int64_t offset, int whence)
{
    struct demux *demux = opaque;
    int64_t size = (int64_t)(demux->end - demux->start);
    int64_t target = offset;

    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return size;
    if (whence == SEEK_CUR)
        target += (int64_t)demux->position;
    else if (whence == SEEK_END)
        target += size;
    if (target < 0)
        return AVERROR(EINVAL);
    demux->position = (uint64_t)target;
    return target;
}

/* Playlists, references between files and the like end here. */
static int refuse_open(AVFormatContext *context, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options)
{
    (void)context;
    (void)io;
    (void)url;
    (void)flags;
    (void)options;
    return AVERROR(EPERM);
}

static int is_interrupted(void *opaque)
{
    return input_is_late(opaque);
}

static bool context_make(struct demux *demux)
{
    uint8_t *buffer = demux->av->av_malloc(IO_BUFFER_BYTES);

    demux->packet = demux->av->av_packet_alloc();
    demux->context = demux->av->avformat_alloc_context();
    if (!buffer || !demux->packet || !demux->context)
        return false;
    demux->io =
        demux->av->avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, demux, read_bytes, NULL, seek_to);
    if (!demux->io)
        return false;
    demux->context->pb = demux->io;
    demux->context->io_open = refuse_open;
    demux->context->interrupt_callback = (AVIOInterruptCB){is_interrupted, demux->in};
    demux->context->flags |= AVFMT_FLAG_CUSTOM_IO;
    demux->context->max_streams = STREAMS_MAX;
    demux->context->probesize = PROBE_BYTES;
    demux->context->max_analyze_duration = ANALYZE_US;
    return true;
}

static bool is_cover(const AVStream *stream)
{
    const AVCodecParameters *codec = stream->codecpar;

    if (stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS))
        return true;
    return stream->nb_frames == 1 &&
           (codec->codec_id == AV_CODEC_ID_MJPEG || codec->codec_id == AV_CODEC_ID_PNG);
}

bool demux_has_video(const struct demux *demux)
{
    for (unsigned i = 0; i < demux->context->nb_streams; i++) {
        const AVStream *stream = demux->context->streams[i];

        if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_cover(stream))
            return true;
    }
    return false;
}

/* The stream marked as default, else the first; nothing is read from the others. */
static void choose_stream(struct demux *demux)
{
    for (unsigned i = 0; i < demux->context->nb_streams; i++) {
        AVStream *stream = demux->context->streams[i];

        if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        if (!demux->audio || ((stream->disposition & AV_DISPOSITION_DEFAULT) &&
                              !(demux->audio->disposition & AV_DISPOSITION_DEFAULT)))
            demux->audio = stream;
    }
    for (unsigned i = 0; i < demux->context->nb_streams; i++)
        if (demux->context->streams[i] != demux->audio)
            demux->context->streams[i]->discard = AVDISCARD_ALL;
}

/* Reading ahead and decoding costs milliseconds: only where the header did not say enough. */
static bool needs_analysis(const struct demux *demux)
{
    if (demux->context->ctx_flags & AVFMTCTX_NOHEADER)
        return true;
    for (unsigned i = 0; i < demux->context->nb_streams; i++) {
        const AVCodecParameters *codec = demux->context->streams[i]->codecpar;

        if (codec->codec_type == AVMEDIA_TYPE_AUDIO &&
            (codec->codec_id == AV_CODEC_ID_NONE || codec->sample_rate <= 0 ||
             codec->ch_layout.nb_channels <= 0))
            return true;
    }
    return demux->context->nb_streams == 0;
}

/* Libavformat compares the names of all it has, some three hundred, each time it is asked: the last
 * answer is kept, as files of one kind tend to come one after the other. */
static const AVInputFormat *input_format(const struct demux *demux, const char *name)
{
    static _Thread_local const char *last_name;
    static _Thread_local const AVInputFormat *last;

    if (!last || strcmp(name, last_name) != 0) {
        last = demux->av->av_find_input_format(name);
        last_name = name; /* a constant of src/media/format.c */
    }
    return last;
}

bool demux_open(struct demux *demux, struct probe *probe)
{
    const AVInputFormat *format;

    *demux =
        (struct demux){.av = probe->av, .in = probe->in, .start = probe->start, .end = probe->end};
    format = input_format(demux, probe->format->demuxer);
    if (!format || !context_make(demux) ||
        demux->av->avformat_open_input(&demux->context, "", format, NULL) < 0)
        return false;
    if (needs_analysis(demux)) {
        demux->av->avformat_find_stream_info(demux->context, NULL);
        demux->guessed = demux->context->duration_estimation_method != AVFMT_DURATION_FROM_STREAM;
    }
    /* Samples are what the header says: looking for other codecs in them takes milliseconds. */
    if (probe->format->kind == FORMAT_PCM)
        demux->context->max_probe_packets = 1;
    choose_stream(demux);
    demux->finds_again = strcmp(probe->format->container, "wavpack") == 0;
    demux->behind = demux->start;
    return true;
}

void demux_close(struct demux *demux)
{
    demux->av->av_packet_free(&demux->packet);
    demux->av->avformat_close_input(&demux->context);
    if (demux->io)
        demux->av->av_freep(&demux->io->buffer);
    demux->av->avio_context_free(&demux->io);
}

/* Puts the demuxer onto the next block behind the damage. A file made of things that look like
 * blocks, each of which is read for nothing, is given up in the end. Before its first packet the
 * demuxer cannot go on elsewhere. */
static bool find_again(struct demux *demux)
{
    uint64_t found;

    if (!demux->finds_again || demux->behind == demux->start || ++demux->places > PLACES_MAX)
        return false;
    found = wavpack_find_block(demux->in, demux->behind, demux->end);
    if (found >= demux->end ||
        demux->av->avio_seek(demux->io, (int64_t)(found - demux->start), SEEK_SET) < 0)
        return false;
    demux->behind = found + 1;
    return true;
}

static bool read_packet(struct demux *demux)
{
    uint64_t expected = demux->behind, at;

    while (demux->av->av_read_frame(demux->context, demux->packet) < 0)
        if (!find_again(demux))
            return false;
    at = demux->start + (uint64_t)demux->packet->pos;
    demux->junk = demux->finds_again && at > expected ? at - expected : 0;
    demux->behind = at + (uint64_t)demux->packet->size;
    return true;
}

bool demux_next(struct demux *demux)
{
    do
        demux->av->av_packet_unref(demux->packet);
    while (!input_is_late(demux->in) && read_packet(demux) &&
           demux->packet->stream_index != demux->audio->index);
    return demux->packet->data || demux->packet->side_data;
}

static void describe_tags(struct demux *demux, const AVDictionary *dictionary, struct tags *tags)
{
    const AVDictionaryEntry *entry = NULL;

    while ((entry = demux->av->av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX)))
        tags_add(tags, str_from(entry->key), str_from(entry->value));
}

static int64_t to_ms(const struct demux *demux, int64_t time, AVRational base)
{
    int64_t ms = demux->av->av_rescale_q(time, base, (AVRational){1, 1000});

    return ms > 0 ? ms : 0;
}

static void describe_chapters(struct demux *demux, struct probe *probe)
{
    unsigned count = demux->context->nb_chapters;

    for (unsigned i = 0; i < count && probe->chapter_count < CHAPTERS_MAX; i++) {
        const AVChapter *chapter = demux->context->chapters[i];
        const AVDictionaryEntry *title =
            demux->av->av_dict_get(chapter->metadata, "title", NULL, 0);

        probe->chapters[probe->chapter_count++] = (struct chapter){
            .start_ms = to_ms(demux, chapter->start, chapter->time_base),
            .end_ms = to_ms(demux, chapter->end, chapter->time_base),
            .title = title ? text_clean(probe->mem, str_from(title->value), 256) : NULL,
        };
    }
}

static const char *picture_type(enum AVCodecID codec)
{
    switch (codec) {
    case AV_CODEC_ID_MJPEG:
        return "image/jpeg";
    case AV_CODEC_ID_PNG:
        return "image/png";
    case AV_CODEC_ID_GIF:
        return "image/gif";
    case AV_CODEC_ID_BMP:
        return "image/bmp";
    case AV_CODEC_ID_WEBP:
        return "image/webp";
    case AV_CODEC_ID_TIFF:
        return "image/tiff";
    default:
        return "application/octet-stream";
    }
}

static void describe_cover(const struct demux *demux, struct probe *probe)
{
    for (unsigned i = 0; i < demux->context->nb_streams && !probe->cover.mime_type; i++) {
        const AVStream *stream = demux->context->streams[i];

        if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO || !is_cover(stream))
            continue;
        probe->cover = (struct cover){.mime_type = picture_type(stream->codecpar->codec_id),
                                      .width = stream->codecpar->width,
                                      .height = stream->codecpar->height,
                                      .bytes = (uint64_t)stream->attached_pic.size};
        if (stream->attached_pic.data)
            picture_measure(stream->attached_pic.data, (size_t)stream->attached_pic.size,
                            &probe->cover);
    }
}

void demux_describe(struct demux *demux, struct probe *probe)
{
    describe_tags(demux, demux->context->metadata, &probe->tags);
    if (demux->audio)
        describe_tags(demux, demux->audio->metadata, &probe->tags);
    describe_chapters(demux, probe);
    describe_cover(demux, probe);
}
