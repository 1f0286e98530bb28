#include <stdio.h>

#include "http/chunked.h"
#include "http_test.h"

/* Decodes BYTES given in pieces of STEP: the content, "…" if it is not over, or "!" if refused.
 * What follows the body comes behind a '|'. */
static const char *decode(struct str bytes, size_t step, struct arena *mem)
{
    struct chunked chunked = {0};
    const char *text = "";
    struct error err;

    while (bytes.len > 0 && chunked.state != CHUNKED_DONE) {
        size_t length = step < bytes.len ? step : bytes.len, used;

        if (chunked.state == CHUNKED_DATA) {
            used = length < chunked.left ? length : (size_t)chunked.left;
            text = arena_printf(mem, "%s%.*s", text, (int)used, bytes.ptr);
            chunked_took(&chunked, used);
        } else if (!chunked_feed(&chunked, bytes.ptr, length, mem, &used, &err)) {
            return arena_printf(mem, "%s!", text);
        }
        bytes.ptr += used;
        bytes.len -= used;
    }
    if (chunked.state != CHUNKED_DONE)
        return arena_printf(mem, "%s...", text);
    if (chunked_trailer(&chunked, "x", mem))
        text = arena_printf(mem, "%s X=%s", text, chunked_trailer(&chunked, "x", mem));
    return arena_printf(mem, "%s|%.*s", text, (int)bytes.len, bytes.ptr);
}

static const struct {
    struct str bytes;
    const char *told;
} cases[] = {
    {STR_LITERAL("0\r\n\r\n"), "|"},
    {STR_LITERAL("5\r\nhello\r\n0\r\n\r\nGET"), "hello|GET"},
    {STR_LITERAL("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "hello world|"},
    {STR_LITERAL("00000005\r\nhello\r\n000\r\n\r\n"), "hello|"},
    {STR_LITERAL("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), "01234567890123456789|"},
    {STR_LITERAL("5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n"), "hello|"},
    {STR_LITERAL("5 ;a\r\nhello\r\n0\r\n\r\n"), "hello|"},
    {STR_LITERAL("5\r\n\r\n0\r\n\r\n0\r\n\r\n"), "\r\n0\r\n|"},
    {STR_LITERAL("0\r\nX: y\r\n\r\nrest"), " X=y|rest"},
    {STR_LITERAL("0\r\nA: b\r\nX:  y z \r\nC: d\r\n\r\n"), " X=y z|"},
    /* not over */
    {STR_LITERAL("5\r\nhel"), "hel..."},
    {STR_LITERAL("5\r\nhello\r\n"), "hello..."},
    {STR_LITERAL("0\r\n"), "..."},
    {STR_LITERAL("0\r\nX: y\r\n"), "..."},
    /* wrong */
    {STR_LITERAL("\r\n"), "!"},
    {STR_LITERAL("x\r\n"), "!"},
    {STR_LITERAL("-1\r\n"), "!"},
    {STR_LITERAL("+5\r\nhello\r\n0\r\n\r\n"), "!"},
    {STR_LITERAL("0x5\r\nhello\r\n0\r\n\r\n"), "!"},
    {STR_LITERAL(" 5\r\nhello\r\n0\r\n\r\n"), "!"},
    {STR_LITERAL("5\nhello\n0\n\n"), "!"},
    {STR_LITERAL("5 6\r\nhello\r\n0\r\n\r\n"), "!"},
    {STR_LITERAL("5\t\r\nhello\r\n0 0\r\n\r\n"), "hello!"},
    {STR_LITERAL("5 x;a\r\nhello\r\n0\r\n\r\n"), "!"},
    {STR_LITERAL("5\r\rhello"), "!"},
    {STR_LITERAL("5\r\nhello0\r\n\r\n"), "hello!"},
    {STR_LITERAL("5\r\nhello\n0\r\n\r\n"), "hello!"},
    {STR_LITERAL("5\r\nhello\rx0\r\n\r\n"), "hello!"},
    {STR_LITERAL("5;a\nb\r\nhello"), "!"},
    {STR_LITERAL("5;a\0\r\nhello"), "!"},
    {STR_LITERAL("5;a\rb\r\nhello"), "!"},
    {STR_LITERAL("0\r\nX : y\r\n\r\n"), "!"},
    {STR_LITERAL("0\r\nX: y\r\n z\r\n\r\n"), "!"},
    {STR_LITERAL("0\r\nX: y\n\r\n"), "!"},
    {STR_LITERAL("0\r\nX\r\n\r\n"), "!"},
    {STR_LITERAL("0\r\n\n"), "!"},
    {STR_LITERAL("ffffffffffffffff\r\n"), "!"},
    {STR_LITERAL("10000000000000000\r\n"), "!"},
    {STR_LITERAL("8000000000000000\r\n"), "!"},
    {STR_LITERAL("7fffffffffffffff\r\nx"), "x..."},
};

static void bodies_in_all_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t step = 1; step <= cases[i].bytes.len; step++) {
            scoped(arena_release) struct arena *mem = arena_new();
            const char *told = decode(cases[i].bytes, step, mem);

            if (strcmp(told, cases[i].told) != 0)
                fail_msg("case %zu, pieces of %zu: \"%s\"", i, step, told);
        }
    }
}

static void limits(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    char *text = arena_alloc(mem, 100000), *to;
    const char *told;

    (void)state;
    memset(text, '0', CHUNK_LINE_MAX + 1);
    assert_string_equal(decode((struct str){text, CHUNK_LINE_MAX}, 10, mem), "...");
    assert_string_equal(decode((struct str){text, CHUNK_LINE_MAX + 1}, 10, mem), "!");
    memcpy(text, "1;", 2);
    assert_string_equal(decode((struct str){text, CHUNK_LINE_MAX + 1}, 10, mem), "!");
    to = text;
    for (int i = 0; i < CHUNK_EXTENSIONS_MAX / 100 + 2; i++)
        to += sprintf(to, "1;%0100d\r\nx\r\n", 0);
    told = decode((struct str){text, (size_t)(to - text)}, 1000, mem);
    assert_int_equal(told[strlen(told) - 1], '!');
    to = stpcpy(text, "0\r\n");
    for (int i = 0; i < CHUNK_TRAILERS_MAX / 6 + 1; i++)
        to = stpcpy(to, "A: b\r\n");
    stpcpy(to, "\r\n");
    assert_string_equal(decode(str_from(text), 1000, mem), "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_in_all_splits),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
