/* How many threads wait for events, as what they find calls for. */
#include "base/clock.h"
#include "http/standby.h"
#include "http_test.h"

#define QUICK_US 10
#define LONG_US 1000
#define CORES 8

static struct http_server *new_server(unsigned waiting_max)
{
    struct http_server *server = calloc(1, sizeof *server);

    assert_non_null(server);
    standby_init(server);
    server->cores = CORES;
    atomic_store(&server->waiting_max, waiting_max);
    return server;
}

static void free_server(struct http_server *server)
{
    standby_done(server);
    free(server);
}

static void report(struct http_server *server, struct workload *load, unsigned times, int events,
                   int64_t took_us)
{
    while (times-- > 0)
        standby_report(server, load, events, clock_monotonic_us() - took_us);
}

static void one_is_enough_for_quick_requests(void **state)
{
    struct http_server *server = new_server(CORES);
    struct workload load = {0};

    (void)state;
    report(server, &load, 100, 1, QUICK_US);
    assert_int_equal(server->waiting_max, CORES);
    report(server, &load, 10000, 1, QUICK_US);
    assert_int_equal(server->waiting_max, 1);
    assert_true(standby_take_place(server));
    assert_false(standby_take_place(server));
    free_server(server);
}

static void long_requests_call_for_more(void **state)
{
    struct http_server *server = new_server(1);
    struct workload load = {0};

    (void)state;
    report(server, &load, 1, 1, LONG_US);
    assert_int_equal(server->waiting_max, 1);
    report(server, &load, 4, 2, LONG_US);
    assert_int_equal(server->waiting_max, 2);
    report(server, &load, 1000, 2, LONG_US);
    assert_int_equal(server->waiting_max, CORES);
    free_server(server);
}

/* The thread was kept from running now and then, on a busy machine. */
static void some_long_ones_do_not(void **state)
{
    struct http_server *server = new_server(1);
    struct workload load = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        report(server, &load, 1, 1, LONG_US);
        report(server, &load, 100, 1, QUICK_US);
    }
    assert_int_equal(server->waiting_max, 1);
    free_server(server);
}

static void one_that_does_not_keep_up_calls_for_more(void **state)
{
    struct http_server *server = new_server(1);
    struct workload load = {0};
    int64_t end_us = clock_monotonic_us() + 20 * US_PER_S;

    (void)state;
    while (atomic_load(&server->waiting_max) == 1 && clock_monotonic_us() < end_us)
        report(server, &load, 1, EVENTS_AT_ONCE, QUICK_US);
    assert_int_equal(server->waiting_max, 2);
    free_server(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_is_enough_for_quick_requests),
                                       cmocka_unit_test(long_requests_call_for_more),
                                       cmocka_unit_test(some_long_ones_do_not),
                                       cmocka_unit_test(one_that_does_not_keep_up_calls_for_more)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
