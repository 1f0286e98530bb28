#include "http/multipart.h"
#include "http_test.h"

#define FILE_PART(name, filename, content)                                            \
    "--XX\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" filename \
    "\"\r\nContent-Type: audio/wav\r\n\r\n" content "\r\n"

/* Reads everything and tells it as "name|filename|type|content\n…", or the error's code. */
static const char *tell(const char *body, size_t length, size_t step, size_t block,
                        struct arena *mem)
{
    struct stepping_source source = stepping_source(body, length, step);
    struct multipart *form = multipart_new(&source.base, "XX", mem);
    const char *text = "";
    struct error err = {0};

    for (;;) {
        struct multipart_part part;
        char buf[64];
        size_t got;
        bool found;

        if (!multipart_next(form, &found, &part, &err))
            return arena_printf(mem, "%s%s", text, error_code(&err));
        if (!found)
            return text;
        text = arena_printf(mem, "%s%s|%s|%s|", text, part.name,
                            part.filename ? part.filename : "-", part.type ? part.type : "-");
        do {
            if (!part.body->read(part.body, buf, block, &got, &err))
                return arena_printf(mem, "%s%s", text, error_code(&err));
            for (size_t i = 0; i < got; i++)
                if (!buf[i])
                    buf[i] = '0';
            text = arena_printf(mem, "%s%.*s", text, (int)got, buf);
        } while (got > 0);
        text = arena_printf(mem, "%s\n", text);
    }
}

struct form_case {
    struct str body;
    const char *told;
};

#define BODY(text) STR_LITERAL(text)

static const struct form_case cases[] = {
    {BODY(FILE_PART("a", "x.wav", "hello") "--XX--\r\n"), "a|x.wav|audio/wav|hello\n"},
    {BODY(FILE_PART("a", "x.wav", "hello") "--XX--"), "a|x.wav|audio/wav|hello\n"},
    {BODY(FILE_PART("a", "x.wav", "1") FILE_PART("b", "y.wav", "2") "--XX--\r\n"),
     "a|x.wav|audio/wav|1\nb|y.wav|audio/wav|2\n"},
    {BODY("--XX\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nplain\r\n--XX--\r\n"),
     "t|-|-|plain\n"},
    {BODY(FILE_PART("a", "x.wav", "") "--XX--\r\n"), "a|x.wav|audio/wav|\n"},
    {BODY("--XX--\r\n"), ""},
    {BODY("a preamble\r\nof lines\r\n" FILE_PART("a", "x", "1") "--XX--\r\nan epilogue\r\n--XX"),
     "a|x|audio/wav|1\n"},
    {BODY("--XX  \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX \r\n"
          "Content-Disposition: form-data; name=b\r\n\r\n2\r\n--XX--\r\n"),
     "a|-|-|1\nb|-|-|2\n"},
    /* content that looks like a delimiter, and nearly is one */
    {BODY(FILE_PART("a", "x", "\r\n--X\r\n-XX\r\n--YX--XX\r\r\n\r\n-") "--XX--\r\n"),
     "a|x|audio/wav|\r\n--X\r\n-XX\r\n--YX--XX\r\r\n\r\n-\n"},
    {BODY(FILE_PART("a", "x", "\r\n\r\n\r\n") "--XX--\r\n"), "a|x|audio/wav|\r\n\r\n\r\n\n"},
    {BODY(FILE_PART("a", "x", "a\0b") "--XX--\r\n"), "a|x|audio/wav|a0b\n"},
    /* wrong */
    {BODY(""), "incomplete_body"},
    {BODY("no boundary at all"), "incomplete_body"},
    {BODY("--XX"), "incomplete_body"},
    {BODY("--XX\r\n"), "incomplete_body"},
    {BODY("--XX\r\nContent-Disposition: form-data; name=a\r\n"), "incomplete_body"},
    {BODY("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nhalf"),
     "a|-|-|halfincomplete_body"},
    {BODY("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nhalf\r\n--XX"),
     "a|-|-|half\nincomplete_body"},
    {BODY("--XX\r\n\r\n1\r\n--XX--\r\n"), "invalid_request"},
    {BODY("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--"), "invalid_request"},
    {BODY("--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--"), "invalid_request"},
    {BODY("--XX\r\nContent-Disposition : form-data; name=a\r\n\r\n1\r\n--XX--"), "invalid_request"},
    {BODY("--XX\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--XX--"),
     "invalid_request"},
    {BODY("--XX\nContent-Disposition: form-data; name=a\n\n1\n--XX--"), "invalid_request"},
    {BODY("--XXY\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--"), "invalid_request"},
    {BODY("--XX\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n1\r\n--XX--"),
     "invalid_request"},
};

static void forms_in_all_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t step = 1; step <= cases[i].body.len + 1; step++) {
            scoped(arena_release) struct arena *mem = arena_new();
            const char *told = tell(cases[i].body.ptr, cases[i].body.len, step, step % 7 + 1, mem);

            if (strcmp(told, cases[i].told) != 0)
                fail_msg("case %zu, pieces of %zu: \"%s\"", i, step, told);
        }
    }
}

/* Content longer than the buffer, with delimiters' beginnings at all places around its end. */
static void long_content(void **state)
{
    static const char head[] = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n";
    static const char tail[] = "\r\n--XX--\r\n";

    (void)state;
    for (size_t extra = 0; extra < 12; extra++) {
        scoped(arena_release) struct arena *mem = arena_new();
        size_t length = 3 * MULTIPART_BUFFER_BYTES + extra, total = 0, got;
        char *body = arena_alloc(mem, length + sizeof head + sizeof tail);
        struct stepping_source source;
        struct multipart_part part;
        struct multipart *form;
        struct error err;
        bool found;
        char buf[5000];

        memcpy(body, head, sizeof head - 1);
        for (size_t i = 0; i < length; i++)
            body[sizeof head - 1 + i] = "\r\n--X"[i % 5];
        memcpy(body + sizeof head - 1 + length, tail, sizeof tail - 1);
        source = stepping_source(body, sizeof head - 1 + length + sizeof tail - 1, 8191);
        form = multipart_new(&source.base, "XX", mem);
        assert_true(multipart_next(form, &found, &part, &err) && found);
        do {
            assert_true(part.body->read(part.body, buf, sizeof buf, &got, &err));
            assert_memory_equal(buf, body + sizeof head - 1 + total, got);
            total += got;
        } while (got > 0);
        assert_int_equal(total, length);
        assert_true(multipart_next(form, &found, &part, &err) && !found);
    }
}

static void unread_parts_are_skipped(void **state)
{
    static const char body[] = FILE_PART("a", "x", "unread") FILE_PART("b", "y", "2") "--XX--\r\n";
    scoped(arena_release) struct arena *mem = arena_new();
    struct stepping_source source = stepping_source(body, sizeof body - 1, 3);
    struct multipart *form = multipart_new(&source.base, "XX", mem);
    struct multipart_part part;
    struct error err;
    size_t length;
    bool found;
    char *text;

    (void)state;
    assert_true(multipart_next(form, &found, &part, &err) && found);
    assert_string_equal(multipart_header(form, "CONTENT-TYPE"), "audio/wav");
    assert_true(multipart_next(form, &found, &part, &err) && found);
    assert_string_equal(part.name, "b");
    assert_true(multipart_read_small(form, 1, &text, &length, &err));
    assert_string_equal(text, "2");
    assert_true(multipart_next(form, &found, &part, &err) && !found);
    assert_true(multipart_next(form, &found, &part, &err) && !found);
}

static void limits(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    char *body = arena_alloc(mem, 2 * MULTIPART_LINE_MAX);
    char *many = arena_alloc(mem, 64 * (MULTIPART_PARTS_MAX + 2)), *to = many;
    struct stepping_source source = stepping_source(FILE_PART("a", "x", "12345") "--XX--", 100, 9);
    struct multipart *form = multipart_new(&source.base, "XX", mem);
    struct multipart_part part;
    struct error err;
    size_t length;
    bool found;
    char *text;

    (void)state;
    memset(body, 'x', 2 * MULTIPART_LINE_MAX - 1);
    memcpy(body, "--XX\r\nA: ", 9);
    assert_string_equal(tell(body, strlen(body), 1000, 10, mem), "invalid_request");
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++)
        to = stpcpy(to, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n");
    source = stepping_source(many, (size_t)(to - many), 5000);
    form = multipart_new(&source.base, "XX", mem);
    for (int i = 0; i < MULTIPART_PARTS_MAX; i++)
        assert_true(multipart_next(form, &found, &part, &err) && found);
    assert_false(multipart_next(form, &found, &part, &err));
    source = stepping_source(FILE_PART("a", "x", "12345") "--XX--", 100, 9);
    form = multipart_new(&source.base, "XX", mem);
    assert_true(multipart_next(form, &found, &part, &err) && found);
    assert_false(multipart_read_small(form, 4, &text, &length, &err));
    assert_int_equal(err.kind, ERR_BODY_TOO_LARGE);
}

static void boundaries(void **state)
{
    static const struct {
        const char *type, *boundary;
        enum error_kind kind;
    } types[] = {
        {"multipart/form-data; boundary=XX", "XX", 0},
        {"Multipart/Form-Data;BOUNDARY=\"a b:c\"", "a b:c", 0},
        {"multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
         "----WebKitFormBoundary7MA4YWxkTrZu0gW", 0},
        {"multipart/mixed; boundary=XX", NULL, ERR_MEDIA_TYPE},
        {"application/json", NULL, ERR_MEDIA_TYPE},
        {"", NULL, ERR_MEDIA_TYPE},
        {"multipart/form-data", NULL, ERR_INVALID},
        {"multipart/form-data; boundary=", NULL, ERR_INVALID},
        {"multipart/form-data; boundary=\"\"", NULL, ERR_INVALID},
        {"multipart/form-data; boundary=\"a \"", NULL, ERR_INVALID},
        {"multipart/form-data; boundary=\"a\\\"b\"", NULL, ERR_INVALID},
        {"multipart/form-data; boundary=a; boundary=b", NULL, ERR_INVALID},
        {"multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890123456789012345678901",
         NULL, ERR_INVALID},
    };
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const char *boundary = NULL;
        struct error err;
        bool good = multipart_boundary(str_from(types[i].type), mem, &boundary, &err);

        if (good != (types[i].boundary != NULL))
            fail_msg("\"%s\"", types[i].type);
        if (good)
            assert_string_equal(boundary, types[i].boundary);
        else
            assert_int_equal(err.kind, types[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_in_all_splits),
        cmocka_unit_test(long_content),
        cmocka_unit_test(unread_parts_are_skipped),
        cmocka_unit_test(limits),
        cmocka_unit_test(boundaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
