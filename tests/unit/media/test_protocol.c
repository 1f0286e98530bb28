#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "media/protocol.h"

#define METADATA "{\"tags\":{\"title\":\"a\"}}"

struct message {
    struct media_answer head;
    char metadata[256];
};

static const struct media_facts FACTS = {.file_type = "mp3",
                                         .mime_type = "audio/mpeg",
                                         .container = "mp3",
                                         .codec = "mp3",
                                         .duration_ms = 1234,
                                         .duration_source = MEDIA_SCANNED,
                                         .sample_rate_hz = 44100,
                                         .channels = 2,
                                         .bitrate_kbps = 128,
                                         .has_cover = true};

static struct message sane(void)
{
    struct message message = {0};

    answer_fill(&message.head, OUTCOME_AUDIO, &FACTS, NULL);
    strcpy(message.metadata, METADATA);
    message.head.metadata_bytes = sizeof METADATA - 1;
    return message;
}

static bool parses(const struct message *message, size_t length)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(memory_free) char *exact = malloc(length + 1);
    struct answer_view view;

    assert_non_null(exact);
    memcpy(exact, message, length);
    return answer_parse(exact, length, mem, &view);
}

static size_t length_of(const struct message *message)
{
    return sizeof message->head + message->head.metadata_bytes;
}

static void brings_facts_over(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct message message = sane();
    struct answer_view view;

    (void)state;
    assert_true(answer_parse(&message, length_of(&message), mem, &view));
    assert_int_equal(view.outcome, OUTCOME_AUDIO);
    assert_string_equal(view.facts.mime_type, "audio/mpeg");
    assert_int_equal(view.facts.duration_ms, 1234);
    assert_int_equal(view.facts.duration_source, MEDIA_SCANNED);
    assert_true(view.facts.has_cover);
    assert_string_equal(view.facts.metadata_json, METADATA);
}

static void refuses_every_wrong_length(void **state)
{
    struct message message = sane();

    (void)state;
    for (size_t length = 0; length < length_of(&message); length++)
        assert_false(parses(&message, length));
    assert_false(parses(&message, length_of(&message) + 1));
}

#define REFUSED(change)                          \
    do {                                         \
        struct message m = sane();               \
        change;                                  \
        assert_false(parses(&m, length_of(&m))); \
    } while (0)

static void refuses_numbers_out_of_range(void **state)
{
    (void)state;
    REFUSED(m.head.magic++);
    REFUSED(m.head.outcome = 9);
    REFUSED(m.head.duration_source = 3);
    REFUSED(m.head.duration_ms = -1);
    REFUSED(m.head.duration_ms = INT64_MAX);
    REFUSED(m.head.sample_rate_hz = -1);
    REFUSED(m.head.channels = -1);
    REFUSED(m.head.channels = 100000);
    REFUSED(m.head.bitrate_kbps = -5);
    REFUSED(m.head.bits_per_sample = 65);
    REFUSED(m.head.has_video = 2);
    REFUSED(m.head.retiring = 255);
}

static void refuses_texts_that_are_none(void **state)
{
    (void)state;
    REFUSED(memset(m.head.file_type, 'a', sizeof m.head.file_type));
    REFUSED(memset(m.head.codec, 'a', sizeof m.head.codec));
    REFUSED(memset(m.head.reason, 'a', sizeof m.head.reason));
    REFUSED(strcpy(m.head.mime_type, "audio/mpeg\r\nX: y"));
    REFUSED(strcpy(m.head.container, "M P 3"));
    REFUSED(strcpy(m.head.reason, "line\nbreak"));
    REFUSED(strcpy(m.head.reason, "\xff\xfe"));
    REFUSED(m.head.file_type[0] = '\0');
}

static void refuses_metadata_that_is_no_object(void **state)
{
    (void)state;
    REFUSED(m.metadata[0] = '[');
    REFUSED(m.head.metadata_bytes--);
    REFUSED(m.metadata[10] = (char)0xff);
    REFUSED(m.head.metadata_bytes = 0);
    REFUSED(memcpy(m.metadata, "{\"a\":1,\"a\":2}        ", 21));
}

#define WORKER_STACK_BYTES (256 * 1024)
#define NESTED 2000

/* {"a":[[[…]]]} in an answer, on a stack as small as a server's thread has. */
static void *parse_nested(void *out)
{
    scoped(memory_free) char *bytes = malloc(ANSWER_MAX_BYTES);
    struct message message = sane();
    char *at = bytes + sizeof message.head;

    assert_non_null(bytes);
    message.head.metadata_bytes = 5 + 2 * NESTED + 1;
    memcpy(bytes, &message.head, sizeof message.head);
    memcpy(at, "{\"a\":", 5);
    memset(at + 5, '[', NESTED);
    memset(at + 5 + NESTED, ']', NESTED);
    at[5 + 2 * NESTED] = '}';
    {
        scoped(arena_release) struct arena *mem = arena_new();
        struct answer_view view;

        *(bool *)out =
            answer_parse(bytes, sizeof message.head + message.head.metadata_bytes, mem, &view);
    }
    return NULL;
}

static void refuses_metadata_that_nests_without_end(void **state)
{
    pthread_attr_t attributes;
    pthread_t thread;
    bool taken = true;

    (void)state;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    assert_int_equal(pthread_create(&thread, &attributes, parse_nested, &taken), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    assert_false(taken);
}

static void a_refusal_needs_no_metadata(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct message message = {0};
    struct answer_view view;

    (void)state;
    answer_fill(&message.head, OUTCOME_NOT_AUDIO, &(struct media_facts){0}, "a PNG image");
    assert_true(answer_parse(&message, sizeof message.head, mem, &view));
    assert_int_equal(view.outcome, OUTCOME_NOT_AUDIO);
    assert_string_equal(view.reason, "a PNG image");
    assert_null(view.facts.metadata_json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brings_facts_over),
        cmocka_unit_test(refuses_every_wrong_length),
        cmocka_unit_test(refuses_numbers_out_of_range),
        cmocka_unit_test(refuses_texts_that_are_none),
        cmocka_unit_test(refuses_metadata_that_is_no_object),
        cmocka_unit_test(refuses_metadata_that_nests_without_end),
        cmocka_unit_test(a_refusal_needs_no_metadata),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
