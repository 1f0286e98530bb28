/* What is seen again, and since when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "service/sightings.h"

static void what_is_seen_again_is_known_since_the_first_time(void **state)
{
    struct sightings *seen = sightings_new();

    (void)state;
    sightings_begin(seen);
    assert_int_equal(sightings_note(seen, "a", 10), 10);
    assert_int_equal(sightings_note(seen, "b", 11), 11);
    sightings_end(seen);
    sightings_begin(seen);
    assert_int_equal(sightings_note(seen, "b", 20), 11);
    sightings_end(seen);
    sightings_begin(seen); /* "a" was gone in between */
    assert_int_equal(sightings_note(seen, "a", 30), 30);
    assert_int_equal(sightings_note(seen, "b", 31), 11);
    sightings_end(seen);
    sightings_free(seen);
}

static void of_too_many_some_are_always_new(void **state)
{
    struct sightings *seen = sightings_new();
    int known = 0;
    char name[16];

    (void)state;
    for (int64_t look = 1; look <= 2; look++) {
        sightings_begin(seen);
        for (int i = 0; i < 3000; i++) {
            snprintf(name, sizeof name, "%d", i);
            known += sightings_note(seen, name, look) < look;
        }
        sightings_end(seen);
    }
    assert_int_equal(known, 1000);
    sightings_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen_again_is_known_since_the_first_time),
        cmocka_unit_test(of_too_many_some_are_always_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
