#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/flac.h"
#include "media/id3.h"

static void add(struct tags *tags, const char *key, const char *value)
{
    tags_add(tags, str_from(key), str_from(value));
}

static void names_are_the_same_for_all_formats(void **state)
{
    static const struct {
        const char *key, *value, *name, *wanted;
    } CASES[] = {
        {"TIT2", "x", "title", "x"},
        {"INAM", "x", "title", "x"},
        {"©ART", "x", "artist", "x"},
        {"WM/AlbumArtist", "x", "album_artist", "x"},
        {"Album Artist", "x", "album_artist", "x"},
        {"TALB", "x", "album", "x"},
        {"TCON", "(17)", "genre", "Rock"},
        {"TCON", "17", "genre", "Rock"},
        {"TCON", "(4)Eurodisco", "genre", "Eurodisco"},
        {"TCON", "(255)", "genre", "(255)"},
        {"TCON", "(RX)", "genre", "Remix"},
        {"GENRE", "2 Tone", "genre", "2 Tone"},
        {"TDRC", "2010-10-11", "year", "2010"},
        {"date", "20101011", "year", "2010"},
        {"date", "11.10.2010", "year", "2010"},
        {"TRCK", "3/12", "track", "3"},
        {"TRCK", "03", "track", "3"},
        {"TRCK", "3/12", "track_total", "12"},
        {"discnumber", "1/2", "disc_total", "2"},
        {"MyOwn", "y", "myown", "y"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        scoped(arena_release) struct arena *mem = arena_new();
        struct tags *tags = arena_alloc(mem, sizeof *tags);
        const char *got;

        tags_init(tags, mem);
        add(tags, CASES[i].key, CASES[i].value);
        got = tags_get(tags, CASES[i].name);
        assert_non_null(got);
        assert_string_equal(got, CASES[i].wanted);
    }
}

static void what_says_nothing_is_left_out(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct tags *tags = arena_alloc(mem, sizeof *tags);

    (void)state;
    tags_init(tags, mem);
    add(tags, "title", "   ");
    add(tags, "track", "none");
    add(tags, "date", "unknown");
    add(tags, "year", "0");
    add(tags, "metadata_block_picture", "AAAA");
    add(tags, "", "x");
    assert_int_equal(tags->count, 0);
    add(tags, "title", "first");
    add(tags, "TIT2", "second");
    assert_string_equal(tags_get(tags, "title"), "first");
}

static void text_is_always_clean_utf8(void **state)
{
    static const struct {
        const char *dirty, *clean;
    } CASES[] = {
        {"plain", "plain"},
        {"K\xc3\xbcnstler", "K\xc3\xbcnstler"},
        {"bad\xff"
         "byte",
         "bad\xef\xbf\xbd"
         "byte"},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"over\xc0\xaflong", "over\xef\xbf\xbd\xef\xbf\xbdlong"},
        {"bell\x07 tab\t", "bell  tab\t"},
        {"trailing  ", "trailing"},
    };
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        assert_string_equal(text_clean(mem, str_from(CASES[i].dirty), 100), CASES[i].clean);
    assert_string_equal(text_clean(mem, str_from("\xc3\xbc\xc3\xbc"), 3), "\xc3\xbc");
    assert_string_equal(text_from_latin1(mem, str_from("Bj\xf6rk"), 100), "Bj\xc3\xb6rk");
}

static void tags_are_bounded(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct tags *tags = arena_alloc(mem, sizeof *tags);
    char *text = arena_alloc(mem, 100001);
    json_t *json;
    char *dumped;

    (void)state;
    memset(text, 'x', 100000);
    tags_init(tags, mem);
    for (int i = 0; i < 1000; i++)
        add(tags, arena_printf(mem, "key%d", i), text);
    json = tags_to_json(tags);
    dumped = json_dumps(json, 0);
    assert_true(strlen(dumped) < 40000);
    assert_int_equal(strlen(tags_get(tags, "key0")), TAG_VALUE_MAX_BYTES);
    free(dumped);
    json_decref(json);
}

static void numbers_become_integers(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct tags *tags = arena_alloc(mem, sizeof *tags);
    json_t *json;

    (void)state;
    tags_init(tags, mem);
    add(tags, "date", "1999-01-01");
    add(tags, "track", "7/9");
    add(tags, "title", "1999");
    json = tags_to_json(tags);
    assert_int_equal(json_integer_value(json_object_get(json, "year")), 1999);
    assert_int_equal(json_integer_value(json_object_get(json, "track")), 7);
    assert_int_equal(json_integer_value(json_object_get(json, "track_total")), 9);
    assert_string_equal(json_string_value(json_object_get(json, "title")), "1999");
    json_decref(json);
}

static void id3_text_knows_its_encodings(void **state)
{
    static const struct {
        unsigned encoding;
        const char *bytes;
        size_t length;
        const char *wanted;
    } CASES[] = {
        {0, "Bj\xf6rk\0more", 10, "Bj\xc3\xb6rk"},
        {1, "\xff\xfe\x53\0\xfc\0\0\0x\0", 10, "S\xc3\xbc"},
        {1, "\xfe\xff\0S\0\xfc", 6, "S\xc3\xbc"},
        {1, "\xff\xfe\xff\xfeS\0", 6, "S"},
        {1, "S\0x\0", 4, "Sx"},
        {2, "\0S\0\xfc", 4, "S\xc3\xbc"},
        {1, "\xff\xfe\x3d\xd8\x00\xde", 6, "\xf0\x9f\x98\x80"},
        {1, "\xff\xfe\x3d\xd8", 4, "\xef\xbf\xbd"},
        {3, "S\xc3\xbc", 3, "S\xc3\xbc"},
        {1, "\xff", 1, ""},
        {0, "", 0, ""},
    };
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        size_t used;

        assert_string_equal(id3_text(mem, CASES[i].encoding, (const uint8_t *)CASES[i].bytes,
                                     CASES[i].length, &used),
                            CASES[i].wanted);
        assert_true(used <= CASES[i].length);
    }
}

static void vorbis_comments_stay_in_bounds(void **state)
{
    static const uint8_t BLOCK[] =
        "\4\0\0\0test\3\0\0\0\7\0\0\0TITLE=a\4\0\0\0nope\x0a\0\0\0ARTIST=bcd";
    size_t whole = sizeof BLOCK - 1;

    (void)state;
    for (size_t length = 0; length <= whole; length++) {
        scoped(arena_release) struct arena *mem = arena_new();
        struct tags *tags = arena_alloc(mem, sizeof *tags);
        scoped(memory_free) uint8_t *exact = malloc(length + (length == 0));

        assert_non_null(exact);
        memcpy(exact, BLOCK, length);
        tags_init(tags, mem);
        vorbis_comments_read(tags, exact, length);
        assert_int_equal(tags->count, length == whole ? 2 : length >= 23 ? 1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_the_same_for_all_formats),
        cmocka_unit_test(what_says_nothing_is_left_out),
        cmocka_unit_test(text_is_always_clean_utf8),
        cmocka_unit_test(tags_are_bounded),
        cmocka_unit_test(numbers_become_integers),
        cmocka_unit_test(id3_text_knows_its_encodings),
        cmocka_unit_test(vorbis_comments_stay_in_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
