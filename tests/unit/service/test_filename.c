#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/filename.h"

static void names_are_kept_or_refused(void **state)
{
    static const struct {
        struct str given;
        const char *kept; /* NULL: refused */
    } cases[] = {
        {STR_LITERAL("take 1.wav"), "take 1.wav"},
        {STR_LITERAL("../../etc/passwd"), "passwd"},
        {STR_LITERAL("C:\\music\\a.mp3"), "a.mp3"},
        {STR_LITERAL("-rf.wav"), "-rf.wav"},
        {STR_LITERAL("\"quoted\".wav"), "\"quoted\".wav"},
        {STR_LITERAL("\xe2\x80\xae"
                     "gpj.wav"),
         "\xe2\x80\xae"
         "gpj.wav"}, /* right-to-left mark */
        {STR_LITERAL("\xe9\x9f\xb3.wav"), "\xe9\x9f\xb3.wav"},
        {STR_LITERAL(""), NULL},
        {STR_LITERAL("."), NULL},
        {STR_LITERAL(".."), NULL},
        {STR_LITERAL("folder/"), NULL},
        {STR_LITERAL("a\0b.wav"), NULL},
        {STR_LITERAL("a\r\nb.wav"), NULL},
        {STR_LITERAL("a\x7f.wav"), NULL},
        {STR_LITERAL("a\xc2\x85.wav"), NULL}, /* NEL, a C1 control */
        {STR_LITERAL("a\xff.wav"), NULL},
        {STR_LITERAL("a\xed\xa0\x80.wav"), NULL}, /* a surrogate */
    };
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *out = NULL;
        struct error err;

        if (filename_check(cases[i].given, mem, &out, &err)) {
            assert_non_null(cases[i].kept);
            assert_string_equal(out, cases[i].kept);
        } else {
            assert_null(cases[i].kept);
            assert_int_equal(err.kind, ERR_FILENAME);
        }
    }
}

static void the_longest_name_has_500_bytes(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    char name[FILENAME_MAX_BYTES + 2];
    const char *out = NULL;
    struct error err;

    (void)state;
    memset(name, 'x', sizeof name);
    assert_true(filename_check((struct str){name, FILENAME_MAX_BYTES}, mem, &out, &err));
    assert_false(filename_check((struct str){name, FILENAME_MAX_BYTES + 1}, mem, &out, &err));
}

static void slugs_and_extensions_are_plain(void **state)
{
    static const struct {
        const char *name, *slug, *extension;
    } cases[] = {
        {"Take 1 (final).WAV", "Take-1-final", "wav"},
        {"\xe9\x9f\xb3\xe6\xa5\xbd.mp3", "audio", "mp3"},
        {"caf\xc3\xa9 au lait.m4a", "caf-au-lait", "m4a"},
        {"..hidden", "audio", "hidden"},
        {".wav", "wav", "bin"},
        {"noext", "noext", "bin"},
        {"x.", "x", "bin"},
        {"x.toolongext", "x", "bin"},
        {"x.m\xc3\xa9", "x", "bin"},
        {"---.ogg", "audio", "ogg"},
        {"a__b.ogg", "a__b", "ogg"},
        {"0123456789012345678901234567890123456789012345678901234567890123456789.flac",
         "0123456789012345678901234567890123456789012345678901234567890123", "flac"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char slug[SLUG_MAX_BYTES + 1], extension[EXTENSION_MAX_BYTES + 1];

        filename_slug(cases[i].name, slug);
        filename_extension(cases[i].name, extension);
        assert_string_equal(slug, cases[i].slug);
        assert_string_equal(extension, cases[i].extension);
    }
}

static void keys_hold_owner_day_and_id(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid user, id;

    (void)state;
    assert_true(uuid_parse(str_from("01890a5d-ac96-774b-bcce-b302099a8057"), &user));
    assert_true(uuid_parse(str_from("01890a5d-ac96-774b-bcce-b302099a8058"), &id));
    assert_string_equal(
        filename_object_key(user, id, INT64_C(1764000000) * US_PER_S, "My Song.mp3", mem),
        "uploads/01890a5d-ac96-774b-bcce-b302099a8057/2025/11/24/"
        "01890a5d-ac96-774b-bcce-b302099a8058-My-Song.mp3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_kept_or_refused),
        cmocka_unit_test(the_longest_name_has_500_bytes),
        cmocka_unit_test(slugs_and_extensions_are_plain),
        cmocka_unit_test(keys_hold_owner_day_and_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
