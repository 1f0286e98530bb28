/* What verify finds that walking through the configured stores alone does not show. */
#include "fixture.h"

#include "service/verify.h"

struct seen {
    unsigned count;
    enum verify_problem problem;
    char store[16], key[64];
};

static void see(void *context, const struct verify_finding *finding)
{
    struct seen *seen = context;

    seen->count++;
    seen->problem = finding->problem;
    snprintf(seen->store, sizeof seen->store, "%s", finding->store ? finding->store : "");
    snprintf(seen->key, sizeof seen->key, "%s", finding->key);
}

static struct seen verify(struct app_fixture *f)
{
    struct seen seen = {0};
    struct verify_totals totals;

    assert_ok(f, verify_run(f->app, VERIFY_QUOTA | VERIFY_STORES, see, &seen, &totals, &f->err));
    assert_int_equal(totals.problems, seen.count);
    return seen;
}

static void lose_cold(struct app_fixture *f)
{
    assert_ok(f, app_fixture_reopen(f, arena_printf(f->mem,
                                                    "[store \"main\"]\nprovider = local\n"
                                                    "path = %s\n",
                                                    app_fixture_path(f, "main"))));
}

static void all_adds_up(void **state)
{
    struct app_fixture *f = *state;

    app_fixture_add(f, "main", "a", true);
    app_fixture_add(f, "cold", "b", true);
    app_fixture_add_garbage(f, "cold", "c");
    assert_int_equal(verify(f).count, 0);
}

static void records_of_a_store_that_is_not_configured_are_missing(void **state)
{
    struct app_fixture *f = *state;
    struct seen seen;

    app_fixture_add(f, "main", "a", true);
    app_fixture_add(f, "cold", "b", true);
    lose_cold(f);
    seen = verify(f);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.problem, VERIFY_MISSING);
    assert_string_equal(seen.store, "cold");
    assert_string_equal(seen.key, "b");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, app_fixture_set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_adds_up),
        CASE(records_of_a_store_that_is_not_configured_are_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
