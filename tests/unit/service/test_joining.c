/* Results of chunks joined: texts, and segments with times of the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/joining.h"

#define LIMIT 100000

/* A chunk of ten seconds, the PARTth, with OVERLAP_MS of each of its neighbours in it. */
static struct result chunk(int64_t part, int64_t overlap_ms, const char *json)
{
    int64_t start_ms = part * (10000 - overlap_ms);

    return (struct result){.part = part,
                           .start_ms = start_ms,
                           .end_ms = start_ms + 10000,
                           .before_end_ms = part > 0 ? start_ms + overlap_ms : start_ms,
                           .behind_start_ms = start_ms + 10000 - overlap_ms,
                           .json = json};
}

static void assert_joined(const struct joining *joining, const char *text, const char *segments)
{
    assert_int_equal(joining->has_text, text != NULL);
    if (text)
        assert_string_equal(joining->text.length > 0 ? joining->text.bytes : "", text);
    assert_string_equal(joining->segments.length > 0 ? joining->segments.bytes : "", segments);
}

static void segments_get_times_of_the_whole(void **state)
{
    scoped(joining_done) struct joining joining;
    struct result parts[] = {
        chunk(0, 0,
              "{\"text\":\" So it \",\"segments\":[{\"start\":0.5,\"end\":1.25,\"text\":\"So "
              "it\"}]}"),
        chunk(1, 0, "{\"text\":\"\",\"segments\":[]}"),
        chunk(2, 0,
              "{\"text\":\"begins\",\"segments\":[{\"start\":0,\"end\":2.1,\"text\":\"begins\","
              "\"p\":0.9,\"words\":[{\"word\":\"begins\",\"start\":0.1,\"end\":2},1]}]}"),
    };

    (void)state;
    joining_init(&joining, LIMIT);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        joining_add(&joining, &parts[i]);
    assert_joined(&joining, "So it begins",
                  "{\"start\":0.5,\"end\":1.25,\"text\":\"So it\",\"chunk_index\":0},"
                  "{\"start\":20.0,\"end\":22.1,\"text\":\"begins\",\"p\":0.9,\"words\":["
                  "{\"word\":\"begins\",\"start\":20.1,\"end\":22.0},1],\"chunk_index\":2}");
}

static void the_form_of_whisper_cpp(void **state)
{
    scoped(joining_done) struct joining joining;
    struct result part =
        chunk(1, 0,
              "{\"model\":{},\"transcription\":[{\"timestamps\":{\"from\":\"00:00:00,000\"},"
              "\"offsets\":{\"from\":0,\"to\":1500},\"text\":\" So it\"},{\"offsets\":{"
              "\"from\":1500,\"to\":2000},\"text\":\" begins.\"},{\"offsets\":3}]}");

    (void)state;
    joining_init(&joining, LIMIT);
    joining_add(&joining, &part);
    assert_joined(&joining, "So it begins.",
                  "{\"start\":10.0,\"end\":11.5,\"text\":\"So it\",\"chunk_index\":1},"
                  "{\"start\":11.5,\"end\":12.0,\"text\":\"begins.\",\"chunk_index\":1}");
}

static void what_two_chunks_have_heard_is_there_once(void **state)
{
    scoped(joining_done) struct joining joining;
    /* 8 to 10 s is in both; the middle is at 9 s. */
    struct result parts[] = {
        chunk(0, 2000,
              "{\"text\":\"a b c\",\"segments\":["
              "{\"start\":7,\"end\":8,\"text\":\"a\"},{\"start\":8,\"end\":8.9,\"text\":\"b\"},"
              "{\"start\":9.1,\"end\":9.5,\"text\":\"c\"}]}"),
        chunk(1, 2000,
              "{\"text\":\"b c d\",\"segments\":["
              "{\"start\":0,\"end\":0.9,\"text\":\"b\"},{\"start\":1.1,\"end\":1.5,\"text\":\"c\"},"
              "{\"start\":3,\"end\":4,\"text\":\"d\"}]}"),
    };

    (void)state;
    joining_init(&joining, LIMIT);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        joining_add(&joining, &parts[i]);
    assert_joined(&joining, "a b c d",
                  "{\"start\":7.0,\"end\":8.0,\"text\":\"a\",\"chunk_index\":0},"
                  "{\"start\":8.0,\"end\":8.9,\"text\":\"b\",\"chunk_index\":0},"
                  "{\"start\":9.1,\"end\":9.5,\"text\":\"c\",\"chunk_index\":1},"
                  "{\"start\":11.0,\"end\":12.0,\"text\":\"d\",\"chunk_index\":1}");
}

static void what_has_neither(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"text\":5,\"segments\":{}}",
        "{\"segments\":[1,null,{\"start\":\"0\",\"end\":1},{\"start\":0},{\"start\":0,\"end\":"
        "1e300}]}",
        "{\"transcription\":\"words\"}",
        "{\"n\":123456789012345678901234567890}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        scoped(joining_done) struct joining joining;
        struct result part = chunk(0, 0, texts[i]);

        joining_init(&joining, LIMIT);
        joining_add(&joining, &part);
        assert_joined(&joining, NULL, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_get_times_of_the_whole),
        cmocka_unit_test(the_form_of_whisper_cpp),
        cmocka_unit_test(what_two_chunks_have_heard_is_there_once),
        cmocka_unit_test(what_has_neither),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
