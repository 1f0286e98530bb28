/* receive_message: what a media process that a file has taken over may send while it works. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "media/work_receive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CEILING_BYTES = 4096 };

struct told {
    int fd;
    uint32_t chunks;
    uint64_t end;
};

static bool give(void *context, const struct media_output *output, int *fd, struct error *err)
{
    (void)output;
    (void)err;
    *fd = ((struct told *)context)->fd;
    return true;
}

/* Whatever is told must be a chunk that follows on the one before. */
static bool chunk_done(void *context, const struct media_chunk *chunk, struct error *err)
{
    struct told *told = context;

    (void)err;
    if (chunk->index != told->chunks || chunk->end_samples <= chunk->start_samples ||
        chunk->start_samples + chunk->overlap_samples != told->end ||
        chunk->size_bytes > CEILING_BYTES || chunk->end_ms < chunk->start_ms)
        abort();
    told->chunks++;
    told->end = chunk->end_samples;
    return true;
}

static bool waveform_done(void *context, const struct media_output *output, uint64_t size_bytes,
                          struct error *err)
{
    (void)context;
    (void)output;
    (void)size_bytes;
    (void)err;
    return true;
}

static bool progress(void *context, double done, struct error *err)
{
    (void)context;
    (void)err;
    if (!(done >= 0 && done <= 1))
        abort();
    return true;
}

/* As a process would send it, but for what DATA says: else nothing would get past the first check.
 */
static size_t make_message(const uint8_t *data, size_t size, uint32_t next, uint8_t *out)
{
    struct work_message message = {.kind = data[0] % (WORK_END + 1),
                                   .output = data[1] & 1,
                                   .index = data[1] & 1 ? data[2] % 5U : next,
                                   .samples_per_pixel = 256U << (2 * (data[2] % 5)),
                                   .rate_hz = 16000,
                                   .done = data[3] / 200.0};
    size_t payload = size > 24 ? size - 24 : 0;

    if (size >= 24) {
        memcpy(&message.start, data + 4, 3);
        memcpy(&message.end, data + 7, 3);
        memcpy(&message.overlap, data + 10, 2);
        if (data[12] & 1)
            memcpy(&message.end, data + 12, 8);
        message.result.outcome = data[20] % 8;
        message.result.verdict = data[21] % 8;
    }
    message.magic = WORK_MESSAGE_MAGIC;
    message.payload_bytes = (uint32_t)payload;
    memcpy(out, &message, sizeof message);
    memcpy(out + sizeof message, data + size - payload, payload);
    return sizeof message + payload;
}

static void receive_all(struct work_receive *receive, const uint8_t *data, size_t size)
{
    uint8_t bytes[sizeof(struct work_message) + 256];
    struct error err;

    while (size > 5) {
        size_t length = 4 + data[0];
        size_t count;

        length = length < size - 1 ? length : size - 1;
        count = make_message(data + 1, length, receive->chunks, bytes);
        if (receive_message(receive, bytes, count, &err) != RECEIVE_GOES_ON)
            return;
        data += 1 + length;
        size -= 1 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct media_analysis analysis = MEDIA_ANALYSIS_DEFAULT;
    struct media_cut cut = MEDIA_CUT_DEFAULT;
    const struct media_order order = {true, &cut, &analysis, 1000};
    struct told told = {.fd = memfd_create("output", MFD_CLOEXEC)};
    const struct media_sink sink = {.context = &told,
                                    .open = give,
                                    .chunk_done = chunk_done,
                                    .waveform_done = waveform_done,
                                    .progress = progress};
    scoped(arena_release) struct arena *mem = arena_new();
    struct work_message message;
    const uint8_t *payload;
    struct work_receive receive;

    if (told.fd < 0)
        abort();
    cut.max_bytes = CEILING_BYTES;
    receive_init(&receive, &order, &sink, mem);
    receive_all(&receive, data, size);
    receive_text(&receive, WORK_REPORT);
    receive_text(&receive, WORK_ANALYSIS);
    receive_done(&receive);
    if (work_message_parse(data, size, &message, &payload) &&
        payload + message.payload_bytes != data + size)
        abort();
    close(told.fd);
    return 0;
}
