#include "http/disposition.h"
#include "http_test.h"

struct disposition_case {
    const char *header;
    const char *type; /* NULL: ERR_INVALID */
    const char *name;
    const char *filename;
};

static const struct disposition_case cases[] = {
    /* RFC 6266 section 5 */
    {"Attachment; filename=example.html", "attachment", NULL, "example.html"},
    {"INLINE; FILENAME= \"an example.html\"", "inline", NULL, "an example.html"},
    {"attachment; filename*= UTF-8''%e2%82%ac%20rates", "attachment", NULL, "\u20ac rates"},
    {"attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", "attachment", NULL,
     "\u20ac rates"},
    {"attachment; filename*=utf-8''%e2%82%ac%20rates; filename=\"EURO rates\"", "attachment", NULL,
     "\u20ac rates"},
    /* RFC 8187 section 3.2.3 */
    {"attachment; filename*=iso-8859-1'en'%A3%20rates", "attachment", NULL, "\u00a3 rates"},
    {"attachment; filename*=UTF-8''%c2%a3%20and%20%e2%82%ac%20rates", "attachment", NULL,
     "\u00a3 and \u20ac rates"},
    /* plain forms, and those of careless clients */
    {"attachment", "attachment", NULL, NULL},
    {"attachment;", "attachment", NULL, NULL},
    {"attachment; ; filename=a.wav;", "attachment", NULL, "a.wav"},
    {"attachment;filename=a.wav", "attachment", NULL, "a.wav"},
    {"attachment; filename = a.wav", "attachment", NULL, "a.wav"},
    {"attachment; filename=\"\"", "attachment", NULL, ""},
    {"attachment; filename=\"a\\\"b\\\\c.wav\"", "attachment", NULL, "a\"b\\c.wav"},
    {"attachment; filename=\"C:\\dir\\a.wav\"", "attachment", NULL, "C:\\dir\\a.wav"},
    {"attachment; filename=\"../../etc/passwd\"", "attachment", NULL, "../../etc/passwd"},
    {"attachment; filename=\"caf\u00e9.wav\"", "attachment", NULL, "caf\u00e9.wav"},
    {"attachment; filename=\"a;b.wav\"", "attachment", NULL, "a;b.wav"},
    {"attachment; size=5; filename=a.wav", "attachment", NULL, "a.wav"},
    {"attachment; filename=\"a%22.wav\"", "attachment", NULL, "a%22.wav"},
    {"attachment; filename=a.wav; filename*=UTF-16''%00a", "attachment", NULL, "a.wav"},
    {"attachment; filename=a.wav; filename*=UTF-8''%zz", "attachment", NULL, "a.wav"},
    /* forms: RFC 7578 */
    {"form-data; name=\"file\"; filename=\"a.wav\"", "form-data", "file", "a.wav"},
    {"form-data; name=\"a%22b%0D%0Ac\"; filename=\"x%22y.wav\"", "form-data", "a\"b\r\nc",
     "x\"y.wav"},
    {"form-data; name=\"\"", "form-data", "", NULL},
    /* wrong */
    {"", NULL, NULL, NULL},
    {"; filename=a", NULL, NULL, NULL},
    {"attachment filename=a", NULL, NULL, NULL},
    {"attachment; filename", NULL, NULL, NULL},
    {"attachment; filename=", NULL, NULL, NULL},
    {"attachment; filename=\"a", NULL, NULL, NULL},
    {"attachment; filename=\"a\" b", NULL, NULL, NULL},
    {"attachment; filename=a b.wav", NULL, NULL, NULL},
    {"attachment; filename=a; filename=b", NULL, NULL, NULL},
    {"attachment; filename*=UTF-8''a; filename*=UTF-8''b", NULL, NULL, NULL},
    {"attachment; filename*=UTF-8''%00", NULL, NULL, NULL},
    {"attachment; filename*=UTF-8''%ff", NULL, NULL, NULL},
    {"attachment; filename=\"\xff\"", NULL, NULL, NULL},
    {"attachment, inline", NULL, NULL, NULL},
};

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void parsing(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct disposition found = {0};
        struct error err = {0};
        bool good = disposition_parse(str_from(cases[i].header), mem, &found, &err);

        if (!cases[i].type) {
            if (good || err.kind != ERR_INVALID)
                fail_msg("\"%s\" was not refused", cases[i].header);
        } else if (!good || !same(found.type, cases[i].type) || !same(found.name, cases[i].name) ||
                   !same(found.filename, cases[i].filename)) {
            fail_msg("\"%s\": %s, %s, %s, %s", cases[i].header, good ? "good" : err.log, found.type,
                     found.name, found.filename);
        }
    }
}

static void nul_is_refused(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct disposition found;
    struct error err;

    (void)state;
    assert_false(
        disposition_parse(STR_LITERAL("attachment; filename=\"a\0b\""), mem, &found, &err));
}

static void formatting(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    assert_string_equal(disposition_format("attachment", "a b.wav", mem),
                        "attachment; filename=\"a b.wav\"");
    assert_string_equal(disposition_format("inline", "caf\u00e9.wav", mem),
                        "inline; filename=\"caf_.wav\"; filename*=UTF-8''caf%C3%A9.wav");
    assert_string_equal(disposition_format("attachment", "\u4f1a\u8b70.mp3", mem),
                        "attachment; filename=\"__.mp3\"; "
                        "filename*=UTF-8''%E4%BC%9A%E8%AD%B0.mp3");
    assert_string_equal(disposition_format("attachment", "a\"\r\nSet-Cookie: x\\", mem),
                        "attachment; filename=\"a___Set-Cookie: x_\"; "
                        "filename*=UTF-8''a%22%0D%0ASet-Cookie%3A%20x%5C");
    assert_string_equal(disposition_format("attachment", "100%41.wav", mem),
                        "attachment; filename=\"100_41.wav\"; filename*=UTF-8''100%2541.wav");
    assert_string_equal(disposition_format("attachment", "\xff.wav", mem),
                        "attachment; filename=\"_.wav\"; filename*=ISO-8859-1''%FF.wav");
}

static void what_is_formatted_reads_back(void **state)
{
    static const char *const names[] = {
        "a.wav",        "caf\u00e9 \"x\" \\ %41;=,.wav", "\u4f1a", "'", "a'b", " leading", "-dash",
        "\u202egnp.wav"};
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct disposition found;
        struct error err;
        const char *header = disposition_format("attachment", names[i], mem);

        assert_true(disposition_parse(str_from(header), mem, &found, &err));
        assert_string_equal(found.filename, names[i]);
    }
}

static void parameters(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *value;
    struct error err;

    (void)state;
    assert_true(header_parameter(STR_LITERAL("text/html; charset=\"utf-8\"; q=1"), "Charset", mem,
                                 &value, &err));
    assert_string_equal(value, "utf-8");
    assert_true(header_parameter(STR_LITERAL("text/html"), "charset", mem, &value, &err));
    assert_null(value);
    assert_false(header_parameter(STR_LITERAL("a/b; x=1; x=2"), "x", mem, &value, &err));
    assert_false(header_parameter(STR_LITERAL("a/b; x"), "x", mem, &value, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing),    cmocka_unit_test(nul_is_refused),
        cmocka_unit_test(formatting), cmocka_unit_test(what_is_formatted_reads_back),
        cmocka_unit_test(parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
