/* A clock that goes by what another one was seen to show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/followed_clock.h"
#include "base/scoped.h"

#define MOMENT (INT64_C(1800000000) * US_PER_S) /* what the other clock shows when ours shows 0 */
#define HOUR_US (3600 * US_PER_S)

struct told {
    int64_t asked_at_us, took_us;
    int64_t ahead_us; /* the other clock's, of MOMENT, when half of it had passed */
    int64_t expected_us;
};

static void expect(const struct told *told, size_t count)
{
    struct followed_clock clock;

    followed_clock_init(&clock);
    for (size_t i = 0; i < count; i++) {
        int64_t middle_us = told[i].asked_at_us + told[i].took_us / 2;

        followed_clock_tell(
            &clock, &(struct clock_answer){.asked_at_us = told[i].asked_at_us,
                                           .answered_at_us = told[i].asked_at_us + told[i].took_us,
                                           .shown_us = MOMENT + middle_us + told[i].ahead_us});
        assert_int_equal(atomic_load(&clock.ahead_us) - MOMENT, told[i].expected_us);
    }
    followed_clock_done(&clock);
}

static void quicker_answers_are_gone_by(void **state)
{
    static const struct told told[] = {
        {0, 80000, 30000, 30000},          {1000000, 2000, 500, 500}, /* quicker */
        {2000000, 90000, 20000, 500},                                 /* slower, and agrees */
        {3000000, 1000, -100, -100},       {4000000, 500000, 200000, -100},
        {5000000, 30 * US_PER_S, 7, -100},
    };

    (void)state;
    expect(told, COUNT_OF(told));
}

static void drift_makes_old_answers_worse(void **state)
{
    static const struct told told[] = {
        {0, 2000, 0, 0},
        {10 * US_PER_S, 20000, 3000, 0}, /* 2 ms may have come since */
        {HOUR_US, 20000, 9000, 9000},    /* 720 ms */
    };

    (void)state;
    expect(told, COUNT_OF(told));
}

static void a_clock_that_was_set_is_followed(void **state)
{
    static const struct told told[] = {
        {0, 2000, 0, 0},
        {US_PER_S, 40000, 600 * US_PER_S, 600 * US_PER_S},
        {2 * US_PER_S, 90000, -HOUR_US, -HOUR_US},
    };

    (void)state;
    expect(told, COUNT_OF(told));
}

static void it_is_the_wall_clock_at_first(void **state)
{
    struct followed_clock clock;
    int64_t before_us = clock_now_us(&clock_system), now_us = clock_boot_us();

    (void)state;
    followed_clock_init(&clock);
    assert_true(llabs(clock_now_us(&clock.clock) - before_us) < HOUR_US);
    assert_true(followed_clock_is_stale(&clock, HOUR_US, now_us));
    followed_clock_tell(&clock, &(struct clock_answer){now_us, now_us, MOMENT});
    assert_true(clock_now_us(&clock.clock) >= MOMENT);
    assert_true(clock_now_us(&clock.clock) < MOMENT + HOUR_US);
    assert_false(followed_clock_is_stale(&clock, HOUR_US, now_us + HOUR_US));
    assert_true(followed_clock_is_stale(&clock, HOUR_US, now_us + HOUR_US + 1));
    followed_clock_done(&clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quicker_answers_are_gone_by),
        cmocka_unit_test(drift_makes_old_answers_worse),
        cmocka_unit_test(a_clock_that_was_set_is_followed),
        cmocka_unit_test(it_is_the_wall_clock_at_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
