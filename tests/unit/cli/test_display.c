/* Tables, progress, and the waits between retries. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/progress.h"
#include "cli/retry.h"
#include "cli/silence.h"
#include "cli/table.h"
#include "cli/text.h"

#define MIB (1024 * 1024)

static const struct table_column columns[] = {
    {"ID", TABLE_LEFT, 0},
    {"SIZE", TABLE_RIGHT, 1},
    {"TYPE", TABLE_LEFT, 2},
    {"NAME", TABLE_LEFT, 0},
};

/* The table printed at a width. The caller frees it. */
static char *print_at(size_t width)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct table *table = table_new(mem, columns, COUNT_OF(columns));
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    table_add(table, (const char *[]){"0193", "1.5 GiB", "wav", "a long name of a recording.wav"});
    table_add(table, (const char *[]){"0194", "12 KiB", NULL, "東京\x1b[2J"});
    table_print(table, width, out);
    fclose(out);
    return text;
}

static void tables_are_aligned(void **state)
{
    scoped(memory_free) char *text = print_at(0);

    (void)state;
    assert_string_equal(text, "ID       SIZE  TYPE  NAME\n"
                              "0193  1.5 GiB  wav   a long name of a recording.wav\n"
                              "0194   12 KiB  -     東京\\x1b[2J\n");
}

static void tables_fit_the_terminal(void **state)
{
    scoped(memory_free) char *cut = print_at(40);
    scoped(memory_free) char *without_type = print_at(34);
    scoped(memory_free) char *least = print_at(24);

    (void)state;
    assert_string_equal(cut, "ID       SIZE  TYPE  NAME\n"
                             "0193  1.5 GiB  wav   a long name of a r…\n"
                             "0194   12 KiB  -     東京\\x1b[2J\n");
    assert_string_equal(without_type, "ID       SIZE  NAME\n"
                                      "0193  1.5 GiB  a long name of a r…\n"
                                      "0194   12 KiB  東京\\x1b[2J\n");
    assert_string_equal(least, "ID    NAME\n"
                               "0193  a long name of a …\n"
                               "0194  東京\\x1b[2J\n");
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    for (size_t width = 22; width < 80; width++) {
        scoped(memory_free) char *text = print_at(width);

        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            assert_true(text_width(line) <= width);
    }
}

static void rates_are_of_the_last_seconds(void **state)
{
    struct progress progress = {0};
    uint64_t left_s = 0;

    (void)state;
    assert_int_equal(progress_rate(&progress), 0);
    assert_false(progress_left_s(&progress, 0, 100, &left_s));
    progress_note(&progress, 1000000, 0);
    assert_int_equal(progress_rate(&progress), 0);
    progress_note(&progress, 2000000, 10 * MIB);
    assert_int_equal(progress_rate(&progress), 10 * MIB);
    assert_true(progress_left_s(&progress, 10 * MIB, 35 * MIB, &left_s));
    assert_int_equal(left_s, 3); /* rounded up: never "0 left" before the end */
    assert_true(progress_left_s(&progress, 35 * MIB, 35 * MIB, &left_s));
    assert_int_equal(left_s, 0);
    /* Once the ring is full of slow seconds, the fast one at the beginning no longer counts. */
    for (int i = 1; i <= PROGRESS_SAMPLES; i++)
        progress_note(&progress, (2 + i) * 1000000, (uint64_t)(10 + i) * MIB);
    assert_int_equal(progress_rate(&progress), MIB);
}

static void what_is_there_from_before_is_no_speed(void **state)
{
    struct progress progress = {0};
    uint64_t left_s = 0;

    (void)state;
    progress_note(&progress, 1000000, 0);
    progress_shift(&progress, 100 * MIB);
    progress_note(&progress, 2000000, 110 * MIB);
    assert_int_equal(progress_rate(&progress), 10 * MIB);
    assert_true(progress_left_s(&progress, 110 * MIB, 130 * MIB, &left_s));
    assert_int_equal(left_s, 2);
    progress_shift(&progress, -105 * (int64_t)MIB); /* the first sample stood at 100 MiB */
    progress_note(&progress, 3000000, 5 * MIB);
    assert_int_equal(progress_rate(&progress), 5 * MIB / 2);
}

static void rates_bear_odd_input(void **state)
{
    struct progress progress = {0};
    uint64_t left_s = 7;

    (void)state;
    progress_note(&progress, 1000000, 5 * MIB);
    progress_note(&progress, 1000000, 6 * MIB); /* no time has passed */
    assert_int_equal(progress_rate(&progress), 0);
    progress_note(&progress, 2000000, 0); /* a transfer began again */
    assert_int_equal(progress_rate(&progress), 0);
    progress = (struct progress){0};
    progress_note(&progress, 0, 0);
    progress_note(&progress, 1000000, 1);
    assert_false(progress_left_s(&progress, 1, UINT64_MAX, &left_s)); /* longer than anyone waits */
    assert_false(progress_left_s(&progress, 5, 4, &left_s));
    assert_int_equal(left_s, 7);
}

static void progress_lines_show_all_there_is_room_for(void **state)
{
    struct progress progress = {0};
    struct progress_state half = {
        .bytes_done = 10 * MIB, .bytes_total = 20 * MIB, .files_done = 1, .files_total = 2};
    struct progress_state unknown = {.bytes_done = 10 * MIB, .files_total = 1};
    char line[256];

    (void)state;
    progress_note(&progress, 0, 0);
    progress_note(&progress, 1000000, 10 * MIB);
    progress_line(&progress, &half, 80, line, sizeof line);
    assert_string_equal(
        line, "1/2 files  [########........]   50%  10.0 MiB of 20.0 MiB  10.0 MiB/s  0:01 left");
    progress_line(&progress, &unknown, 80, line, sizeof line);
    assert_string_equal(line, "10.0 MiB  10.0 MiB/s");
    for (size_t width = 20; width < 100; width++) {
        progress_line(&progress, &half, width, line, sizeof line);
        assert_true(strlen(line) <= width);
    }
    struct progress_state checking = {
        .bytes_total = 20 * MIB, .bytes_checked = 5 * MIB, .files_total = 2};
    progress_line(&(struct progress){0}, &checking, 80, line, sizeof line);
    assert_string_equal(line, "0/2 files  checking: 5.0 MiB of 20.0 MiB");
    half.bytes_done = 30 * MIB; /* the file grew while it was sent */
    progress_line(&progress, &half, 100, line, sizeof line);
    assert_non_null(strstr(line, "150%"));
}

static void waits_double_and_end(void **state)
{
    (void)state;
    assert_int_equal(retry_wait_ms(1, 0, NULL, 0), 250);
    assert_int_equal(retry_wait_ms(2, 0, NULL, 0), 500);
    assert_int_equal(retry_wait_ms(6, 0, NULL, 0), 8000);
    assert_int_equal(retry_wait_ms(7, 0, NULL, 0), 10000);
    assert_int_equal(retry_wait_ms(1000, 0, NULL, 0), 10000);
    for (uint32_t chance = 0; chance < 1000; chance++) {
        uint64_t wait = retry_wait_ms(3, chance * 7919, NULL, 0);

        assert_true(wait > 500 && wait <= 1000);
    }
}

static void servers_may_ask_for_patience(void **state)
{
    int64_t now_us = INT64_C(784111777) * US_PER_S; /* Sun, 06 Nov 1994 08:49:37 GMT */

    (void)state;
    assert_int_equal(retry_wait_ms(1, 0, "3", now_us), 3000);
    assert_int_equal(retry_wait_ms(1, 0, " 3 ", now_us), 3000);
    assert_int_equal(retry_wait_ms(1, 0, "0", now_us), 250);
    assert_int_equal(retry_wait_ms(1, 0, "Sun, 06 Nov 1994 08:49:47 GMT", now_us), 10000);
    assert_int_equal(retry_wait_ms(1, 0, "Sun, 06 Nov 1994 08:49:27 GMT", now_us), 250);
    assert_int_equal(retry_wait_ms(1, 0, "soon", now_us), 250);
    assert_int_equal(retry_wait_ms(1, 0, "86400", now_us), RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_wait_ms(1, 0, "99999999999999999999", now_us), 250);
}

static void refusals_differ_in_hope(void **state)
{
    (void)state;
    assert_int_equal(retry_hope_of(ERR_UNAVAILABLE), RETRY_LATER);
    assert_int_equal(retry_hope_of(ERR_INTERNAL), RETRY_LATER);
    assert_int_equal(retry_hope_of(ERR_STORAGE_FULL), RETRY_LATER);
    assert_int_equal(retry_hope_of(ERR_IDEMPOTENCY_BUSY), RETRY_LATER);
    assert_int_equal(retry_hope_of(ERR_CHECKSUM), RETRY_ACCIDENT);
    assert_int_equal(retry_hope_of(ERR_CONFLICT), RETRY_ACCIDENT);
    assert_int_equal(retry_hope_of(ERR_UNAUTHORIZED), RETRY_WITHHELD);
    assert_int_equal(retry_hope_of(ERR_QUOTA_STORAGE), RETRY_WITHHELD);
    assert_int_equal(retry_hope_of(ERR_NOT_AUDIO), RETRY_REFUSED);
    assert_int_equal(retry_hope_of(ERR_DUPLICATE), RETRY_REFUSED);
    assert_int_equal(retry_hope_of(ERR_NOT_FOUND), RETRY_REFUSED);
}

static void connections_differ_in_hope(void **state)
{
    static const struct {
        CURLcode result;
        enum retry_hope hope;
        bool never_sent;
    } cases[] = {
        {CURLE_COULDNT_RESOLVE_HOST, RETRY_LATER, true},
        {CURLE_COULDNT_RESOLVE_PROXY, RETRY_LATER, true},
        {CURLE_COULDNT_CONNECT, RETRY_LATER, true},
        {CURLE_SSL_CONNECT_ERROR, RETRY_LATER, true},
        {CURLE_PEER_FAILED_VERIFICATION, RETRY_LATER, true},
        {CURLE_GOT_NOTHING, RETRY_LATER, false},
        {CURLE_PARTIAL_FILE, RETRY_LATER, false},
        {CURLE_SEND_ERROR, RETRY_LATER, false},
        {CURLE_RECV_ERROR, RETRY_LATER, false},
        {CURLE_HTTP2, RETRY_LATER, false},
        {CURLE_HTTP2_STREAM, RETRY_LATER, false},
        {CURLE_OPERATION_TIMEDOUT, RETRY_LATER, false},
        {CURLE_OUT_OF_MEMORY, RETRY_WITHHELD, false},
        {CURLE_SSL_CACERT_BADFILE, RETRY_WITHHELD, false},
        {CURLE_URL_MALFORMAT, RETRY_WITHHELD, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool never_sent = !cases[i].never_sent;

        assert_int_equal(retry_hope_of_connection(cases[i].result, &never_sent), cases[i].hope);
        assert_int_equal(never_sent, cases[i].never_sent);
    }
}

static void silence_is_noticed(void **state)
{
    struct silence silence = {0};
    int64_t now_us = 1000 * US_PER_S;

    (void)state;
    for (int second = 0; second < 60; second++)
        assert_false(silence_lasts(&silence, 7, 60, now_us + second * US_PER_S));
    assert_true(silence_lasts(&silence, 7, 60, now_us + 60 * US_PER_S));
    assert_false(silence_lasts(&silence, 8, 60, now_us + 61 * US_PER_S));
    /* Ctrl-Z, and a while later fg. */
    assert_false(silence_lasts(&silence, 8, 60, now_us + 500 * US_PER_S));
    assert_false(silence_lasts(&silence, 8, 5, now_us + 504 * US_PER_S));
    assert_true(silence_lasts(&silence, 8, 5, now_us + 505 * US_PER_S));
}

static int use_utf8(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(tables_fit_the_terminal),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(rates_are_of_the_last_seconds),
        cmocka_unit_test(what_is_there_from_before_is_no_speed),
        cmocka_unit_test(rates_bear_odd_input),
        cmocka_unit_test(progress_lines_show_all_there_is_room_for),
        cmocka_unit_test(waits_double_and_end),
        cmocka_unit_test(servers_may_ask_for_patience),
        cmocka_unit_test(refusals_differ_in_hope),
        cmocka_unit_test(connections_differ_in_hope),
        cmocka_unit_test(silence_is_noticed),
    };

    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
