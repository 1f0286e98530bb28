/* The search for a block of WavPack, in files that are made to be searched for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/scoped.h"
#include "media/wavpack.h"

#define FILE_BYTES 300000
#define HEAD_BYTES 32

static size_t reads;

ssize_t __real_pread64(int fd, void *bytes, size_t length, off_t offset);
ssize_t __wrap_pread64(int fd, void *bytes, size_t length, off_t offset);

ssize_t __wrap_pread64(int fd, void *bytes, size_t length, off_t offset)
{
    reads++;
    return __real_pread64(fd, bytes, length, offset);
}

static const uint8_t head[HEAD_BYTES] = {'w', 'v', 'p',  'k',  100,         0,
                                         0,   0,   0x07, 0x04, [24] = 0x00, [25] = 0x08};

/* TEXT over and over, and a block's head at AT, if that is in the file. */
static uint64_t find(const char *text, uint64_t at)
{
    scoped(fd_close) int fd = memfd_create("input", MFD_CLOEXEC);
    uint8_t *bytes = malloc(FILE_BYTES);
    struct input *in = malloc(sizeof *in);
    size_t length = strlen(text);
    uint64_t found;

    assert_true(fd >= 0 && bytes && in);
    for (size_t i = 0; i < FILE_BYTES; i++)
        bytes[i] = (uint8_t)text[i % length];
    if (at + HEAD_BYTES <= FILE_BYTES)
        memcpy(bytes + at, head, HEAD_BYTES);
    assert_int_equal(write(fd, bytes, FILE_BYTES), FILE_BYTES);
    input_init(in, fd, FILE_BYTES, clock_monotonic_us() + 600 * US_PER_S);
    reads = 0;
    found = wavpack_find_block(in, 0, FILE_BYTES);
    free(in);
    free(bytes);
    return found;
}

/* Across the ends of what is searched at once and of what is read at once. */
static void a_block_is_found_wherever_it_lies(void **state)
{
    static const uint64_t ends[] = {
        0, 4096, 8192, INPUT_WINDOW_BYTES, 2 * INPUT_WINDOW_BYTES, FILE_BYTES - HEAD_BYTES};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        for (uint64_t before = 0; before < 70 && before <= ends[i]; before++)
            assert_int_equal(find("....", ends[i] - before), ends[i] - before);
}

static void what_is_no_block_costs_no_call(void **state)
{
    static const char *const texts[] = {"w", "wv", "wvp", "wvpk", "wvpk................"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(find(texts[i], FILE_BYTES), FILE_BYTES);
        assert_in_range(reads, 1, 2 * FILE_BYTES / INPUT_WINDOW_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_found_wherever_it_lies),
        cmocka_unit_test(what_is_no_block_costs_no_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
