/* Commands cut into words, as a shell would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/words.h"

struct example {
    const char *text;
    const char *words[6];
};

static void what_words_are(void **state)
{
    static const struct example examples[] = {
        {"", {0}},
        {"  \t ", {0}},
        {"one", {"one"}},
        {" one\ttwo  three ", {"one", "two", "three"}},
        {"'one two' \"three four\"", {"one two", "three four"}},
        {"a'b c'd", {"ab cd"}},
        {"'' \"\" x", {"", "", "x"}},
        {"a\\ b \\'c \\\\", {"a b", "'c", "\\"}},
        {"\"a\\\"b\" 'c\\d'", {"a\"b", "c\\d"}},
        {"$HOME *.wav ~ | > a", {"$HOME", "*.wav", "~", "|", ">", "a"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        scoped(arena_release) struct arena *mem = arena_new();
        struct error err;
        char **words;
        size_t count;

        assert_true(words_read(examples[i].text, mem, &words, &count, &err));
        for (size_t j = 0; j < count; j++)
            assert_string_equal(words[j], examples[i].words[j]);
        assert_true(count == COUNT_OF(examples[i].words) || !examples[i].words[count]);
        assert_null(words[count]);
    }
}

static void what_words_are_not(void **state)
{
    static const char *const texts[] = {"'a", "\"a", "a \"b'", "a\\", "\"a\\"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        scoped(arena_release) struct arena *mem = arena_new();
        struct error err = {0};
        char **words;
        size_t count;

        assert_false(words_read(texts[i], mem, &words, &count, &err));
        assert_int_equal(err.kind, ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_words_are),
        cmocka_unit_test(what_words_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
