/* What certainly is no audio, from its first bytes. */
#include <ctype.h>
#include <string.h>

#include "base/scoped.h"
#include "base/str.h"
#include "media/media.h"

static const struct mark {
    const char *what;
    size_t offset;
    size_t length;
    const char *bytes;
} MARKS[] = {
    {"a PNG image", 0, 8, "\x89PNG\r\n\x1a\n"},
    {"a JPEG image", 0, 3, "\xff\xd8\xff"},
    {"a GIF image", 0, 5, "GIF87"},
    {"a GIF image", 0, 5, "GIF89"},
    {"a WebP image", 8, 4, "WEBP"},
    {"a TIFF image", 0, 4, "II*\0"},
    {"a TIFF image", 0, 4, "MM\0*"},
    {"a Photoshop image", 0, 4, "8BPS"},
    {"an icon", 0, 6, "\0\0\1\0\1\0"},
    {"an AVIF image", 4, 8, "ftypavif"},
    {"a HEIC image", 4, 8, "ftypheic"},
    {"a HEIC image", 4, 8, "ftypmif1"},
    {"a PDF document", 0, 5, "%PDF-"},
    {"a PostScript document", 0, 4, "%!PS"},
    {"an RTF document", 0, 5, "{\\rtf"},
    {"an Office document", 0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
    {"a ZIP archive", 0, 4, "PK\3\4"},
    {"a ZIP archive", 0, 4, "PK\5\6"},
    {"a RAR archive", 0, 6, "Rar!\x1a\7"},
    {"a 7z archive", 0, 6, "7z\xbc\xaf\x27\x1c"},
    {"a gzip file", 0, 3, "\x1f\x8b\x08"},
    {"a bzip2 file", 0, 4, "BZh9"},
    {"an xz file", 0, 6,
     "\xfd"
     "7zXZ\0"},
    {"a zstd file", 0, 4, "\x28\xb5\x2f\xfd"},
    {"a tar archive", 257, 5, "ustar"},
    {"a Debian package", 0, 8, "!<arch>\n"},
    {"a program (ELF)", 0, 4,
     "\x7f"
     "ELF"},
    {"a program (WebAssembly)", 0, 4, "\0asm"},
    {"a Java class", 0, 4, "\xca\xfe\xba\xbe"},
    {"a SQLite database", 0, 16, "SQLite format 3"},
    {"a script", 0, 2, "#!"},
    {"a MIDI file", 0, 4, "MThd"},
    {"a font", 0, 4, "wOFF"},
    {"a font", 0, 4, "wOF2"},
    {"a font", 0, 4, "OTTO"},
};

/* Texts, by how they begin behind blanks and a byte order mark; letters compare without case. */
static const struct {
    const char *what;
    const char *begin;
} TEXTS[] = {
    {"an HTML page", "<!doctype html"},
    {"an HTML page", "<html"},
    {"an HTML page", "<head"},
    {"an SVG image", "<svg"},
    {"an XML document", "<?xml"},
    {"a playlist (M3U)", "#extm3u"},
    {"a playlist (M3U)", "#extinf"},
    {"a playlist (PLS)", "[playlist]"},
    {"a playlist (ffconcat)", "ffconcat version"},
    {"a session description (SDP)", "v=0\n"},
    {"a session description (SDP)", "v=0\r\n"},
    {"a cue sheet", "rem genre"},
    {"subtitles (WebVTT)", "webvtt"},
    {"subtitles (SSA)", "[script info]"},
    {"lyrics", "[00:"},
    {"a JSON document", "{\""},
};

static bool is_marked(const struct mark *mark, const char *bytes, size_t length)
{
    return length >= mark->offset + mark->length &&
           memcmp(bytes + mark->offset, mark->bytes, mark->length) == 0;
}

/* AMR files begin like scripts. */
static bool is_amr(const char *bytes, size_t length)
{
    return length >= 5 && memcmp(bytes, "#!AMR", 5) == 0;
}

/* DOS and Windows programs: MZ, and where it points to, PE. */
static bool is_windows_program(const char *bytes, size_t length)
{
    size_t at;

    if (length < 64 || memcmp(bytes, "MZ", 2) != 0)
        return false;
    at = (size_t)(unsigned char)bytes[60] | (size_t)(unsigned char)bytes[61] << 8;
    return at + 4 <= length && memcmp(bytes + at, "PE\0", 4) == 0;
}

/* BMP: its size, then four reserved zeros. */
static bool is_bmp(const char *bytes, size_t length)
{
    return length >= 18 && memcmp(bytes, "BM", 2) == 0 && memcmp(bytes + 6, "\0\0\0", 4) == 0;
}

static const char *text_kind(const char *bytes, size_t length)
{
    size_t at = length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < length && isspace((unsigned char)bytes[at]))
        at++;
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        size_t begin = strlen(TEXTS[i].begin);

        if (length - at >= begin && strncasecmp(bytes + at, TEXTS[i].begin, begin) == 0)
            return TEXTS[i].what;
    }
    return NULL;
}

/* UTF-8 whose last character may have been cut off. */
static bool is_utf8(const char *bytes, size_t length)
{
    for (size_t cut = 0; cut < 4 && cut < length; cut++)
        if (utf8_is_valid((struct str){bytes, length - cut}))
            return true;
    return false;
}

/* No format of audio is plain text throughout. Short texts may still be the head of something. */
static bool is_plain_text(const char *bytes, size_t length)
{
    if (length < 16)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte == 0x7f || (byte < 0x20 && !isspace(byte)))
            return false;
    }
    return is_utf8(bytes, length);
}

static const char *kind_of(const char *bytes, size_t length)
{
    const char *text;

    if (is_amr(bytes, length))
        return NULL;
    for (size_t i = 0; i < COUNT_OF(MARKS); i++)
        if (is_marked(&MARKS[i], bytes, length))
            return MARKS[i].what;
    if (is_windows_program(bytes, length))
        return "a program (Windows)";
    if (is_bmp(bytes, length))
        return "a BMP image";
    if ((text = text_kind(bytes, length)))
        return text;
    return is_plain_text(bytes, length) ? "plain text" : NULL;
}

enum media_sniff media_sniff(const void *bytes, size_t length, const char **what)
{
    const char *kind = kind_of(bytes, length);

    if (!kind)
        return MEDIA_SNIFF_MAYBE;
    *what = kind;
    return MEDIA_SNIFF_NO;
}
