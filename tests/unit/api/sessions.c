/* The size of chunks that nobody chose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/sessions.h"

#define MIB (UINT64_C(1) << 20)

static void usual_sizes(void **state)
{
    static const struct {
        uint64_t file_size, chunk_size;
    } cases[] = {
        {1, 5 * MIB},
        {5 * MIB, 5 * MIB},
        {UPLOAD_CHUNKS_MAX * 5 * MIB, 5 * MIB},
        {UPLOAD_CHUNKS_MAX * 5 * MIB + 1, 6 * MIB},
        {UPLOAD_CHUNKS_MAX * 6 * MIB, 6 * MIB},
        {UPLOAD_CHUNKS_MAX * CHUNK_BYTES_MAX, CHUNK_BYTES_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(session_usual_chunk_size(cases[i].file_size), cases[i].chunk_size);
}

static void they_are_never_more_than_there_may_be(void **state)
{
    (void)state;
    for (uint64_t size = 1; size < UPLOAD_CHUNKS_MAX * CHUNK_BYTES_MAX / 2; size = size * 3 + 7) {
        uint64_t chunk_size = session_usual_chunk_size(size);

        assert_true(chunk_size >= CHUNK_BYTES_MIN && chunk_size <= CHUNK_BYTES_MAX);
        assert_true((size - 1) / chunk_size < UPLOAD_CHUNKS_MAX);
    }
}

static void a_session_has_its_own_or_the_usual(void **state)
{
    struct session session = {.file_size = SESSION_SIZE_UNKNOWN};

    (void)state;
    assert_int_equal(session_chunk_size(&session), 0);
    session.file_size = 100 * MIB;
    assert_int_equal(session_chunk_size(&session), CHUNK_BYTES_USUAL);
    session.chunk_size = MIB;
    assert_int_equal(session_chunk_size(&session), MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_sizes),
        cmocka_unit_test(they_are_never_more_than_there_may_be),
        cmocka_unit_test(a_session_has_its_own_or_the_usual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
