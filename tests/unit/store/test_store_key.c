#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/driver.h"

static void keys_are_judged(void **state)
{
    static const struct {
        const char *key;
        bool valid;
    } cases[] = {
        {"a", true},
        {"uploads/u/2026/11/24/x-y.mp3", true},
        {"a b/\xc3\xa9/\xe6\x97\xa5.wav", true},
        {".hidden/..two/three..", true},
        {"...", true},
        {"-rf", true},
        {"\xc2\xa0", true}, /* U+00A0, the first behind the controls */
        {"", false},
        {"/", false},
        {"/a", false},
        {"a/", false},
        {"a//b", false},
        {".", false},
        {"..", false},
        {"a/./b", false},
        {"a/../b", false},
        {"../a", false},
        {"a/..", false},
        {"a\nb", false},
        {"a\tb", false},
        {"\x01", false},
        {"a\x7f", false},
        {"a\xc2\x80", false},
        {"a\xc2\x9f", false},
        {"\xff", false},
        {"a\xc3", false},
        {"\xc0\xaf", false},         /* '/' in an overlong form */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xf4\x90\x80\x80", false}, /* past U+10FFFF */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (store_key_is_valid(cases[i].key) != cases[i].valid)
            fail_msg("case %zu: \"%s\"", i, cases[i].key);
}

static void a_key_has_a_longest_length(void **state)
{
    char key[STORE_KEY_MAX + 2];

    (void)state;
    memset(key, 'a', sizeof key);
    key[STORE_KEY_MAX] = '\0';
    assert_true(store_key_is_valid(key));
    key[STORE_KEY_MAX] = 'a';
    key[STORE_KEY_MAX + 1] = '\0';
    assert_false(store_key_is_valid(key));
}

static void a_range_is_cut_to_the_size(void **state)
{
    static const struct {
        struct byte_range range;
        uint64_t size;
        bool fits;
        uint64_t length;
    } cases[] = {
        {{0, BYTE_RANGE_REST}, 0, true, 0},
        {{0, 5}, 0, true, 0},
        {{0, BYTE_RANGE_REST}, 7, true, 7},
        {{6, 1}, 7, true, 1},
        {{6, 2}, 7, true, 1},
        {{1, UINT64_MAX - 1}, 7, true, 6},
        {{0, BYTE_RANGE_REST}, UINT64_MAX, true, UINT64_MAX},
        {{7, 1}, 7, false, 0},
        {{1, 1}, 0, false, 0},
        {{UINT64_MAX, BYTE_RANGE_REST}, 7, false, 0},
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t length = 0;
        bool fits = store_range_length(cases[i].range, cases[i].size, &length, &err);
        assert_int_equal(fits, cases[i].fits);
        assert_int_equal(length, cases[i].length);
        if (!fits)
            assert_int_equal(err.kind, ERR_RANGE);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(keys_are_judged),
        cmocka_unit_test(a_key_has_a_longest_length),
        cmocka_unit_test(a_range_is_cut_to_the_size),
    };

    return cmocka_run_group_tests_name("store: keys and ranges", cases, NULL, NULL);
}
