/* Sets of ranges in memory, at their borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "catalog/part.h"

#define LARGE (UINT64_C(1) << 52)
#define ENDLESS UINT64_MAX
#define SET(...)                                                                                 \
    {                                                                                            \
        (struct part[]){__VA_ARGS__}, sizeof((struct part[]){__VA_ARGS__}) / sizeof(struct part) \
    }

static const struct part_set none = {NULL, 0};
/* ..##..####.# */
static const struct part_set gaps = SET({2, 4}, {6, 10}, {11, 12});
static const struct part_set from_start = SET({0, 5}, {7, 9});
static const struct part_set huge = SET({0, 1}, {LARGE - 1, LARGE});

static void prefixes(void **state)
{
    (void)state;
    assert_int_equal(part_set_prefix(&none), 0);
    assert_int_equal(part_set_prefix(&gaps), 0);
    assert_int_equal(part_set_prefix(&from_start), 5);
    assert_int_equal(part_set_prefix(&huge), 1);
}

static void sums(void **state)
{
    (void)state;
    assert_int_equal(part_set_bytes(&none), 0);
    assert_int_equal(part_set_bytes(&gaps), 7);
    assert_int_equal(part_set_bytes(&from_start), 7);
    assert_int_equal(part_set_bytes(&huge), 2);
}

static void what_is_held(void **state)
{
    static const struct {
        const struct part_set *set;
        struct part part;
        bool held;
    } cases[] = {
        {&none, {0, 1}, false},
        {&gaps, {2, 4}, true},
        {&gaps, {2, 3}, true},
        {&gaps, {3, 4}, true},
        {&gaps, {1, 3}, false},
        {&gaps, {3, 5}, false},
        {&gaps, {2, 10}, false}, /* a gap between */
        {&gaps, {4, 6}, false},
        {&gaps, {6, 10}, true},
        {&gaps, {9, 12}, false},
        {&gaps, {11, 12}, true},
        {&gaps, {12, 13}, false},
        {&gaps, {0, 1}, false},
        {&gaps, {0, ENDLESS}, false},
        {&from_start, {0, 5}, true},
        {&from_start, {0, 6}, false},
        {&huge, {LARGE - 1, LARGE}, true},
        {&huge, {LARGE - 2, LARGE}, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (part_set_holds(cases[i].set, cases[i].part) != cases[i].held)
            fail_msg("case %zu", i);
}

static void runs(void **state)
{
    static const struct {
        const struct part_set *set;
        uint64_t offset, most;
        bool there;
        uint64_t run;
    } cases[] = {
        {&none, 0, 100, false, 100},
        {&none, 0, ENDLESS, false, ENDLESS},
        {&none, 5, ENDLESS, false, ENDLESS - 5},
        {&gaps, 0, 100, false, 2}, /* to the first */
        {&gaps, 1, 100, false, 1},
        {&gaps, 2, 100, true, 2}, /* its first byte */
        {&gaps, 3, 100, true, 1}, /* its last */
        {&gaps, 4, 100, false, 2},
        {&gaps, 5, 100, false, 1},
        {&gaps, 6, 100, true, 4},
        {&gaps, 6, 4, true, 4},
        {&gaps, 6, 3, true, 3}, /* no more than asked for */
        {&gaps, 6, 0, true, 0},
        {&gaps, 10, 100, false, 1},
        {&gaps, 11, 100, true, 1},
        {&gaps, 12, 100, false, 100}, /* behind all */
        {&gaps, 0, 1, false, 1},
        {&from_start, 0, 100, true, 5},
        {&from_start, 5, 100, false, 2},
        {&huge, 1, ENDLESS, false, LARGE - 2},
        {&huge, LARGE - 1, ENDLESS, true, 1},
        {&huge, LARGE, 10, false, 10},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool there = !cases[i].there;
        uint64_t run = part_set_run(cases[i].set, cases[i].offset, cases[i].most, &there);

        if (run != cases[i].run || there != cases[i].there)
            fail_msg("case %zu: %llu, %d", i, (unsigned long long)run, there);
    }
}

/* Of a file of 25 bytes in chunks of 10, unless a case says otherwise. */
static const struct part_set whole = SET({0, 25});
static const struct part_set all_but_one = SET({0, 24});
static const struct part_set tail = SET({20, 25});
static const struct part_set short_tail = SET({21, 25});
static const struct part_set middle = SET({10, 20});
static const struct part_set inside = SET({11, 19});
static const struct part_set around = SET({9, 21});
static const struct part_set shifted = SET({5, 15});
static const struct part_set two = SET({0, 10}, {20, 25});
static const struct part_set pieces = SET({0, 9}, {10, 19}, {20, 24});
static const struct part_set vast = SET({0, LARGE});

static void chunks(void **state)
{
    static const struct {
        const struct part_set *set;
        uint64_t file_size, chunk_size, count;
    } cases[] = {
        {&none, 25, 10, 0},
        {&whole, 25, 10, 3},
        {&all_but_one, 25, 10, 2},
        {&tail, 25, 10, 1},
        {&short_tail, 25, 10, 0},
        {&middle, 25, 10, 1},
        {&inside, 25, 10, 0},
        {&around, 25, 10, 1},
        {&shifted, 25, 10, 0}, /* two halves are no chunk */
        {&two, 25, 10, 2},
        {&pieces, 25, 10, 0},
        {&whole, 25, 25, 1},
        {&whole, 25, 100, 1}, /* one that is short */
        {&all_but_one, 25, 100, 0},
        {&whole, 25, 1, 25},
        {&all_but_one, 25, 1, 24},
        {&whole, 25, 5, 5}, /* the last is whole */
        {&tail, 25, 5, 1},
        {&short_tail, 25, 1, 4},
        {&tail, 30, 10, 0}, /* not the last chunk's end */
        {&vast, LARGE, UINT64_C(5) << 30, LARGE / (UINT64_C(5) << 30) + 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t count = part_set_chunks(cases[i].set, cases[i].file_size, cases[i].chunk_size);

        if (count != cases[i].count)
            fail_msg("case %zu: %llu", i, (unsigned long long)count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes), cmocka_unit_test(sums),   cmocka_unit_test(what_is_held),
        cmocka_unit_test(runs),     cmocka_unit_test(chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
