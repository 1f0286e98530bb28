/* What reaches a terminal, and what becomes a file name. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/scoped.h"
#include "base/str.h"
#include "cli/names.h"
#include "cli/text.h"

static void control_characters_are_escaped(void **state)
{
    static const struct {
        const char *text, *visible;
    } cases[] = {
        {"plain name.wav", "plain name.wav"},
        {"", ""},
        {"a\x1b[2Jb", "a\\x1b[2Jb"},
        {"a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\u{9b}31m"},
        {"\u202egnp.wav", "\\u{202e}gnp.wav"},
        {"a\u2028b\u2066c\u200fd", "a\\u{2028}b\\u{2066}c\\u{200f}d"},
        {"Müller – 東京 🎵", "Müller – 東京 🎵"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc3", "\\xc3"},
        {"\xc3(", "\\xc3("},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf0\x9f\x8e", "\\xf0\\x9f\\x8e"},
        {"back\\slash", "back\\slash"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t size = TEXT_VISIBLE_SIZE(strlen(cases[i].text));
        char *out = malloc(size); /* of exactly that size: the sanitizer watches its end */

        text_visible(cases[i].text, out, size);
        assert_string_equal(out, cases[i].visible);
        free(out);
    }
}

static void visible_text_ends_between_characters(void **state)
{
    char out[8];

    (void)state;
    text_visible("東京東京", out, sizeof out);
    assert_string_equal(out, "東京");
    text_visible("abcde\x1b", out, sizeof out);
    assert_string_equal(out, "abcde");
}

static void widths_are_columns(void **state)
{
    (void)state;
    assert_int_equal(text_width("abc"), 3);
    assert_int_equal(text_width("Müller"), 6);
    assert_int_equal(text_width("東京"), 4);
    assert_int_equal(text_width("e\u0301"), 1);
}

static void long_text_is_cut(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *cut;
    } cases[] = {
        {"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"},   {"abcdef", 1, "…"},     {"ab", 1, "…"},
        {"abcdef", 0, ""},       {"東京東京", 5, "東京…"}, {"東京東京", 4, "東…"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *text = malloc(strlen(cases[i].text) + 3);

        strcpy(text, cases[i].text);
        text_cut(text, cases[i].columns);
        assert_string_equal(text, cases[i].cut);
        assert_true(text_width(text) <= cases[i].columns);
        free(text);
    }
}

static void durations_read_like_a_player(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "0:00"},       {0.4, "0:00"},     {59.6, "1:00"},        {205, "3:25"},
        {3599.4, "59:59"}, {3723, "1:02:03"}, {360000, "100:00:00"}, {-1, "-"},
        {0.0 / 0.0, "-"},  {1e300, "-"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[TEXT_DURATION_SIZE];

        text_duration(cases[i].seconds, out);
        assert_string_equal(out, cases[i].text);
    }
}

static void times_are_local(void **state)
{
    char out[TEXT_TIME_SIZE];

    (void)state;
    setenv("TZ", "IST-5:30", 1);
    tzset();
    text_local_time("2026-11-24T20:00:00Z", out);
    assert_string_equal(out, "2026-11-25 01:30");
    text_local_time(NULL, out);
    assert_string_equal(out, "-");
    text_local_time("yesterday", out);
    assert_string_equal(out, "-");
}

static void names_are_safe(void **state)
{
    static const struct {
        const char *original, *name;
    } cases[] = {
        {"take 1.wav", "take 1.wav"},
        {"Müller – 東京.flac", "Müller – 東京.flac"},
        {"../../etc/passwd", "_._.._etc_passwd"},
        {"/etc/passwd", "_etc_passwd"},
        {"..", "_."},
        {".", "_"},
        {".bashrc", "_bashrc"},
        {"-rf", "_rf"},
        {"a\\b", "a_b"},
        {"a\nb\x1b[0m\x7f", "a_b_[0m_"},
        {"a\u202egnp.wav", "a_gnp.wav"},
        {"a\xc2\x9b"
         "b",
         "a_b"},
        {"", "fallback"},
        {NULL, "fallback"},
        {"\xff.wav", "fallback"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[NAME_SIZE];

        name_for_file(cases[i].original, "fallback", out);
        assert_string_equal(out, cases[i].name);
    }
}

static void long_names_keep_their_extension(void **state)
{
    char original[3 * 300 + 8], out[NAME_SIZE];

    (void)state;
    original[0] = '\0';
    for (int i = 0; i < 300; i++)
        strcat(original, "東");
    strcat(original, ".flac");
    name_for_file(original, "fallback", out);
    assert_true(strlen(out) <= NAME_BYTES_MAX);
    assert_true(utf8_is_valid(str_from(out)));
    assert_string_equal(out + strlen(out) - 5, ".flac");
    memset(original, 'a', 500);
    original[500] = '\0';
    original[10] = '.'; /* far too long for an extension */
    name_for_file(original, "fallback", out);
    assert_int_equal(strlen(out), NAME_BYTES_MAX);
}

static int use_utf8(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_are_escaped),
        cmocka_unit_test(visible_text_ends_between_characters),
        cmocka_unit_test(widths_are_columns),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(durations_read_like_a_player),
        cmocka_unit_test(times_are_local),
        cmocka_unit_test(names_are_safe),
        cmocka_unit_test(long_names_keep_their_extension),
    };

    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
