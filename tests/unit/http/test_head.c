#include "http/head.h"
#include "http_test.h"

static const struct head_limits limits = {2048, 512, 10};

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

struct head_case {
    struct str bytes;
    int status; /* 0: good; -1: not yet complete */
};

#define HEAD(text) STR_LITERAL(text)

static const struct head_case cases[] = {
    {HEAD(GET HOST "\r\n"), 0},
    {HEAD("\r\n\r\n" GET HOST "\r\n"), 0},
    {HEAD("GET / HTTP/1.0\r\n\r\n"), 0},
    {HEAD("HEAD /a/b?c=d&e HTTP/1.1\r\nhost: [::1]:80\r\n\r\n"), 0},
    {HEAD("PATCH / HTTP/1.1\r\nHost:a\r\nX: \t v\t \r\nEmpty:\r\nBlank: \r\n\r\n"), 0},
    {HEAD("MKCOL / HTTP/1.1\r\n" HOST "\r\n"), 0},
    {HEAD(GET "Host:\r\n\r\n"), 0},
    {HEAD(GET HOST "X: caf\xc3\xa9\r\n\r\n"), 0},
    {HEAD(GET HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), 0},
    {HEAD(GET HOST "Cookie: a\r\nCookie: b\r\n\r\n"), 0},
    /* not yet */
    {HEAD(""), -1},
    {HEAD("\r"), -1},
    {HEAD("\r\n"), -1},
    {HEAD("G"), -1},
    {HEAD(GET), -1},
    {HEAD(GET HOST), -1},
    {HEAD(GET HOST "\r"), -1},
    /* request line */
    {HEAD("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400},
    {HEAD("GET /\r\n" HOST "\r\n"), 400},
    {HEAD("GET\r\n" HOST "\r\n"), 400},
    {HEAD("GET\t/\tHTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("G@T / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("get / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {HEAD("BREW / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {HEAD("GETGET / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {HEAD("CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"), 501},
    {HEAD("CONNECT / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {HEAD("GET / HTTP/1.2\r\n" HOST "\r\n"), 505},
    {HEAD("GET / HTTP/2.0\r\n" HOST "\r\n"), 505},
    {HEAD("GET / HTTP/0.9\r\n" HOST "\r\n"), 505},
    {HEAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {HEAD("GET / HTTP/1.1x\r\n" HOST "\r\n"), 400},
    {HEAD("GET / HTTP/11\r\n" HOST "\r\n"), 400},
    {HEAD("GET / http/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET / HTTP/1,1\r\n" HOST "\r\n"), 400},
    {HEAD("GET / RTSP/1.0\r\n" HOST "\r\n"), 400},
    {HEAD("GET http://a/ HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET a HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET /\x01 HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET /\x7f HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("GET /\ta HTTP/1.1\r\n" HOST "\r\n"), 400},
    {HEAD("\x16\x03\x01\x02"), 400},
    {HEAD("{\"json\":1}"), 400},
    /* lines */
    {HEAD("GET / HTTP/1.1\nHost: a\n\n"), 400},
    {HEAD(GET "Host: a\n\r\n"), 400},
    {HEAD(GET HOST "\n"), 400},
    {HEAD(GET HOST "X: a\rb\r\n\r\n"), 400},
    {HEAD(GET HOST "X: a\r\r\n\r\n"), 400},
    {HEAD("\n" GET HOST "\r\n"), 400},
    {HEAD(GET HOST "X: a\r\n b\r\n\r\n"), 400},
    {HEAD(GET HOST "X: a\r\n\tb\r\n\r\n"), 400},
    {HEAD(GET " Host: a\r\n\r\n"), 400},
    {HEAD(GET HOST "X: a\0b\r\n\r\n"), 400},
    {HEAD(GET HOST "X\0: a\r\n\r\n"), 400},
    {HEAD(GET HOST "X: a\x01\r\n\r\n"), 400},
    {HEAD(GET HOST "X: a\x7f\r\n\r\n"), 400},
    {HEAD(GET HOST "X : a\r\n\r\n"), 400},
    {HEAD(GET HOST "X\t: a\r\n\r\n"), 400},
    {HEAD(GET HOST "X\r\n\r\n"), 400},
    {HEAD(GET HOST ": a\r\n\r\n"), 400},
    {HEAD(GET HOST "X(: a\r\n\r\n"), 400},
    {HEAD(GET HOST "\xc3\xa9: a\r\n\r\n"), 400},
    /* Host */
    {HEAD(GET "\r\n"), 400},
    {HEAD(GET "X: a\r\n\r\n"), 400},
    {HEAD(GET HOST HOST "\r\n"), 400},
    {HEAD(GET HOST "HOST: b\r\n\r\n"), 400},
    {HEAD(GET "Host: a b\r\n\r\n"), 400},
    {HEAD(GET "Host: a/b\r\n\r\n"), 400},
    {HEAD(GET "Host: user@a\r\n\r\n"), 400},
    {HEAD(GET "Host: a:b\r\n\r\n"), 400},
    {HEAD(GET "Host: a:99999\r\n\r\n"), 400},
    {HEAD(GET "Host: [::1\r\n\r\n"), 400},
    {HEAD(GET "Host: a\"b\r\n\r\n"), 400},
    {HEAD(GET "Host: <a>\r\n\r\n"), 400},
    /* framing */
    {HEAD(GET HOST "Content-Length: 5\r\n\r\n"), 0},
    {HEAD(GET HOST "Content-Length: 0005\r\n\r\n"), 0},
    {HEAD(GET HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 5\r\nContent-length: 6\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 5, 5\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: +5\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: -5\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 0x5\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 5 5\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 5a\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 1_0\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length:\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: \r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 9223372036854775807\r\n\r\n"), 0},
    {HEAD(GET HOST "Content-Length: 9223372036854775808\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 18446744073709551616\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 99999999999999999999999\r\n\r\n"), 400},
    {HEAD(GET HOST "Content_Length: 5\r\n\r\n"), 0},
    {HEAD(GET HOST "Transfer-Encoding: chunked\r\n\r\n"), 0},
    {HEAD(GET HOST "Transfer-Encoding:  Chunked \r\n\r\n"), 0},
    {HEAD(GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n"), 400},
    {HEAD(GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {HEAD(GET HOST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {HEAD(GET HOST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 400},
    {HEAD(GET HOST "Transfer-Encoding: chunked, identity\r\n\r\n"), 400},
    {HEAD(GET HOST "Transfer-Encoding: chunked,\r\n\r\n"), 400},
    {HEAD(GET HOST "Transfer-Encoding:\r\n\r\n"), 400},
    {HEAD(GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501},
    {HEAD(GET HOST "Transfer-Encoding: identity\r\n\r\n"), 501},
    {HEAD(GET HOST "Transfer-Encoding: xchunked\r\n\r\n"), 501},
    {HEAD(GET HOST "Transfer-Encoding: chunked;q=1\r\n\r\n"), 501},
    {HEAD(GET HOST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 501},
    {HEAD(GET HOST "Transfer-Encoding: chunked\x0b\r\n\r\n"), 400},
    {HEAD("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    /* once only */
    {HEAD(GET HOST "Authorization: a\r\nAuthorization: b\r\n\r\n"), 400},
    {HEAD(GET HOST "Content-Type: a\r\ncontent-type: a\r\n\r\n"), 400},
    {HEAD(GET HOST "Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n"), 400},
    {HEAD(GET HOST "If-Match: \"a\"\r\nIf-Match: \"b\"\r\n\r\n"), 0},
    /* Expect */
    {HEAD(GET HOST "Expect: 100-Continue\r\n\r\n"), 0},
    {HEAD(GET HOST "Expect: nothing\r\n\r\n"), 417},
    {HEAD("GET / HTTP/1.0\r\nExpect: nothing\r\n\r\n"), 0},
    /* too many */
    {HEAD(GET HOST "A:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\n\r\n"), 0},
    {HEAD(GET HOST "A:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\n\r\n"),
     431},
};

/* The status that BYTES lead to: 0 for a good head, -1 for one that is not complete. */
static int judge(const char *bytes, size_t length, struct arena *mem, struct head *head)
{
    size_t skip, head_length;
    struct error err;

    switch (head_find(bytes, length, &limits, &skip, &head_length, &err)) {
    case HEAD_PARTIAL:
        return -1;
    case HEAD_BAD:
        return error_status(&err);
    case HEAD_COMPLETE:
        break;
    }
    if (!head_parse(bytes + skip, head_length, &limits, mem, head, &err))
        return error_status(&err);
    return 0;
}

static void heads(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct head head;
        int status = judge(cases[i].bytes.ptr, cases[i].bytes.len, mem, &head);

        if (status != cases[i].status)
            fail_msg("case %zu, \"%s\": %d, not %d", i, cases[i].bytes.ptr, status,
                     cases[i].status);
    }
}

/* However a good head is cut, no beginning of it is refused or taken for the whole. */
static void beginnings_are_partial(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct head head;

        if (cases[i].status != 0)
            continue;
        for (size_t length = 0; length < cases[i].bytes.len; length++)
            assert_int_equal(judge(cases[i].bytes.ptr, length, mem, &head), -1);
    }
}

static void large_heads(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    char *line = arena_alloc(mem, 4097);
    struct head head;
    char *text;

    (void)state;
    memset(line, 'a', 4096);
    assert_int_equal(judge(line, 2047, mem, &head), -1);
    assert_int_equal(judge(line, 2048, mem, &head), 414);
    text = arena_printf(mem, "GET /%.*s HTTP/1.1\r\nHost: a\r\n\r\n", 511, line);
    assert_int_equal(judge(text, strlen(text), mem, &head), 0);
    text = arena_printf(mem, "GET /%.*s HTTP/1.1\r\nHost: a\r\n\r\n", 512, line);
    assert_int_equal(judge(text, strlen(text), mem, &head), 414);
    text = arena_printf(mem, "GET / HTTP/1.1\r\nHost: a\r\nX: %.*s\r\n\r\n", 2000, line);
    assert_int_equal(judge(text, strlen(text), mem, &head), 0);
    text = arena_printf(mem, "GET / HTTP/1.1\r\nHost: a\r\nX: %.*s\r\n\r\n", 2100, line);
    assert_int_equal(judge(text, strlen(text), mem, &head), 431);
    assert_int_equal(judge(text, 2060, mem, &head), 431);
}

static void what_is_read(void **state)
{
    static const char text[] = "PUT /a%20b?c=d?e HTTP/1.1\r\nHost: x:81\r\nAccept: a\r\n"
                               "ACCEPT:  b \r\nEmpty:   \r\nContent-Length: 12\r\n"
                               "Expect: 100-continue\r\nConnection: foo, Close\r\n\r\nrest";
    scoped(arena_release) struct arena *mem = arena_new();
    struct head head;

    (void)state;
    assert_int_equal(judge(text, sizeof text - 1, mem, &head), 0);
    assert_int_equal(head.method, METHOD_PUT);
    assert_string_equal(head.path, "/a%20b");
    assert_string_equal(head.query, "c=d?e");
    assert_string_equal(head_header(&head, "host", mem), "x:81");
    assert_string_equal(head_header(&head, "Accept", mem), "a, b");
    assert_string_equal(head_header(&head, "Empty", mem), "");
    assert_null(head_header(&head, "None", mem));
    assert_int_equal(head.length, 12);
    assert_true(head.expects_continue && head.has_length && !head.is_chunked);
    assert_false(head.keep_alive);
}

static void keep_alive(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct head head;

    (void)state;
    judge(GET HOST "\r\n", 27, mem, &head);
    assert_true(head.keep_alive);
    judge("GET / HTTP/1.0\r\n\r\n", 18, mem, &head);
    assert_false(head.keep_alive);
    assert_true(head.is_http_1_0);
    judge("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 42, mem, &head);
    assert_true(head.keep_alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),       cmocka_unit_test(beginnings_are_partial),
        cmocka_unit_test(large_heads), cmocka_unit_test(what_is_read),
        cmocka_unit_test(keep_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
