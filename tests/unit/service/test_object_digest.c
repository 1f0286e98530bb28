/* Whether an object is what it was, and that nobody need wait for the answer. */
#include "fixture.h"

#include "service/object_digest.h"

#define KEY "an/object"
#define SHA256                                                                                   \
    "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9" /* of the fixture's bytes \
                                                                        */

static bool is_right(struct app_fixture *f, const char *sha256)
{
    bool out;

    assert_ok(f, object_digest_is(app_store(f->app, "main"), KEY, sha256, NULL, &out, &f->err));
    return out;
}

static void an_object_has_one_digest(void **state)
{
    struct app_fixture *f = *state;

    app_fixture_add(f, "main", KEY, false);
    assert_true(is_right(f, SHA256));
    assert_false(is_right(f, "00"));
}

static void it_is_given_up_where_it_is_not_wanted(void **state)
{
    struct app_fixture *f = *state;
    struct store *store = app_store(f->app, "main");
    atomic_bool should_end = false;
    bool out = false;

    app_fixture_add(f, "main", KEY, false);
    assert_ok(f, object_digest_is(store, KEY, SHA256, &should_end, &out, &f->err));
    assert_true(out);
    atomic_store(&should_end, true);
    assert_false(object_digest_is(store, KEY, SHA256, &should_end, &out, &f->err));
    assert_int_equal(f->err.kind, ERR_CONFLICT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, app_fixture_set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_object_has_one_digest),
        CASE(it_is_given_up_where_it_is_not_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
