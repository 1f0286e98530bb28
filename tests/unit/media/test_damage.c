/* Files that lie, end early, or are something else under the name of audio. */
#include <string.h>

#include "fixture.h"

#define FFMPEG "ffmpeg -hide_banner -loglevel error -y -i src.wav "
#define SECONDS 10

static int setup(void **state)
{
    struct fixture *fixture = fixture_new(1, 10000);

    make(fixture, "sox -R -n -r 44100 -c 2 -b 16 src.wav synth %d pinknoise vol 0.3", SECONDS);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static void cut_files_get_their_true_duration(void **state)
{
    static const struct {
        const char *name, *flags;
    } CASES[] = {
        {"cut.wav", ""},
        {"cut.w64", ""},
        {"cutrf.wav", "-rf64 always"},
        {"cut.aiff", ""},
        {"cut.au", ""},
        {"cut.mp3", "-c:a libmp3lame -b:a 128k"},
        {"cut.flac", ""},
        {"cut.ogg", "-c:a libvorbis -page_duration 100000"},
        {"cut.opus", "-c:a libopus -page_duration 100000"},
        {"cut.m4a", "-c:a aac -b:a 128k -movflags +faststart"},
        {"cut.mp4", "-c:a aac -movflags +empty_moov+default_base_moof -frag_duration 200000"},
        {"cut.mka", "-c:a libvorbis"},
        {"cut.webm", "-c:a libopus"},
        {"cut.wv", "-c:a wavpack"},
        {"cut.aac", "-c:a aac -f adts"},
        {"cut.ac3", "-c:a ac3"},
        {"cut.wma", "-c:a wmav2"},
        {"cut.caf", "-c:a pcm_s16be"},
    };

    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct look look;

        print_message("%s\n", CASES[i].name);
        make(*state, FFMPEG "%s %s", CASES[i].flags, CASES[i].name);
        make_cut(*state, CASES[i].name, "cut", 0.507);
        look = look_at(*state, "cut");
        assert_true(look.taken);
        assert_near_ms(look.facts.duration_ms, SECONDS * 507, 350);
        assert_true(note_of(&look, "truncated"));
    }
}

static void every_cut_of_every_kind_is_answered(void **state)
{
    static const char *const NAMES[] = {"e.wav",  "e.mp3",  "e.flac", "e.ogg", "e.m4a",
                                        "e.webm", "e.aiff", "e.wma",  "e.wv",  "e.caf"};

    make(*state, "sox src.wav e.wav trim 0 0.3");
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        make(*state, "[ %s = e.wav ] || ffmpeg -hide_banner -loglevel error -y -i e.wav %s",
             NAMES[i], NAMES[i]);
        for (double share = 0; share < 1; share += 0.07) {
            struct look look;

            make_cut(*state, NAMES[i], "piece", share);
            look = look_at(*state, "piece");
            if (look.taken)
                assert_true(look.facts.duration_ms <= 400);
            else
                assert_true(look.kind == ERR_NOT_AUDIO || look.kind == ERR_MEDIA_UNREADABLE);
        }
    }
}

/* The size of data in a WAV file: none, all ones, more than there is. */
static void sizes_that_lie_are_not_believed(void **state)
{
    static const uint8_t SIZES[][4] = {
        {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0x7f}, {0, 0, 0, 0x80}};

    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        struct look look;

        make(*state, "sox src.wav lie.wav");
        patch_file(*state, "lie.wav", 40, SIZES[i], 4);
        look = look_at(*state, "lie.wav");
        assert_true(look.taken);
        assert_int_equal(look.facts.duration_ms, SECONDS * 1000);
        assert_int_equal(look.facts.duration_source, MEDIA_SCANNED);
    }
}

/* A sparse file: a header, and 4.5 GiB of silence behind it. */
static void wav_of_more_than_4_gib(void **state)
{
    uint64_t bytes = (UINT64_C(9) << 29) + 44;
    struct look look;

    make(*state, "sox src.wav big.wav && truncate -s %llu big.wav", (unsigned long long)bytes);
    look = look_at(*state, "big.wav");
    assert_true(look.taken);
    assert_near_ms(look.facts.duration_ms, (int64_t)((bytes - 44) / 4 * 1000 / 44100), 1);
}

/* A Xing header's number of frames, made larger and smaller. */
static void xing_headers_that_lie_are_not_believed(void **state)
{
    static const uint8_t COUNTS[][4] = {{0, 0xff, 0, 0}, {0, 0, 0, 9}, {0xff, 0xff, 0xff, 0xff}};

    for (size_t i = 0; i < COUNT_OF(COUNTS); i++) {
        struct look look;

        make(*state, "lame --quiet -V2 src.wav xing.mp3");
        patch_file(*state, "xing.mp3", 44, COUNTS[i], 4);
        look = look_at(*state, "xing.mp3");
        assert_true(look.taken);
        assert_near_ms(look.facts.duration_ms, SECONDS * 1000, 60);
        assert_true(note_of(&look, "header_wrong"));
    }
}

static void long_mp3_is_believed_where_its_header_agrees(void **state)
{
    struct look look;

    make(*state, "sox -R -n -r 44100 -c 1 long.wav synth 300 pinknoise vol 0.3 && "
                 "lame --quiet -V5 long.wav long.mp3");
    look = look_at(*state, "long.mp3");
    assert_true(look.taken);
    assert_near_ms(look.facts.duration_ms, 300000, 60);
    assert_int_equal(look.facts.duration_source, MEDIA_DECLARED);
    make(*state, "cat long.mp3 long.mp3 >twice.mp3");
    look = look_at(*state, "twice.mp3");
    assert_near_ms(look.facts.duration_ms, 600000, 120);
    assert_true(note_of(&look, "header_wrong"));
}

static void refused(struct fixture *fixture, const char *name, const void *bytes, size_t length,
                    enum error_kind kind)
{
    struct look look;

    make_file(fixture, name, bytes, length);
    look = look_at(fixture, name);
    if (look.taken || look.kind != kind)
        fail_msg("%s: taken %d, kind %d", name, look.taken, look.kind);
}

#define NOT_AUDIO(name, text) refused(*state, name, text, sizeof(text) - 1, ERR_NOT_AUDIO)

static void other_things_are_not_audio(void **state)
{
    static uint8_t zeros[100000];
    static uint8_t noise[300000];
    uint32_t seed = 1;

    NOT_AUDIO("empty.mp3", "");
    NOT_AUDIO("one.mp3", "\0");
    NOT_AUDIO("image.mp3", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1");
    NOT_AUDIO("page.mp3", "<!DOCTYPE html><html><body>hello</body></html>");
    NOT_AUDIO("list.mp3", "#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n");
    NOT_AUDIO("list.wav", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n");
    NOT_AUDIO("concat.mp3", "ffconcat version 1.0\nfile /etc/passwd\n");
    NOT_AUDIO("session.sdp", "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=audio 9 RTP/AVP 0\r\n");
    NOT_AUDIO("subtitles.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n");
    NOT_AUDIO("script.mp3", "#!/bin/sh\necho hello\n");
    NOT_AUDIO("archive.flac", "PK\3\4\x14\0\0\0\x08\0abcdefghijklmnop");
    refused(*state, "zeros.mp3", zeros, sizeof zeros, ERR_NOT_AUDIO);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    refused(*state, "noise.mp3", noise, sizeof noise, ERR_NOT_AUDIO);
    make(*state, "cp /bin/ls program.mp3");
    assert_int_equal(look_at(*state, "program.mp3").kind, ERR_NOT_AUDIO);
}

#define UNREADABLE(name, text) refused(*state, name, text, sizeof(text) - 1, ERR_MEDIA_UNREADABLE)

static void magic_alone_is_unreadable(void **state)
{
    UNREADABLE("magic.flac", "fLaC");
    UNREADABLE("magic.wav", "RIFF\x24\0\0\0WAVE");
    UNREADABLE("magic.aiff", "FORM\0\0\0\4AIFF");
    UNREADABLE("magic.ogg", "OggS\0\2\0\0\0\0\0\0\0\0");
    UNREADABLE("magic.m4a", "\0\0\0\x10"
                            "ftypM4A \0\0\0\0");
    UNREADABLE("magic.mka", "\x1a\x45\xdf\xa3\x80");
    UNREADABLE("tag.mp3", "ID3\4\0\0\0\0\0\x10TIT2\0\0\0\5\0\0\3abcd\0");
}

/* A tag of 100 MB, its picture made of nothing, before real audio: sparse, and skipped. */
static void a_huge_tag_is_skipped(void **state)
{
    static const uint8_t TAG[] = "ID3\3\0\0\x2f\x7f\x7f\x76"
                                 "TIT2\0\0\0\5\0\0\0Tune"
                                 "APIC\5\xff\0\0\0\0\0image/png\0\3\0\x89PNG\r\n\x1a\n";
    struct look look;

    make_file(*state, "huge.mp3", TAG, sizeof TAG - 1);
    make(*state, "truncate -s 100663296 huge.mp3 && lame --quiet src.wav - >>huge.mp3");
    look = look_at(*state, "huge.mp3");
    assert_true(look.taken);
    assert_near_ms(look.facts.duration_ms, SECONDS * 1000, 60);
    assert_string_equal(tag_of(&look, "title"), "Tune");
    assert_true(look.facts.has_cover);
}

static void names_that_lie_do_not_matter(void **state)
{
    struct look look;

    make(*state, "cp src.wav song.mp3");
    look = look_at(*state, "song.mp3");
    assert_true(look.taken);
    assert_string_equal(look.facts.file_type, "wav");
}

static void junk_before_and_in_mp3_is_stepped_over(void **state)
{
    struct look look;

    make(*state, "lame --quiet -b 128 -t src.wav j.mp3 && head -c 3000 /bin/ls >junk && "
                 "{ head -c 1000 /dev/zero; head -c 80000 j.mp3; cat junk; tail -c +80001 j.mp3; } "
                 ">junk.mp3");
    look = look_at(*state, "junk.mp3");
    assert_true(look.taken);
    assert_near_ms(look.facts.duration_ms, SECONDS * 1000, 150);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_files_get_their_true_duration),
        cmocka_unit_test(every_cut_of_every_kind_is_answered),
        cmocka_unit_test(sizes_that_lie_are_not_believed),
        cmocka_unit_test(wav_of_more_than_4_gib),
        cmocka_unit_test(xing_headers_that_lie_are_not_believed),
        cmocka_unit_test(long_mp3_is_believed_where_its_header_agrees),
        cmocka_unit_test(other_things_are_not_audio),
        cmocka_unit_test(magic_alone_is_unreadable),
        cmocka_unit_test(a_huge_tag_is_skipped),
        cmocka_unit_test(names_that_lie_do_not_matter),
        cmocka_unit_test(junk_before_and_in_mp3_is_stepped_over),
    };

    FIXTURE_SERVE_AS_WORKER(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
