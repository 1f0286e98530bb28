/* Nothing that a process at work sends is taken for granted. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "media/work_receive.h"

struct told {
    int fd;
    unsigned opened;
    unsigned chunks;
    unsigned waveforms;
    struct media_chunk last;
    bool refuses;
};

static bool give(void *context, const struct media_output *output, int *fd, struct error *err)
{
    struct told *told = context;

    (void)output;
    if (told->refuses)
        return error_set(err, ERR_STORAGE_FULL, "full");
    told->opened++;
    *fd = told->fd;
    return true;
}

static bool chunk_done(void *context, const struct media_chunk *chunk, struct error *err)
{
    struct told *told = context;

    (void)err;
    told->chunks++;
    told->last = *chunk;
    return true;
}

static bool waveform_done(void *context, const struct media_output *output, uint64_t size,
                          struct error *err)
{
    (void)output;
    (void)size;
    (void)err;
    ((struct told *)context)->waveforms++;
    return true;
}

struct stage {
    struct told told;
    struct media_cut cut;
    struct media_analysis analysis;
    struct media_order order;
    struct media_sink sink;
    struct arena *mem;
    struct work_receive receive;
};

static void stage_open(struct stage *stage)
{
    *stage = (struct stage){.cut = MEDIA_CUT_DEFAULT, .analysis = MEDIA_ANALYSIS_DEFAULT};
    stage->cut.max_bytes = 1000;
    stage->told.fd = memfd_create("output", MFD_CLOEXEC);
    assert_true(stage->told.fd >= 0);
    stage->order = (struct media_order){true, &stage->cut, &stage->analysis, 1000};
    stage->sink = (struct media_sink){&stage->told, give, chunk_done, waveform_done, NULL, NULL};
    stage->mem = arena_new();
    receive_init(&stage->receive, &stage->order, &stage->sink, stage->mem);
}

static void stage_close(struct stage *stage)
{
    receive_done(&stage->receive);
    arena_free(stage->mem);
    close(stage->told.fd);
}

static enum receive_result take_message(struct stage *stage, struct work_message message,
                                        const void *payload, size_t length)
{
    uint8_t bytes[WORK_MESSAGE_MAX_BYTES];
    struct error err;

    message.magic = WORK_MESSAGE_MAGIC;
    message.payload_bytes = (uint32_t)length;
    memcpy(bytes, &message, sizeof message);
    if (length > 0)
        memcpy(bytes + sizeof message, payload, length);
    return receive_message(&stage->receive, bytes, sizeof message + length, &err);
}

#define MESSAGE(...) ((struct work_message){__VA_ARGS__})
#define OPEN(i) MESSAGE(.kind = WORK_OPEN, .index = (i))
#define DATA(i) MESSAGE(.kind = WORK_DATA, .index = (i))
#define CLOSE(i, from, to, over)                                                               \
    MESSAGE(.kind = WORK_CLOSE, .index = (i), .start = (from), .end = (to), .overlap = (over), \
            .rate_hz = 16000)

static void good_chunks_are_told(void **state)
{
    struct stage stage;
    char content[9] = "";

    (void)state;
    stage_open(&stage);
    assert_int_equal(take_message(&stage, OPEN(0), NULL, 0), RECEIVE_GOES_ON);
    assert_int_equal(take_message(&stage, DATA(0), "....body", 8), RECEIVE_GOES_ON);
    assert_int_equal(take_message(&stage, CLOSE(0, 0, 16000, 0), "head", 4), RECEIVE_GOES_ON);
    assert_int_equal(stage.told.chunks, 1);
    assert_int_equal(stage.told.last.size_bytes, 8);
    assert_int_equal(stage.told.last.end_ms, 1000);
    assert_int_equal(pread(stage.told.fd, content, 8, 0), 8);
    assert_string_equal(content, "headbody");
    assert_int_equal(take_message(&stage, OPEN(1), NULL, 0), RECEIVE_GOES_ON);
    assert_int_equal(take_message(&stage, CLOSE(1, 15000, 20000, 1000), NULL, 0), RECEIVE_GOES_ON);
    assert_int_equal(stage.told.last.overlap_samples, 1000);
    stage_close(&stage);
}

/* COUNT good messages, of which the last is bad. */
static void is_madness(const struct work_message *messages, size_t count, size_t length)
{
    static const uint8_t BYTES[2000];
    struct stage stage;

    stage_open(&stage);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(take_message(&stage, messages[i], BYTES, i + 1 == count ? length : 0),
                         i + 1 == count ? RECEIVE_MADNESS : RECEIVE_GOES_ON);
    stage_close(&stage);
}

#define MADNESS(length, ...)                                                                     \
    is_madness((const struct work_message[]){__VA_ARGS__},                                       \
               sizeof((const struct work_message[]){__VA_ARGS__}) / sizeof(struct work_message), \
               (length))

static void bad_order_is_madness(void **state)
{
    (void)state;
    MADNESS(0, OPEN(1));
    MADNESS(0, OPEN(0), OPEN(0));
    MADNESS(0, OPEN(0), OPEN(1));
    MADNESS(4, DATA(0));
    MADNESS(4, OPEN(0), DATA(1));
    MADNESS(0, CLOSE(0, 0, 10, 0));
    MADNESS(0, OPEN(0), CLOSE(0, 0, 10, 0), OPEN(0));
    MADNESS(0, OPEN(0), CLOSE(0, 0, 10, 0), CLOSE(0, 0, 10, 0));
    MADNESS(0, MESSAGE(.kind = WORK_OPEN, .output = MEDIA_OUTPUT_WAVEFORM, .index = 8,
                       .samples_per_pixel = 256));
    MADNESS(0, MESSAGE(.kind = WORK_OPEN, .output = MEDIA_OUTPUT_WAVEFORM, .index = 0,
                       .samples_per_pixel = 300));
    MADNESS(0, MESSAGE(.kind = WORK_OPEN, .output = 2));
    MADNESS(0, MESSAGE(.kind = 99));
}

static void bad_bounds_are_madness(void **state)
{
    struct work_message wrong_rate = CLOSE(0, 0, 10, 0);

    (void)state;
    wrong_rate.rate_hz = 8000;
    MADNESS(1001, OPEN(0), DATA(0));
    MADNESS(4, OPEN(0), CLOSE(0, 0, 10, 0)); /* a head longer than the file */
    MADNESS(0, OPEN(0), CLOSE(0, 5, 10, 0)); /* a gap */
    MADNESS(0, OPEN(0), CLOSE(0, 10, 5, 0));
    MADNESS(0, OPEN(0), CLOSE(0, 0, 0, 0));
    MADNESS(0, OPEN(0), CLOSE(0, 0, 10, 11));
    MADNESS(0, OPEN(0), CLOSE(0, UINT64_MAX - 3, 10, 4));
    MADNESS(0, OPEN(0), wrong_rate);
    MADNESS(0, OPEN(0), CLOSE(0, 0, 100, 0), OPEN(1), CLOSE(1, 100, 100, 0));
    MADNESS(0, MESSAGE(.kind = WORK_PROGRESS, .done = 0.0 / 0.0));
}

static void a_bad_end_is_madness(void **state)
{
    struct work_message unterminated = MESSAGE(.kind = WORK_END);
    struct work_message negative = MESSAGE(.kind = WORK_END, .result = {.duration_ms = -1});

    (void)state;
    memset(unterminated.result.reason, 'x', sizeof unterminated.result.reason);
    MADNESS(0, unterminated);
    MADNESS(0, negative);
    MADNESS(0, MESSAGE(.kind = WORK_END, .result = {.outcome = 17}));
    MADNESS(0, MESSAGE(.kind = WORK_END, .result = {.outcome = WORK_CORRUPT})); /* says who? */
    /* Neither report nor analysis nor waveforms have come. */
    MADNESS(0, MESSAGE(.kind = WORK_END, .result = {.outcome = WORK_DONE}));
    MADNESS(0, OPEN(0), MESSAGE(.kind = WORK_END, .result = {.outcome = WORK_DONE}));
}

static void texts_are_bounded_and_read(void **state)
{
    static char much[WORK_PAYLOAD_MAX_BYTES];
    struct stage stage;
    enum receive_result result = RECEIVE_GOES_ON;
    size_t count;

    (void)state;
    memset(much, 'x', sizeof much);
    stage_open(&stage);
    for (count = 0; count < 100 && result == RECEIVE_GOES_ON; count++)
        result = take_message(&stage, MESSAGE(.kind = WORK_REPORT), much, sizeof much);
    assert_int_equal(result, RECEIVE_MADNESS);
    assert_int_equal(count, WORK_TEXT_MAX_BYTES / sizeof much + 1);
    assert_null(receive_text(&stage.receive, WORK_REPORT));
    stage_close(&stage);
    stage_open(&stage);
    take_message(&stage, MESSAGE(.kind = WORK_ANALYSIS), "{\"a\":", 5);
    take_message(&stage, MESSAGE(.kind = WORK_ANALYSIS), " 1}", 3);
    assert_string_equal(receive_text(&stage.receive, WORK_ANALYSIS), "{\"a\":1}");
    stage_close(&stage);
}

static void what_the_caller_refuses_ends_it(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    stage.told.refuses = true;
    assert_int_equal(take_message(&stage, OPEN(0), NULL, 0), RECEIVE_FAILED);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_chunks_are_told),
        cmocka_unit_test(bad_order_is_madness),
        cmocka_unit_test(bad_bounds_are_madness),
        cmocka_unit_test(a_bad_end_is_madness),
        cmocka_unit_test(texts_are_bounded_and_read),
        cmocka_unit_test(what_the_caller_refuses_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
