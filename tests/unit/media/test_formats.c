/* Every accepted format, made by real encoders: facts, names, tags. */
#include <string.h>

#include "fixture.h"

#define FFMPEG "ffmpeg -hide_banner -loglevel error -y -i src.wav"
#define TAGGED                                                                       \
    " -metadata title=Titel -metadata artist=K\xc3\xbcnstler -metadata album=Platte" \
    " -metadata album_artist=Alle -metadata genre=Rock -metadata date=2021-05-06"    \
    " -metadata track=3/12 -metadata composer=Satz -metadata comment=Wort "

#define DURATION_MS 3000

static int setup(void **state)
{
    struct fixture *fixture = fixture_new(1, 20000);

    make(fixture, "sox -R -n -r 44100 -c 2 -b 16 src.wav synth 3 pinknoise vol 0.3");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static const struct format_case {
    const char *name;
    const char *command; /* what makes it; NULL: ffmpeg with these flags */
    const char *flags;
    const char *file_type, *mime_type, *container, *codec;
    int32_t sample_rate_hz, channels, bits, bitrate_kbps; /* bitrate 0: whatever */
    unsigned slack_ms;
    bool tagged;
} CASES[] = {
    {"a.mp3", NULL, "-c:a libmp3lame -b:a 128k", "mp3", "audio/mpeg", "mp3", "mp3", 44100, 2, 0,
     128, 60, true},
    {"v.mp3", NULL, "-c:a libmp3lame -q:a 2", "mp3", "audio/mpeg", "mp3", "mp3", 44100, 2, 0, 0, 60,
     true},
    {"id3v23.mp3", NULL, "-id3v2_version 3 -write_id3v1 1", "mp3", "audio/mpeg", "mp3", "mp3",
     44100, 2, 0, 0, 60, true},
    {"noxing.mp3", NULL, "-c:a libmp3lame -q:a 3 -write_xing 0", "mp3", "audio/mpeg", "mp3", "mp3",
     44100, 2, 0, 0, 60, true},
    {"lame.mp3", "lame --quiet -V4 src.wav lame.mp3", NULL, "mp3", "audio/mpeg", "mp3", "mp3",
     44100, 2, 0, 0, 60, false},
    {"a.mp2", NULL, "-c:a mp2 -b:a 192k", "mp2", "audio/mpeg", "mp3", "mp2", 44100, 2, 0, 192, 60,
     false},
    {"a.wav", NULL, "", "wav", "audio/wav", "wav", "pcm_s16le", 44100, 2, 16, 1411, 1, false},
    {"f32.wav", NULL, "-c:a pcm_f32le", "wav", "audio/wav", "wav", "pcm_f32le", 44100, 2, 32, 2822,
     1, false},
    {"s24.wav", NULL, "-c:a pcm_s24le -ar 96000 -ac 1", "wav", "audio/wav", "wav", "pcm_s24le",
     96000, 1, 24, 2304, 1, false},
    {"ulaw.wav", NULL, "-c:a pcm_mulaw -ar 8000 -ac 1", "wav", "audio/wav", "wav", "pcm_mulaw",
     8000, 1, 8, 64, 1, false},
    {"adpcm.wav", NULL, "-c:a adpcm_ms", "wav", "audio/wav", "wav", "adpcm_ms", 44100, 2, 4, 0, 60,
     false},
    {"mp3.wav", NULL, "-c:a libmp3lame", "wav", "audio/wav", "wav", "mp3", 44100, 2, 0, 0, 60,
     false},
    {"rf64.wav", NULL, "-rf64 always", "wav", "audio/wav", "rf64", "pcm_s16le", 44100, 2, 16, 1411,
     1, false},
    {"a.w64", NULL, "", "w64", "audio/x-w64", "w64", "pcm_s16le", 44100, 2, 16, 1411, 1, false},
    {"a.aiff", NULL, "-write_id3v2 1", "aiff", "audio/aiff", "aiff", "pcm_s16be", 44100, 2, 16,
     1411, 1, true},
    {"a.aifc", NULL, "-c:a pcm_alaw -f aiff", "aiff", "audio/aiff", "aifc", "pcm_alaw", 44100, 2, 8,
     706, 1, false},
    {"a.flac", NULL, "", "flac", "audio/flac", "flac", "flac", 44100, 2, 16, 0, 1, true},
    {"s24.flac", NULL, "-c:a flac -sample_fmt s32", "flac", "audio/flac", "flac", "flac", 44100, 2,
     24, 0, 1, true},
    {"enc.flac", "flac -s -f -o enc.flac src.wav", NULL, "flac", "audio/flac", "flac", "flac",
     44100, 2, 16, 0, 1, false},
    {"a.ogg", NULL, "-c:a libvorbis", "ogg", "audio/ogg", "ogg", "vorbis", 44100, 2, 0, 0, 60,
     true},
    {"a.opus", NULL, "-c:a libopus", "opus", "audio/ogg", "ogg", "opus", 48000, 2, 0, 0, 60, true},
    {"enc.opus", "opusenc --quiet src.wav enc.opus", NULL, "opus", "audio/ogg", "ogg", "opus",
     48000, 2, 0, 0, 60, false},
    {"a.oga", NULL, "-c:a flac -f ogg", "ogg", "audio/ogg", "ogg", "flac", 44100, 2, 16, 0, 60,
     true},
    {"a.spx", NULL, "-c:a libspeex -ar 16000 -ac 1", "spx", "audio/ogg", "ogg", "speex", 16000, 1,
     0, 0, 60, true},
    {"a.m4a", NULL, "-c:a aac", "m4a", "audio/mp4", "mp4", "aac", 44100, 2, 0, 0, 60, true},
    {"fast.m4a", NULL, "-c:a aac -movflags +faststart", "m4a", "audio/mp4", "mp4", "aac", 44100, 2,
     0, 0, 60, true},
    {"frag.mp4", NULL, "-c:a aac -movflags +empty_moov+default_base_moof -frag_duration 500000",
     "m4a", "audio/mp4", "mp4", "aac", 44100, 2, 0, 0, 60, true},
    {"alac.m4a", NULL, "-c:a alac", "m4a", "audio/mp4", "mp4", "alac", 44100, 2, 16, 0, 60, true},
    {"a.mov", NULL, "-c:a pcm_s16le", "mov", "audio/quicktime", "mov", "pcm_s16le", 44100, 2, 16,
     1411, 1, false},
    {"a.3gp", NULL, "-c:a aac", "3gp", "audio/3gpp", "3gp", "aac", 44100, 2, 0, 0, 60, false},
    {"a.aac", NULL, "-c:a aac -f adts", "aac", "audio/aac", "aac", "aac", 44100, 2, 0, 0, 60,
     false},
    {"a.ac3", NULL, "-c:a ac3 -b:a 192k", "ac3", "audio/ac3", "ac3", "ac3", 44100, 2, 0, 192, 60,
     false},
    {"six.ac3", NULL, "-c:a ac3 -ac 6 -ar 48000", "ac3", "audio/ac3", "ac3", "ac3", 48000, 6, 0,
     448, 60, false},
    {"a.eac3", NULL, "-c:a eac3", "eac3", "audio/eac3", "eac3", "eac3", 44100, 2, 0, 0, 60, false},
    {"a.wma", NULL, "-c:a wmav2", "wma", "audio/x-ms-wma", "asf", "wmav2", 44100, 2, 0, 0, 60,
     true},
    {"a.wv", NULL, "-c:a wavpack", "wv", "audio/x-wavpack", "wavpack", "wavpack", 44100, 2, 16, 0,
     1, true},
    {"enc.wv", "wavpack -q -y src.wav -o enc.wv", NULL, "wv", "audio/x-wavpack", "wavpack",
     "wavpack", 44100, 2, 16, 0, 1, false},
    {"a.tta", NULL, "-c:a tta", "tta", "audio/x-tta", "tta", "tta", 44100, 2, 16, 0, 1, true},
    {"a.mka", NULL, "-c:a libvorbis", "mka", "audio/x-matroska", "matroska", "vorbis", 44100, 2, 0,
     0, 60, true},
    {"a.webm", NULL, "-c:a libopus", "webm", "audio/webm", "webm", "opus", 48000, 2, 0, 0, 60,
     true},
    {"pipe.webm", FFMPEG TAGGED "-c:a libopus -f webm - | cat >pipe.webm", NULL, "webm",
     "audio/webm", "webm", "opus", 48000, 2, 0, 0, 60, true},
    {"live.webm", NULL, "-c:a libopus -live 1", "webm", "audio/webm", "webm", "opus", 48000, 2, 0,
     0, 60, true},
    {"a.caf", NULL, "-c:a pcm_s16be", "caf", "audio/x-caf", "caf", "pcm_s16be", 44100, 2, 16, 1411,
     1, true},
    {"alac.caf", NULL, "-c:a alac", "caf", "audio/x-caf", "caf", "alac", 44100, 2, 16, 0, 100,
     true},
    {"a.au", NULL, "", "au", "audio/basic", "au", "pcm_s16be", 44100, 2, 16, 1411, 1, false},
    {"a.voc", NULL, "-c:a pcm_s16le -ar 44100", "voc", "audio/x-voc", "voc", "pcm_s16le", 44100, 2,
     16, 1411, 60, false},
    {"a.ts", NULL, "-c:a aac", "ts", "video/mp2t", "mpegts", "aac", 44100, 2, 0, 0, 60, false},
    {"pipe.wav", FFMPEG " -f wav - | cat >pipe.wav", NULL, "wav", "audio/wav", "wav", "pcm_s16le",
     44100, 2, 16, 1411, 1, false},
    {"pipe.flac", FFMPEG " -f flac - | cat >pipe.flac", NULL, "flac", "audio/flac", "flac", "flac",
     44100, 2, 16, 0, 1, false},
    {"pipe.au", FFMPEG " -f au - | cat >pipe.au", NULL, "au", "audio/basic", "au", "pcm_s16be",
     44100, 2, 16, 1411, 1, false},
};

static void check_tags(const struct look *look)
{
    assert_string_equal(tag_of(look, "title"), "Titel");
    assert_string_equal(tag_of(look, "artist"), "K\xc3\xbcnstler");
    assert_string_equal(tag_of(look, "album"), "Platte");
    assert_string_equal(tag_of(look, "album_artist"), "Alle");
    assert_string_equal(tag_of(look, "genre"), "Rock");
    assert_string_equal(tag_of(look, "composer"), "Satz");
    assert_string_equal(tag_of(look, "comment"), "Wort");
    assert_int_equal(number_tag_of(look, "year"), 2021);
    assert_int_equal(number_tag_of(look, "track"), 3);
    assert_int_equal(number_tag_of(look, "track_total"), 12);
}

static void check(struct fixture *fixture, const struct format_case *wanted)
{
    struct look look;

    print_message("%s\n", wanted->name);
    if (wanted->command)
        make(fixture, "%s", wanted->command);
    else
        make(fixture, FFMPEG TAGGED "%s %s", wanted->flags, wanted->name);
    look = look_at(fixture, wanted->name);
    assert_true(look.taken);
    assert_string_equal(look.facts.file_type, wanted->file_type);
    assert_string_equal(look.facts.mime_type, wanted->mime_type);
    assert_string_equal(look.facts.container, wanted->container);
    assert_string_equal(look.facts.codec, wanted->codec);
    assert_int_equal(look.facts.sample_rate_hz, wanted->sample_rate_hz);
    assert_int_equal(look.facts.channels, wanted->channels);
    assert_int_equal(look.facts.bits_per_sample, wanted->bits);
    assert_near_ms(look.facts.duration_ms, DURATION_MS, wanted->slack_ms);
    assert_true(look.facts.bitrate_kbps > 0);
    if (wanted->bitrate_kbps)
        assert_in_range(look.facts.bitrate_kbps, wanted->bitrate_kbps - 1,
                        wanted->bitrate_kbps + 1);
    assert_false(look.facts.has_video);
    assert_false(note_of(&look, "truncated"));
    assert_false(note_of(&look, "header_wrong"));
    if (wanted->tagged)
        check_tags(&look);
}

static void every_format_is_known(void **state)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        check(*state, &CASES[i]);
}

static void chained_ogg_counts_every_link(void **state)
{
    struct look look;

    make(*state, FFMPEG " -c:a libvorbis l.ogg && cat l.ogg l.ogg >chain.ogg");
    look = look_at(*state, "chain.ogg");
    assert_true(look.taken);
    assert_near_ms(look.facts.duration_ms, 2 * DURATION_MS, 60);
}

#define COVERED                                                                                    \
    "ffmpeg -hide_banner -loglevel error -y -f lavfi -i color=red:s=120x80 -frames:v 1 cover.png " \
    "&& " FFMPEG " -i cover.png -map 0 -map 1 -c:v copy -disposition:v attached_pic "

static void covers_are_no_video(void **state)
{
    static const char *const MAKES[][2] = {
        {"c.mp3", COVERED "-c:a libmp3lame c.mp3"},
        {"c.m4a", COVERED "-c:a aac c.m4a"},
        {"c.flac", COVERED "-c:a flac c.flac"},
    };

    for (size_t i = 0; i < COUNT_OF(MAKES); i++) {
        struct look look;
        json_t *cover;

        make(*state, "%s", MAKES[i][1]);
        look = look_at(*state, MAKES[i][0]);
        assert_true(look.taken);
        assert_true(look.facts.has_cover);
        assert_false(look.facts.has_video);
        cover = json_object_get(look.metadata, "cover");
        assert_string_equal(json_string_value(json_object_get(cover, "mime_type")), "image/png");
        assert_int_equal(json_integer_value(json_object_get(cover, "width")), 120);
        assert_int_equal(json_integer_value(json_object_get(cover, "height")), 80);
        assert_int_equal(json_integer_value(json_object_get(cover, "bytes")),
                         file_size(*state, "cover.png"));
    }
}

static void video_is_refused_with_its_facts(void **state)
{
    static const char *const NAMES[] = {"video.mp4", "video.mkv", "video.webm", "video.ts",
                                        "video.avi", "video.mpg", "video.flv"};
    static const char *const FLAGS[] = {"-c:v mpeg4 -c:a aac",      "-c:v mpeg4 -c:a libvorbis",
                                        "-c:v libvpx -c:a libopus", "-c:v mpeg2video -c:a mp2",
                                        "-c:v mpeg4 -c:a mp3",      "-c:v mpeg2video -c:a mp2",
                                        "-c:v flv1 -c:a aac"};

    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        struct look look;

        print_message("%s\n", NAMES[i]);
        make(*state, FFMPEG " -f lavfi -i testsrc=d=3:s=160x120:r=25 %s -shortest %s", FLAGS[i],
             NAMES[i]);
        look = look_at(*state, NAMES[i]);
        assert_false(look.taken);
        assert_int_equal(look.kind, ERR_NOT_AUDIO);
        assert_true(look.facts.has_video);
        assert_int_equal(look.facts.channels, 2);
        assert_near_ms(look.facts.duration_ms, DURATION_MS, 100);
    }
}

static void chapters_are_listed(void **state)
{
    static const char META[] = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\n"
                               "title=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=3000\n"
                               "title=Zw\xc3\xb6lf\n";
    static const char *const NAMES[] = {"ch.mp3", "ch.m4a", "ch.mka"};

    make_file(*state, "meta", META, sizeof META - 1);
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        struct look look;
        json_t *chapters;
        json_t *second;

        make(*state, FFMPEG " -i meta -map_metadata 1 -map 0:a %s", NAMES[i]);
        look = look_at(*state, NAMES[i]);
        assert_true(look.taken);
        chapters = json_object_get(look.metadata, "chapters");
        assert_int_equal(json_array_size(chapters), 2);
        second = json_array_get(chapters, 1);
        assert_string_equal(json_string_value(json_object_get(second, "title")), "Zw\xc3\xb6lf");
        assert_true(json_number_value(json_object_get(second, "start")) == 1.0);
        assert_true(json_number_value(json_object_get(second, "end")) == 3.0);
    }
}

/* The last frame, of a few bytes, is found. */
static void flac_that_ends_in_silence(void **state)
{
    static const struct {
        unsigned rate_hz, channels;
    } FORMS[] = {{8000, 1}, {16000, 1}, {44100, 1}, {48000, 1}, {8000, 2}, {16000, 2}, {44100, 2}};
    static const char *const ENCODERS[] = {"flac -s -f q.wav -o q.flac",
                                           "ffmpeg -v error -y -i q.wav q.flac"};

    for (size_t i = 0; i < COUNT_OF(FORMS) * COUNT_OF(ENCODERS); i++) {
        unsigned rate_hz = FORMS[i / 2].rate_hz;
        struct look look;

        make(*state, "sox -D -n -r %u -c %u -b 16 q.wav synth 20 sine 440 vol 0.9 pad 0 20 && %s",
             rate_hz, FORMS[i / 2].channels, ENCODERS[i % 2]);
        look = look_at(*state, "q.flac");
        assert_true(look.taken);
        assert_int_equal(look.facts.duration_ms, 40000);
        assert_int_equal(look.facts.duration_source, MEDIA_DECLARED);
        assert_false(note_of(&look, "truncated"));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_known), cmocka_unit_test(chained_ogg_counts_every_link),
        cmocka_unit_test(covers_are_no_video),   cmocka_unit_test(video_is_refused_with_its_facts),
        cmocka_unit_test(chapters_are_listed),   cmocka_unit_test(flac_that_ends_in_silence),
    };

    FIXTURE_SERVE_AS_WORKER(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
