/* Which parts an object is made of, where the provider has pieces of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/s3_compose.h"

#define MIB ((uint64_t)1 << 20)
#define PIECES_MAX 4
#define PARTS_MAX 6

struct plan {
    uint64_t size;
    struct stage_source pieces[PIECES_MAX]; /* END 0 ends them */
    struct {
        uint64_t length;
        char piece;     /* 'a' is the first; '-': it is sent */
    } parts[PARTS_MAX]; /* none: all is sent */
};

#define PIECE(start, end)  \
    {                      \
        "", (start), (end) \
    }

static const struct plan plans[] = {
    /* pieces that make up the whole; the last may be of any size */
    {13 * MIB,
     {PIECE(0, 6 * MIB), PIECE(6 * MIB, 12 * MIB), PIECE(12 * MIB, 13 * MIB)},
     {{6 * MIB, 'a'}, {6 * MIB, 'b'}, {MIB, 'c'}}},
    {6 * MIB + 1, {PIECE(0, 6 * MIB), PIECE(6 * MIB, 6 * MIB + 1)}, {{6 * MIB, 'a'}, {1, 'b'}}},
    /* one that is too short is sent, with as much of the next as a part takes at least */
    {20 * MIB, {PIECE(0, 2 * MIB), PIECE(2 * MIB, 20 * MIB)}, {{5 * MIB, '-'}, {15 * MIB, 'b'}}},
    {12 * MIB,
     {PIECE(0, 2 * MIB), PIECE(2 * MIB, 9 * MIB), PIECE(9 * MIB, 12 * MIB)},
     {{9 * MIB, '-'}, {3 * MIB, 'c'}}},
    {11 * MIB,
     {PIECE(0, 5 * MIB), PIECE(5 * MIB, 8 * MIB), PIECE(8 * MIB, 11 * MIB)},
     {{5 * MIB, 'a'}, {5 * MIB, '-'}, {MIB, 'c'}}},
    /* short pieces alone: but the last part is one */
    {6 * MIB, {PIECE(0, 3 * MIB), PIECE(3 * MIB, 6 * MIB)}, {{5 * MIB, '-'}, {MIB, 'b'}}},
    /* a long way that is sent goes in parts of 8 MiB, none of them too short */
    {36 * MIB, {PIECE(18 * MIB, 36 * MIB)}, {{8 * MIB, '-'}, {10 * MIB, '-'}, {18 * MIB, 'a'}}},
    {24 * MIB, {PIECE(0, 16 * MIB)}, {{16 * MIB, 'a'}, {8 * MIB, '-'}}},
    /* of those that overlap the one that reaches farthest; what lies behind the end does not count
     */
    {20 * MIB,
     {PIECE(0, 6 * MIB), PIECE(0, 12 * MIB), PIECE(10 * MIB, 32 * MIB)},
     {{12 * MIB, 'b'}, {8 * MIB, 'c'}}},
    /* more than is copied at once */
    {1026 * MIB, {PIECE(0, 1026 * MIB)}, {{1024 * MIB, 'a'}, {2 * MIB, 'a'}}},
    {16 * MIB, {PIECE(0, 4 * MIB), PIECE(4 * MIB, 8 * MIB)}, {{0}}},
    {16 * MIB, {{0}}, {{0}}},
};

static size_t pieces_of(const struct plan *plan)
{
    size_t n = 0;

    while (n < PIECES_MAX && plan->pieces[n].end > 0)
        n++;
    return n;
}

static void parts_are_planned(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        scoped(arena_release) struct arena *mem = arena_new();
        const struct plan *plan = &plans[i];
        struct s3_part *parts;
        size_t count;
        uint64_t at = 0;
        bool copies =
            s3_compose(plan->pieces, pieces_of(plan), plan->size, 8 * MIB, mem, &parts, &count);

        assert_int_equal(copies, plan->parts[0].length > 0);
        for (size_t n = 0; copies && n < count; n++) {
            char piece = parts[n].source ? (char)('a' + (parts[n].source - plan->pieces)) : '-';

            assert_true(n < PARTS_MAX);
            assert_int_equal(parts[n].start, at);
            assert_int_equal(parts[n].length, plan->parts[n].length);
            assert_int_equal(piece, plan->parts[n].piece);
            at += parts[n].length;
        }
        assert_true(!copies || at == plan->size);
    }
}

static void too_many_parts_are_not_copied(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct stage_source *pieces = arena_array(mem, S3_PARTS_MAX + 1, sizeof *pieces);
    struct s3_part *parts;
    size_t count;

    (void)state;
    for (size_t i = 0; i <= S3_PARTS_MAX; i++)
        pieces[i] = (struct stage_source){"", i * 5 * MIB, (i + 1) * 5 * MIB};
    assert_true(
        s3_compose(pieces, S3_PARTS_MAX, S3_PARTS_MAX * 5 * MIB, 8 * MIB, mem, &parts, &count));
    assert_int_equal(count, S3_PARTS_MAX);
    assert_false(s3_compose(pieces, S3_PARTS_MAX + 1, (S3_PARTS_MAX + 1) * 5 * MIB, 8 * MIB, mem,
                            &parts, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_planned),
        cmocka_unit_test(too_many_parts_are_not_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
