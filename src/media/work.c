/* The caller's side of a work. */
#include "media/work.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "media/pool.h"
#include "media/work_receive.h"

#define LIMIT_SHARE 10
#define SECOND_MS 1000
#define ZOOM_MAX_SAMPLES (UINT32_C(1) << 24)

uint64_t media_work_limit_ms(uint64_t least_ms, int64_t duration_ms)
{
    return least_ms + (duration_ms > 0 ? (uint64_t)duration_ms / LIMIT_SHARE : 0);
}

static bool cut_is_sane(const struct media_cut *cut, struct error *err)
{
    if (cut->bits != 0 && cut->bits != 16 && cut->bits != 24)
        return error_tell(err, ERR_INVALID, "chunks have samples of 16 or 24 bits");
    if (cut->sample_rate_hz != 0 && (cut->sample_rate_hz < 1000 || cut->sample_rate_hz > 384000))
        return error_tell(err, ERR_INVALID, "chunks have a rate from 1,000 to 384,000 Hz");
    if (cut->channels > 64 || (cut->format == MEDIA_CUT_FLAC && cut->channels > 8))
        return error_tell(err, ERR_INVALID, "chunks have at most 64 channels, in FLAC 8");
    if (cut->max_ms < SECOND_MS || cut->max_ms > (uint64_t)DURATION_MAX_MS)
        return error_tell(err, ERR_INVALID, "chunks are a second long or longer");
    if (cut->overlap_ms > cut->max_ms / 2)
        return error_tell(err, ERR_INVALID, "chunks overlap by half of their length at most");
    return true;
}

static bool analysis_is_sane(const struct media_analysis *analysis, struct error *err)
{
    uint32_t finer = 1;

    if (analysis->zooms[0] > 0 && analysis->waveform_bits != 8 && analysis->waveform_bits != 16)
        return error_tell(err, ERR_INVALID, "waveforms have 8 or 16 bits");
    for (size_t i = 0; i < MEDIA_ZOOMS_MAX && analysis->zooms[i] > 0; i++) {
        uint32_t zoom = analysis->zooms[i];

        if (zoom > ZOOM_MAX_SAMPLES || zoom % finer != 0 || (i == 0 ? zoom < 2 : zoom == finer))
            return error_tell(err, ERR_INVALID,
                              "each zoom of a waveform is a multiple of the finer one");
        finer = zoom;
    }
    if (!(analysis->silence_threshold_db < 0 && analysis->silence_threshold_db >= -200))
        return error_tell(err, ERR_INVALID, "silence is below 0 and above -200 dB");
    return true;
}

static bool order_is_sane(const struct media_order *order, const struct media_sink *sink,
                          struct error *err)
{
    assert(!order->cut || (sink->open && sink->chunk_done));
    assert(!order->analysis || order->analysis->zooms[0] == 0 ||
           (sink->open && sink->waveform_done));
    return (!order->cut || cut_is_sane(order->cut, err)) &&
           (!order->analysis || analysis_is_sane(order->analysis, err));
}

static struct work_request request_of(const struct media_order *order, uint64_t size)
{
    struct work_request request;

    /* The whole of it travels, gaps between members too. */
    memset(&request, 0, sizeof request);
    request.magic = WORK_REQUEST_MAGIC;
    request.limit_ms = order->limit_ms < UINT32_MAX ? (uint32_t)order->limit_ms : UINT32_MAX;
    request.size_bytes = size;
    request.validate = order->validate;
    request.cuts = order->cut != NULL;
    request.analyzes = order->analysis != NULL;
    if (order->cut)
        request.cut = *order->cut;
    if (order->analysis)
        request.analysis = *order->analysis;
    return request;
}

static struct media_result result_of(const struct work_receive *receive)
{
    const struct work_end *end = &receive->end;

    return (struct media_result){
        .verdict = (enum media_verdict)end->verdict,
        .samples = end->samples,
        .duration_ms = end->duration_ms,
        .sample_rate_hz = end->sample_rate_hz,
        .channels = end->channels,
        .report_json = receive_text(receive, WORK_REPORT),
        .analysis_json = receive_text(receive, WORK_ANALYSIS),
        .chunk_count = receive->chunks,
        .chunk_rate_hz = end->chunk_rate_hz,
        .chunk_channels = end->chunk_channels,
        .chunk_bits = end->chunk_bits,
    };
}

static bool gave_up(enum process_result result, struct error *err)
{
    static const char *const WHAT[] = {
        [PROCESS_DIED] = "the media process died over it",
        [PROCESS_HUNG] = "the media process did not finish in time",
        [PROCESS_MADNESS] = "the media process sent nonsense",
    };

    if (result == PROCESS_HUNG) {
        error_set(err, ERR_PROCESSING_TIMEOUT, "work: %s", WHAT[result]);
        return error_client(err, "the audio could not be processed within its time limit");
    }
    error_set(err, ERR_MEDIA_UNREADABLE, "work: %s", WHAT[result]);
    return error_client(err, "the audio could not be read: decoding it failed");
}

static bool conclude(const struct work_receive *receive, struct media_result *out,
                     struct error *err)
{
    const struct media_order *order = receive->order;
    const char *reason = receive->end.reason;
    struct media_result result = result_of(receive);

    switch ((enum work_outcome)receive->end.outcome) {
    case WORK_DONE:
        if ((order->validate && !result.report_json) || (order->analysis && !result.analysis_json))
            return gave_up(PROCESS_MADNESS, err);
        *out = result;
        return true;
    case WORK_CORRUPT:
        if (order->validate && !result.report_json)
            return gave_up(PROCESS_MADNESS, err);
        *out = result;
        return error_tell(err, ERR_AUDIO_CORRUPT, "the audio is corrupt: %s", reason);
    case WORK_NOT_AUDIO:
        return error_tell(err, ERR_NOT_AUDIO, "the content is not audio: %s", reason);
    case WORK_IMPOSSIBLE:
        return error_tell(err, ERR_INVALID, "the audio cannot be cut that way: %s", reason);
    case WORK_UNREADABLE:
        break;
    }
    return error_tell(err, ERR_MEDIA_UNREADABLE, "the audio could not be read: %s", reason);
}

/* How a work went, seen from the pool: what is not one of the first two leaves a process behind
 * that nobody wants. */
enum work_state { WORK_ENDED, WORK_RETIRED, WORK_FAILED, WORK_LOST, WORK_NEVER_BEGAN };

/* Takes messages until the end. The time that callbacks take is the caller's own. */
static enum receive_result receive_all(const struct media_process *process,
                                       struct work_receive *receive, uint64_t limit_ms,
                                       size_t *messages, enum process_result *result,
                                       struct error *err)
{
    scoped(memory_free) uint8_t *bytes = malloc(WORK_MESSAGE_MAX_BYTES);
    int64_t deadline_us = clock_monotonic_us() + (int64_t)limit_ms * 1000;
    enum receive_result received = RECEIVE_GOES_ON;

    assert(bytes);
    for (*messages = 0; received == RECEIVE_GOES_ON; (*messages)++) {
        int64_t start_us;
        size_t length;

        *result = process_receive(process, deadline_us, bytes, WORK_MESSAGE_MAX_BYTES, &length);
        if (*result != PROCESS_ANSWERED)
            return RECEIVE_MADNESS;
        start_us = clock_monotonic_us();
        received = receive_message(receive, bytes, length, err);
        deadline_us += clock_monotonic_us() - start_us;
    }
    if (received == RECEIVE_MADNESS)
        *result = PROCESS_MADNESS;
    return received;
}

static enum work_state work_once(struct media_process *process, const struct work_request *request,
                                 int fd, struct work_receive *receive, struct media_result *out,
                                 bool *done, struct error *err)
{
    enum process_result result = PROCESS_DIED;
    size_t messages = 0;

    *done = false;
    if (!process_hand_over(process, request, sizeof *request, fd))
        return WORK_NEVER_BEGAN;
    switch (receive_all(process, receive, receive->order->limit_ms, &messages, &result, err)) {
    case RECEIVE_ENDED:
        *done = conclude(receive, out, err);
        return receive->end.retiring ? WORK_RETIRED : WORK_ENDED;
    case RECEIVE_FAILED:
        return WORK_FAILED;
    case RECEIVE_GOES_ON:
    case RECEIVE_MADNESS:
        break;
    }
    if (result == PROCESS_DIED && messages == 0)
        return WORK_NEVER_BEGAN;
    gave_up(result, err);
    return WORK_LOST;
}

/* A process that has worked before may have died meanwhile, or die of what it did before: that says
 * nothing about this file. */
static bool work_with(struct media_pool *pool, struct media_process *process,
                      const struct work_request *request, int fd, struct work_receive *receive,
                      struct media_result *out, struct error *err)
{
    enum work_state state = WORK_NEVER_BEGAN;
    bool done = false;

    if (!process_is_at_rest(process))
        process_stop(process);
    if (process->pid_fd >= 0)
        state = work_once(process, request, fd, receive, out, &done, err);
    if (state == WORK_NEVER_BEGAN) {
        process_stop(process);
        if (!process_start(process, pool_options(pool), err))
            return false;
        state = work_once(process, request, fd, receive, out, &done, err);
    }
    if (state == WORK_NEVER_BEGAN)
        gave_up(PROCESS_DIED, err);
    if (state != WORK_ENDED)
        process_stop(process);
    return done;
}

bool media_work(struct media_pool *pool, int fd, uint64_t size, const struct media_order *order,
                const struct media_sink *sink, struct arena *mem, struct media_result *out,
                struct error *err)
{
    struct media_process *process;
    struct work_request request;
    struct work_receive receive;
    struct stat status;
    bool done;

    assert(pool_options(pool)->for_works);
    if (!order_is_sane(order, sink, err))
        return false;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return error_set(err, ERR_UNAVAILABLE, "work: not a regular file");
    request = request_of(order, (uint64_t)status.st_size < size ? (uint64_t)status.st_size : size);
    receive_init(&receive, order, sink, mem);
    process = pool_acquire(pool);
    done = work_with(pool, process, &request, fd, &receive, out, err);
    pool_give_back(pool, process);
    receive_done(&receive);
    return done;
}
