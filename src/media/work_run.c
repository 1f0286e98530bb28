#include "media/work_run.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "media/cutter.h"
#include "media/fingerprint.h"
#include "media/report.h"
#include "media/work_send.h"

#define PROGRESS_EVERY_US 400000
#define CLOCK_EVERY_FRAMES 16

struct work {
    struct work_tools *tools;
    const struct work_request *request;
    struct arena *mem;
    struct probe *probe;
    struct decode decode;
    uint64_t samples;
    double seconds;
    int64_t progress_at_us;

    /* On the thread that measures. */
    struct slice slice;
    struct truth truth;
    struct silence silence;
    struct waveform waveform;
    struct loudness loudness;
    struct fingerprint fingerprint;

    /* On the thread that cuts. */
    struct cutter cutter;
    uint32_t chunk_index;
    size_t buffered;
    uint8_t buffer[WORK_PAYLOAD_MAX_BYTES];
};

/* ---- chunks ---- */

static void chunk_flush(struct work *work)
{
    if (work->buffered > 0)
        work_send_data(MEDIA_OUTPUT_CHUNK, work->chunk_index, work->buffer, work->buffered);
    work->buffered = 0;
}

static void chunk_opened(void *context, uint32_t index)
{
    struct work *work = context;

    work->chunk_index = index;
    work_send_open(MEDIA_OUTPUT_CHUNK, index, 0);
}

static void chunk_bytes(void *context, const void *bytes, size_t length)
{
    struct work *work = context;
    const uint8_t *at = bytes;

    while (length > 0) {
        size_t room = sizeof work->buffer - work->buffered;
        size_t count = length < room ? length : room;

        memcpy(work->buffer + work->buffered, at, count);
        work->buffered += count;
        at += count;
        length -= count;
        if (work->buffered == sizeof work->buffer)
            chunk_flush(work);
    }
}

static void chunk_closed(void *context, const struct media_chunk *chunk, const uint8_t *head,
                         size_t head_length)
{
    struct work *work = context;

    chunk_flush(work);
    work_send_close(MEDIA_OUTPUT_CHUNK, chunk->index, chunk, work->cutter.form.sample_rate_hz, head,
                    head_length);
}

static void cut_frame(void *context, const AVFrame *frame)
{
    cutter_add(&((struct work *)context)->cutter, frame);
}

static void cut_finish(void *context)
{
    cutter_finish(&((struct work *)context)->cutter);
}

/* ---- measures ---- */

static void waveform_bytes(void *context, uint32_t zoom, const void *bytes, size_t length)
{
    (void)context;
    work_send_data(MEDIA_OUTPUT_WAVEFORM, zoom, bytes, length);
}

static void measure_slice(struct work *work)
{
    if (work->request->validate)
        truth_add(&work->truth, &work->slice);
    if (!work->request->analyzes)
        return;
    silence_add(&work->silence, &work->slice);
    waveform_add(&work->waveform, &work->slice);
    loudness_add(&work->loudness, &work->slice);
    fingerprint_add(&work->fingerprint, &work->slice);
}

static void measure_frame(void *context, const AVFrame *frame)
{
    struct work *work = context;

    for (size_t from = 0; slice_load(&work->slice, frame, from); from += work->slice.count)
        measure_slice(work);
}

static void measure_finish(void *context)
{
    struct work *work = context;

    if (!work->request->analyzes)
        return;
    silence_finish(&work->silence);
    waveform_finish(&work->waveform);
    for (size_t i = 0; i < work->waveform.zooms; i++) {
        uint8_t head[WAVEFORM_HEAD_BYTES];

        waveform_head(&work->waveform, i, head);
        work_send_close(MEDIA_OUTPUT_WAVEFORM, (uint32_t)i, NULL, 0, head, sizeof head);
    }
}

/* ---- the pass ---- */

static bool is_lossless(const struct probe *probe)
{
    return probe->facts.bits_per_sample > 0;
}

static void measures_begin(struct work *work)
{
    static const uint8_t NOTHING_YET[WAVEFORM_HEAD_BYTES];
    const struct media_analysis *wanted = &work->request->analysis;

    slice_init(&work->slice, &work->tools->av);
    if (!work->request->analyzes)
        return;
    silence_init(&work->silence, wanted->silence_threshold_db,
                 (double)wanted->silence_least_ms / 1000);
    waveform_init(&work->waveform, wanted, waveform_bytes, work);
    fingerprint_init(&work->fingerprint, &work->tools->chromaprint);
    for (size_t i = 0; i < work->waveform.zooms; i++) {
        work_send_open(MEDIA_OUTPUT_WAVEFORM, (uint32_t)i,
                       work->waveform.zoom[i].samples_per_pixel);
        waveform_bytes(work, (uint32_t)i, NOTHING_YET, sizeof NOTHING_YET);
    }
}

static void begin(struct work *work)
{
    const struct cutter_out out = {
        .context = work, .open = chunk_opened, .data = chunk_bytes, .close = chunk_closed};
    const struct relay_user measuring = {work, measure_frame, measure_finish};
    const struct relay_user cutting = {work, cut_frame, cut_finish};
    bool measures = work->request->validate || work->request->analyzes;
    struct relay_user users[RELAY_USERS] = {{NULL}};

    cutter_init(&work->cutter, &work->tools->av, &work->request->cut, is_lossless(work->probe),
                &out);
    measures_begin(work);
    if (measures)
        users[0] = measuring;
    if (work->request->cuts)
        users[1] = cutting;
    relay_begin(&work->tools->relay, users);
}

static void tell_progress(struct work *work)
{
    int64_t now_us = clock_monotonic_us();

    if (now_us < work->progress_at_us)
        return;
    work->progress_at_us = now_us + PROGRESS_EVERY_US;
    work_send_progress(packets_done(&work->decode.packets));
}

static void decode_all(struct work *work, struct work_end *end)
{
    AVFrame *frame = work->tools->av.av_frame_alloc();

    assert(frame);
    for (uint64_t i = 0; decode_next(&work->decode, frame); i++) {
        if (work->samples == 0) {
            end->sample_rate_hz = frame->sample_rate;
            end->channels = frame->ch_layout.nb_channels;
        }
        work->samples += (uint64_t)frame->nb_samples;
        work->seconds += (double)frame->nb_samples / frame->sample_rate;
        relay_put(&work->tools->relay, frame);
        if (i % CLOCK_EVERY_FRAMES == 0)
            tell_progress(work);
    }
    work->tools->av.av_frame_free(&frame);
    relay_end(&work->tools->relay);
}

static void tell_analysis(struct work *work)
{
    const struct analysis analysis = {
        .loudness = &work->loudness,
        .silence = &work->silence,
        .waveform = &work->waveform,
        .fingerprint = fingerprint_finish(&work->fingerprint, work->mem),
        .seconds = work->seconds,
    };

    work_send_text(WORK_ANALYSIS, analysis_text(&analysis, work->mem));
}

static void refuse(struct work_end *end, enum work_outcome outcome, const char *why)
{
    end->outcome = outcome;
    snprintf(end->reason, sizeof end->reason, "%s", why);
}

static void conclude(struct work *work, struct work_end *end)
{
    const struct report report = {.probe = work->probe,
                                  .decode = &work->decode,
                                  .truth = &work->truth,
                                  .samples = work->samples,
                                  .seconds = work->seconds};
    enum media_verdict verdict = report_verdict(&report);

    if (work->request->validate)
        work_send_text(WORK_REPORT, report_text(&report, work->mem));
    if (work->request->analyzes)
        tell_analysis(work);
    end->verdict = verdict;
    end->samples = work->samples;
    end->duration_ms = (int64_t)llround(work->seconds * 1000);
    end->chunk_rate_hz = (int32_t)work->cutter.form.sample_rate_hz;
    end->chunk_channels = (int32_t)work->cutter.form.channels;
    end->chunk_bits = (int32_t)work->cutter.form.bits;
    if (verdict == MEDIA_CORRUPT)
        refuse(end, WORK_CORRUPT, "nothing or nearly nothing of it can be decoded");
    else if (work->cutter.trouble)
        refuse(end, WORK_IMPOSSIBLE, work->cutter.trouble);
}

static void work_done(struct work *work)
{
    cutter_done(&work->cutter);
    fingerprint_done(&work->fingerprint);
    loudness_done(&work->loudness);
    silence_done(&work->silence);
    truth_done(&work->truth);
    slice_done(&work->slice);
    decode_close(&work->decode);
}

/* False, with the reason in END, if there is nothing to decode. */
static bool find_audio(struct work *work, struct input *in, struct work_end *end)
{
    const char *reason = NULL;

    work->probe = arena_alloc(work->mem, sizeof *work->probe);
    switch (probe_inspect(work->probe, &work->tools->av, in, work->mem, &reason)) {
    case OUTCOME_AUDIO:
    case OUTCOME_VIDEO:
        break;
    case OUTCOME_NOT_AUDIO:
        refuse(end, WORK_NOT_AUDIO, reason);
        return false;
    case OUTCOME_UNREADABLE:
        refuse(end, WORK_UNREADABLE, reason);
        return false;
    }
    if (!decode_open(&work->decode, work->probe)) {
        refuse(end, WORK_UNREADABLE, "there is no decoder for it");
        return false;
    }
    return true;
}

void work_run(struct work_tools *tools, const struct work_request *request, struct input *in,
              struct work_end *end)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(memory_free) struct work *work = calloc(1, sizeof *work);

    assert(work);
    *end = (struct work_end){.outcome = WORK_DONE};
    work->tools = tools;
    work->request = request;
    work->mem = mem;
    if (!find_audio(work, in, end))
        return;
    begin(work);
    decode_all(work, end);
    conclude(work, end);
    work_done(work);
}
