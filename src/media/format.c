#include "media/format.h"

#include <assert.h>
#include <string.h>

#include "base/scoped.h"
#include "media/media.h"

#define HEAD_BYTES 64

static const struct format FORMATS[] = {
    {"wav", "wav", "wav", "audio/wav", FORMAT_PCM},
    {"wav", "rf64", "wav", "audio/wav", FORMAT_PCM},
    {"w64", "w64", "w64", "audio/x-w64", FORMAT_PCM},
    {"aiff", "aiff", "aiff", "audio/aiff", FORMAT_PCM},
    {"aiff", "aifc", "aiff", "audio/aiff", FORMAT_PCM},
    {"au", "au", "au", "audio/basic", FORMAT_PCM},
    {"caf", "caf", "caf", "audio/x-caf", FORMAT_PCM},
    {"voc", "voc", "voc", "audio/x-voc", FORMAT_PACKETS},
    {"mp3", "mp3", "mp3", "audio/mpeg", FORMAT_FRAMES},
    {"aac", "aac", "aac", "audio/aac", FORMAT_FRAMES},
    {"ac3", "ac3", "ac3", "audio/ac3", FORMAT_FRAMES},
    {"eac3", "eac3", "eac3", "audio/eac3", FORMAT_FRAMES},
    {"flac", "flac", "flac", "audio/flac", FORMAT_FLAC},
    {"ogg", "ogg", "ogg", "audio/ogg", FORMAT_OGG},
    {"mov", "mp4", "m4a", "audio/mp4", FORMAT_MP4},
    {"mov", "mov", "mov", "video/quicktime", FORMAT_MP4},
    {"mov", "3gp", "3gp", "audio/3gpp", FORMAT_MP4},
    {"matroska", "matroska", "mka", "audio/x-matroska", FORMAT_MATROSKA},
    {"matroska", "webm", "webm", "audio/webm", FORMAT_MATROSKA},
    {"asf", "asf", "wma", "audio/x-ms-wma", FORMAT_PACKETS},
    {"ape", "ape", "ape", "audio/x-ape", FORMAT_PACKETS},
    {"wv", "wavpack", "wv", "audio/x-wavpack", FORMAT_PACKETS},
    {"mpc", "mpc", "mpc", "audio/x-musepack", FORMAT_PACKETS},
    {"mpc8", "mpc8", "mpc", "audio/x-musepack", FORMAT_PACKETS},
    {"tta", "tta", "tta", "audio/x-tta", FORMAT_PACKETS},
    {"tak", "tak", "tak", "audio/x-tak", FORMAT_PACKETS},
    {"shn", "shn", "shn", "audio/x-shorten", FORMAT_PACKETS},
    {"dsf", "dsf", "dsf", "audio/x-dsf", FORMAT_PACKETS},
    {"iff", "dff", "dff", "audio/x-dff", FORMAT_PACKETS},
    {"amr", "amr", "amr", "audio/amr", FORMAT_PACKETS},
    {"amr", "amr-wb", "awb", "audio/amr-wb", FORMAT_PACKETS},
    /* Mostly video: known so that their sound can be taken where that is wanted. */
    {"mpegts", "mpegts", "ts", "video/mp2t", FORMAT_PACKETS},
    {"mpeg", "mpeg", "mpg", "video/mpeg", FORMAT_PACKETS},
    {"avi", "avi", "avi", "video/x-msvideo", FORMAT_PACKETS},
    {"flv", "flv", "flv", "video/x-flv", FORMAT_PACKETS},
};

/* What stands where; a dot in MASK's place means any byte. */
static const struct signature {
    const char *container;
    uint8_t offset;
    uint8_t length;
    const char *bytes;
    uint8_t second_offset; /* 0: none */
    const char *second;    /* text */
} SIGNATURES[] = {
    {"wav", 0, 4, "RIFF", 8, "WAVE"},
    {"wav", 0, 4, "RIFX", 8, "WAVE"},
    {"rf64", 0, 4, "RF64", 8, "WAVE"},
    {"rf64", 0, 4, "BW64", 8, "WAVE"},
    {"avi", 0, 4, "RIFF", 8, "AVI "},
    {"w64", 0, 16, "riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", 24, "wave"},
    {"aiff", 0, 4, "FORM", 8, "AIFF"},
    {"aifc", 0, 4, "FORM", 8, "AIFC"},
    {"dff", 0, 4, "FRM8", 12, "DSD "},
    {"dsf", 0, 4, "DSD ", 28, "fmt "},
    {"au", 0, 4, ".snd", 0, NULL},
    {"caf", 0, 6, "caff\0\1", 0, NULL},
    {"voc", 0, 20, "Creative Voice File\x1a", 0, NULL},
    {"flac", 0, 4, "fLaC", 0, NULL},
    {"ogg", 0, 5, "OggS\0", 0, NULL},
    {"asf", 0, 16, "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", 0, NULL},
    {"ape", 0, 4, "MAC ", 0, NULL},
    {"wavpack", 0, 4, "wvpk", 0, NULL},
    {"mpc", 0, 3, "MP+", 0, NULL},
    {"mpc8", 0, 4, "MPCK", 0, NULL},
    {"tta", 0, 4, "TTA1", 0, NULL},
    {"tak", 0, 4, "tBaK", 0, NULL},
    {"shn", 0, 4, "ajkg", 0, NULL},
    {"amr", 0, 6, "#!AMR\n", 0, NULL},
    {"amr-wb", 0, 9, "#!AMR-WB\n", 0, NULL},
    {"flv", 0, 4, "FLV\1", 0, NULL},
};

const struct format *format_named(const char *container)
{
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++)
        if (strcmp(FORMATS[i].container, container) == 0)
            return &FORMATS[i];
    assert(!"a format of that name");
    return NULL;
}

bool media_type_is_known(struct str type)
{
    /* What probe.c makes of a container by what is in it. */
    static const char *const refined[] = {"mp1", "mp2", "opus", "spx", "mp4", "mkv", "wmv"};

    for (size_t i = 0; i < COUNT_OF(FORMATS); i++)
        if (str_equal_nocase(type, FORMATS[i].file_type))
            return true;
    for (size_t i = 0; i < COUNT_OF(refined); i++)
        if (str_equal_nocase(type, refined[i]))
            return true;
    return false;
}

static bool matches(const struct signature *signature, const uint8_t head[HEAD_BYTES])
{
    return memcmp(head + signature->offset, signature->bytes, signature->length) == 0 &&
           (!signature->second || memcmp(head + signature->second_offset, signature->second,
                                         strlen(signature->second)) == 0);
}

/* ISO 14496-12 section 4.2: a size, then the type of a box that stands at the top level. */
static const struct format *detect_mp4(const uint8_t head[HEAD_BYTES])
{
    static const char *const FIRST_BOXES[] = {"moov", "mdat", "wide", "free", "skip", "pnot"};
    uint32_t size = be32(head);

    if (memcmp(head + 4, "ftyp", 4) == 0 && size >= 8) {
        if (memcmp(head + 8, "qt  ", 4) == 0)
            return format_named("mov");
        return format_named(memcmp(head + 8, "3g", 2) == 0 ? "3gp" : "mp4");
    }
    for (size_t i = 0; i < COUNT_OF(FIRST_BOXES); i++)
        if (memcmp(head + 4, FIRST_BOXES[i], 4) == 0 && (size >= 8 || size <= 1))
            return format_named("mov");
    return NULL;
}

/* EBML's magic; the document's type stands within the first header (RFC 8794 section 11.2.6). */
static const struct format *detect_matroska(const uint8_t head[HEAD_BYTES])
{
    if (memcmp(head, "\x1a\x45\xdf\xa3", 4) != 0)
        return NULL;
    return format_named(memmem(head, HEAD_BYTES, "webm", 4) ? "webm" : "matroska");
}

/* Packets of 188 bytes that all begin with 0x47, in a run that chance does not make. */
static const struct format *detect_mpegts(struct input *in, uint64_t offset)
{
    enum { PACKET = 188, RUN = 5 };
    const uint8_t *bytes = input_view(in, offset, PACKET * (RUN + 1));

    for (size_t start = 0; bytes && start < PACKET; start++) {
        size_t run = 0;

        while (run < RUN && bytes[start + run * PACKET] == 0x47)
            run++;
        if (run == RUN)
            return format_named("mpegts");
    }
    return NULL;
}

/* A pack header (ISO 13818-1 section 2.5.3.3, or MPEG-1's) and behind it another start code,
 * perhaps behind some junk. */
static const struct format *detect_mpeg(struct input *in, uint64_t offset)
{
    enum { SEARCH = 4096 };
    uint64_t left = in->size > offset ? in->size - offset : 0;
    size_t length = left < SEARCH ? (size_t)left : SEARCH;
    const uint8_t *bytes = input_view(in, offset, length);

    for (size_t at = 0; bytes && at + 18 <= length; at++) {
        const uint8_t *pack = bytes + at;
        size_t next;

        if (memcmp(pack, "\0\0\1\xba", 4) != 0)
            continue;
        if ((pack[4] & 0xc4) == 0x44)
            next = 14 + (pack[13] & 7U);
        else if ((pack[4] & 0xf1) == 0x21)
            next = 12;
        else
            continue;
        if (at + next + 4 <= length && be24(pack + next) == 1 && pack[next + 3] >= 0xb9)
            return format_named("mpeg");
    }
    return NULL;
}

/* By what stands at the very beginning. */
static const struct format *detect_head(const uint8_t head[HEAD_BYTES])
{
    const struct format *found;

    for (size_t i = 0; i < COUNT_OF(SIGNATURES); i++)
        if (matches(&SIGNATURES[i], head))
            return format_named(SIGNATURES[i].container);
    found = detect_mp4(head);
    return found ? found : detect_matroska(head);
}

/* As probe.c does once it has seen what is in the container. */
static const char *type_with_video(const struct format *format)
{
    static const char *const types[][2] = {{"mp4", "video/mp4"},
                                           {"matroska", "video/x-matroska"},
                                           {"webm", "video/webm"},
                                           {"3gp", "video/3gpp"},
                                           {"asf", "video/x-ms-wmv"}};

    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i][0], format->container) == 0)
            return types[i][1];
    return format->mime_type;
}

/* A tag of MP3 files, or the header of a frame: layer 0 is what ADTS has in its place. */
static const char *guess_frames(const uint8_t head[HEAD_BYTES])
{
    if (memcmp(head, "ID3", 3) == 0)
        return "audio/mpeg";
    if (head[0] != 0xff || (head[1] & 0xe0) != 0xe0)
        return NULL;
    return (head[1] & 0x06) == 0 ? "audio/aac" : "audio/mpeg";
}

const char *media_guess_type(const void *bytes, size_t length, bool may_be_video)
{
    uint8_t head[HEAD_BYTES] = {0};
    const struct format *format;

    memcpy(head, bytes, length < sizeof head ? length : sizeof head);
    format = detect_head(head);
    if (!format)
        return guess_frames(head);
    if (may_be_video)
        return type_with_video(format);
    return strcmp(format->container, "mov") == 0 ? "audio/quicktime" : format->mime_type;
}

const struct format *format_detect(struct input *in, uint64_t offset)
{
    uint8_t head[HEAD_BYTES] = {0};
    const struct format *found;

    if (input_read(in, offset, head, sizeof head) < 4)
        return NULL;
    if ((found = detect_head(head)))
        return found;
    if ((found = detect_mpegts(in, offset)))
        return found;
    return detect_mpeg(in, offset);
}
