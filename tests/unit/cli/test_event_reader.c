/* The reader of the server's stream of events, whatever pieces it comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/event_reader.h"

/* What came, as text: "type {json}\n" each. */
struct heard {
    struct buf text;
    unsigned most; /* 0: no end */
    unsigned count;
};

static bool hear(void *context, const char *type, const json_t *event, struct error *err)
{
    struct heard *heard = context;
    char *json = json_dumps(event, JSON_COMPACT);

    (void)err;
    buf_printf(&heard->text, "%s %s\n", type, json);
    free(json);
    return ++heard->count != heard->most;
}

struct fixture {
    struct heard heard;
    struct event_reader reader;
    struct error err;
};

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    buf_init(&f->heard.text, 10000);
    buf_add_text(&f->heard.text, "");
    event_reader_init(&f->reader);
    f->reader.each = hear;
    f->reader.context = &f->heard;
}

static void tear_down(struct fixture *f)
{
    buf_done(&f->heard.text);
    event_reader_done(&f->reader);
}

static bool feed(struct fixture *f, const char *bytes, size_t length)
{
    return f->reader.base.write(&f->reader.base, bytes, length, &f->err);
}

static bool feed_text(struct fixture *f, const char *text)
{
    return feed(f, text, strlen(text));
}

static const char stream[] = "retry: 1500\nid: 41\n\n"
                             "id: 42\nevent: upload.created\ndata: {\"a\":1}\n\n"
                             ":\nid: 43\n\n"
                             ": a comment\nunknown: x\nnothing\n"
                             "event:upload.status\r\ndata:{\"b\":\r\ndata: 2}\r\nid:44\r\n\r\n"
                             "data: {\"c\":3}\n\n";

static void check_stream(struct fixture *f)
{
    assert_string_equal(f->heard.text.bytes, "upload.created {\"a\":1}\n"
                                             "upload.status {\"b\":2}\n"
                                             "message {\"c\":3}\n");
    assert_string_equal(f->reader.last_id, "44");
    assert_int_equal(f->reader.retry_ms, 1500);
}

static void pieces_of_any_size_say_the_same(void **state)
{
    (void)state;
    for (size_t size = 1; size <= strlen(stream); size++) {
        struct fixture f;

        set_up(&f);
        for (size_t at = 0; at < strlen(stream); at += size) {
            size_t left = strlen(stream) - at;

            assert_true(feed(&f, stream + at, left < size ? left : size));
        }
        check_stream(&f);
        tear_down(&f);
    }
}

/* Of what came of a block before the connection broke nothing is left. */
static void a_broken_block_is_forgotten(void **state)
{
    static const char block[] = "id: 8\nevent: x\ndata: {\"lost\":1}\n";

    (void)state;
    for (size_t length = 0; length <= strlen(block); length++) {
        struct fixture f;

        set_up(&f);
        assert_true(feed_text(&f, "id: 7\n\n"));
        assert_true(feed(&f, block, length));
        event_reader_restart(&f.reader);
        assert_string_equal(f.reader.last_id, "7");
        assert_true(feed_text(&f, "data: {}\n\n"));
        assert_string_equal(f.heard.text.bytes, "message {}\n");
        assert_string_equal(f.reader.last_id, "7");
        tear_down(&f);
    }
}

/* An id goes into a header. */
static void only_numbers_are_ids(void **state)
{
    static const char *const bad[] = {"x",  "-1",  "1 ",         "",
                                      "1a", "1\t", "0x7f000001", "99999999999999999999999999"};
    struct fixture f;

    (void)state;
    set_up(&f);
    assert_true(feed_text(&f, "id: 7\n\n"));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[64];

        snprintf(text, sizeof text, "id: %s\ndata: {}\n\n", bad[i]);
        assert_true(feed_text(&f, text));
        assert_string_equal(f.reader.last_id, "7");
    }
    assert_int_equal(f.heard.count, COUNT_OF(bad));
    tear_down(&f);
}

static void it_ends_when_it_is_told_to(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.heard.most = 2;
    assert_false(feed_text(&f, stream));
    assert_int_equal(f.heard.count, 2);
    tear_down(&f);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct fixture f;
    char x[1000];

    (void)state;
    set_up(&f);
    assert_false(feed_text(&f, "data: {\n\n"));
    assert_int_equal(f.err.kind, ERR_INTERNAL);
    event_reader_restart(&f.reader);
    memset(x, 'x', sizeof x);
    f.err.kind = ERR_INVALID;
    for (unsigned i = 0; i < 2000 && f.err.kind != ERR_INTERNAL; i++)
        feed(&f, x, sizeof x);
    assert_int_equal(f.err.kind, ERR_INTERNAL); /* a line without an end */
    assert_true(f.reader.retry_ms == 0);
    event_reader_restart(&f.reader);
    assert_true(feed_text(&f, "retry: 99999999999\nretry: soon\n\n"));
    assert_int_equal(f.reader.retry_ms, 60000);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size_say_the_same),
        cmocka_unit_test(a_broken_block_is_forgotten),
        cmocka_unit_test(only_numbers_are_ids),
        cmocka_unit_test(it_ends_when_it_is_told_to),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
