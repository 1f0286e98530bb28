#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/scoped.h"
#include "media/media.h"

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t length;
    const char *what; /* NULL: may be audio */
} CASES[] = {
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a PNG image"},
    {BYTES("\xff\xd8\xff\xe0\0\x10JFIF"), "a JPEG image"},
    {BYTES("GIF89a..."), "a GIF image"},
    {BYTES("RIFF\x24\0\0\0WEBPVP8 "), "a WebP image"},
    {BYTES("%PDF-1.7\n"), "a PDF document"},
    {BYTES("PK\3\4\x14\0"), "a ZIP archive"},
    {BYTES("\x7f"
           "ELF\2\1\1"),
     "a program (ELF)"},
    {BYTES("\x1f\x8b\x08\0"), "a gzip file"},
    {BYTES("#!/bin/sh\necho"), "a script"},
    {BYTES("<!DOCTYPE html><html>"), "an HTML page"},
    {BYTES("\xef\xbb\xbf \n<HTML>"), "an HTML page"},
    {BYTES("<?xml version='1.0'?>"), "an XML document"},
    {BYTES("#EXTM3U\nfile:///etc/passwd\n"), "a playlist (M3U)"},
    {BYTES("ffconcat version 1.0\nfile x"), "a playlist (ffconcat)"},
    {BYTES("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"), "a session description (SDP)"},
    {BYTES("WEBVTT\n\n00:00.000"), "subtitles (WebVTT)"},
    {BYTES("1\n00:00:01,000 --> 00:00:02,000\nHello there\n"), "plain text"},
    {BYTES("Gr\xc3\xbc\xc3\x9f"
           "e aus K\xc3\xb6ln"),
     "plain text"},
    {BYTES("\xe5\xbd\x95\xe9\x9f\xb3\xe5\xbd\x95\xe9\x9f\xb3\xe5\xbd\x95\xe9\x9f"), "plain text"},
    {BYTES("no UTF-8: K\xf6ln, M\xfcnchen"), NULL},
    {BYTES("MThd\0\0\0\6"), "a MIDI file"},
    {BYTES("ID3\4\0\0\0\0\0\0"), NULL},
    {BYTES("RIFF\x24\0\0\0WAVEfmt "), NULL},
    {BYTES("fLaC\0\0\0\x22"), NULL},
    {BYTES("OggS\0\2\0\0"), NULL},
    {BYTES("#!AMR\n<"), NULL},
    {BYTES("#!AMR-WB\n<"), NULL},
    {BYTES("\0\0\0\x20"
           "ftypM4A "),
     NULL},
    {BYTES("\x1a\x45\xdf\xa3"), NULL},
    {BYTES("\xff\xfb\x90\x64"), NULL},
    {BYTES("BM"), NULL},
    {BYTES(""), NULL},
    {BYTES("short text"), NULL},
};

static void tells_what_is_no_audio(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const char *what = NULL;
        enum media_sniff sniffed = media_sniff(CASES[i].bytes, CASES[i].length, &what);

        if (CASES[i].what) {
            assert_int_equal(sniffed, MEDIA_SNIFF_NO);
            assert_string_equal(what, CASES[i].what);
        } else {
            assert_int_equal(sniffed, MEDIA_SNIFF_MAYBE);
        }
    }
}

/* Every head of every case is read within its bounds (the sanitizer watches). */
static void reads_no_further_than_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        for (size_t length = 0; length <= CASES[i].length; length++) {
            scoped(memory_free) char *exact = malloc(length + (length == 0));
            const char *what = NULL;

            assert_non_null(exact);
            memcpy(exact, CASES[i].bytes, length);
            if (media_sniff(exact, length, &what) == MEDIA_SNIFF_NO)
                assert_non_null(what);
        }
}

/* As probe.c names them, once it has seen everything. */
static void guesses_what_type_it_will_be(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *type, *with_video;
    } cases[] = {
        {BYTES("RIFF\x24\0\0\0WAVEfmt "), "audio/wav", "audio/wav"},
        {BYTES("ID3\4\0\0\0\0\0\0"), "audio/mpeg", "audio/mpeg"},
        {BYTES("\xff\xfb\x90\x64"), "audio/mpeg", "audio/mpeg"},
        {BYTES("\xff\xf1\x50\x80"), "audio/aac", "audio/aac"},
        {BYTES("fLaC\0\0\0\x22"), "audio/flac", "audio/flac"},
        {BYTES("OggS\0\2\0\0"), "audio/ogg", "audio/ogg"},
        {BYTES("\0\0\0\x20"
               "ftypM4A "),
         "audio/mp4", "video/mp4"},
        {BYTES("\0\0\0\x20"
               "ftypqt  "),
         "audio/quicktime", "video/quicktime"},
        {BYTES("\x1a\x45\xdf\xa3"), "audio/x-matroska", "video/x-matroska"},
        {BYTES("\x1a\x45\xdf\xa3\x93\x42\x82\x84webm"), "audio/webm", "video/webm"},
        {BYTES("no idea"), NULL, NULL},
        {BYTES(""), NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int video = 0; video < 2; video++) {
            const char *wanted = video ? cases[i].with_video : cases[i].type;
            const char *found = media_guess_type(cases[i].bytes, cases[i].length, video);

            if (wanted)
                assert_string_equal(found, wanted);
            else
                assert_null(found);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_no_audio),
        cmocka_unit_test(reads_no_further_than_told),
        cmocka_unit_test(guesses_what_type_it_will_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
