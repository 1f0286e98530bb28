/* A figure that took long is kept for a hundred times as long, a cheap one never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/costly.h"

static int64_t time_us;

static int64_t now_us(void)
{
    return time_us;
}

struct counting {
    uint64_t count;
    int64_t takes_us;
    bool fails;
    unsigned times;
};

static bool count(void *context, uint64_t *out, struct error *err)
{
    struct counting *counting = context;

    counting->times++;
    time_us += counting->takes_us;
    if (counting->fails)
        return error_set(err, ERR_UNAVAILABLE, "away");
    *out = counting->count;
    return true;
}

static uint64_t ask(struct costly *costly, struct counting *counting)
{
    struct error err;
    uint64_t figure = 0;

    assert_true(costly_ask(costly, count, counting, &figure, &err));
    return figure;
}

static void a_cheap_figure_is_always_true(void **state)
{
    struct costly costly = COSTLY_INIT(now_us);
    struct counting counting = {.takes_us = COSTLY_CHEAP_US - 1};

    (void)state;
    for (counting.count = 1; counting.count < 5; counting.count++)
        assert_int_equal(ask(&costly, &counting), counting.count);
    assert_int_equal(counting.times, 4);
}

static void a_costly_one_is_kept_for_a_while(void **state)
{
    struct costly costly = COSTLY_INIT(now_us);
    struct counting counting = {.count = 7, .takes_us = 100000};

    (void)state;
    assert_int_equal(ask(&costly, &counting), 7);
    counting.count = 8;
    for (unsigned i = 0; i < 99; i++) {
        time_us += 100000;
        assert_int_equal(ask(&costly, &counting), 7);
    }
    assert_int_equal(counting.times, 1);
    time_us += 100000;
    assert_int_equal(ask(&costly, &counting), 8);
    assert_int_equal(counting.times, 2);
}

static void a_failure_is_not_kept(void **state)
{
    struct costly costly = COSTLY_INIT(now_us);
    struct counting counting = {.count = 7, .takes_us = 100000, .fails = true};
    uint64_t figure = 0;
    struct error err;

    (void)state;
    assert_false(costly_ask(&costly, count, &counting, &figure, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    counting.fails = false;
    assert_int_equal(ask(&costly, &counting), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cheap_figure_is_always_true),
        cmocka_unit_test(a_costly_one_is_kept_for_a_while),
        cmocka_unit_test(a_failure_is_not_kept),
    };

    return cmocka_run_group_tests_name("costly", tests, NULL, NULL);
}
