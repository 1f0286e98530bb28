#include "media/tags.h"

#include <ctype.h>
#include <stdio.h>

#include "base/scoped.h"

/* How the formats spell what we call NAME: ID3v2 (2.2 and later), MP4, RIFF INFO, APE, ASF, Vorbis.
 */
static const struct alias {
    const char *spelling; /* lower case */
    const char *name;
} ALIASES[] = {
    {"tit2", "title"},
    {"tt2", "title"},
    {"inam", "title"},
    {"\xc2\xa9nam", "title"},
    {"name", "title"},
    {"tpe1", "artist"},
    {"tp1", "artist"},
    {"iart", "artist"},
    {"author", "artist"},
    {"\xc2\xa9"
     "art",
     "artist"},
    {"talb", "album"},
    {"tal", "album"},
    {"iprd", "album"},
    {"wm/albumtitle", "album"},
    {"\xc2\xa9"
     "alb",
     "album"},
    {"tpe2", "album_artist"},
    {"tp2", "album_artist"},
    {"albumartist", "album_artist"},
    {"album artist", "album_artist"},
    {"wm/albumartist", "album_artist"},
    {"aart", "album_artist"},
    {"iaar", "album_artist"},
    {"tcon", "genre"},
    {"tco", "genre"},
    {"ignr", "genre"},
    {"wm/genre", "genre"},
    {"tcom", "composer"},
    {"tcm", "composer"},
    {"imus", "composer"},
    {"wm/composer", "composer"},
    {"comm", "comment"},
    {"com", "comment"},
    {"icmt", "comment"},

    {"comments", "comment"},
    {"wm/text", "comment"},
    {"trck", "track"},
    {"trk", "track"},
    {"iprt", "track"},
    {"itrk", "track"},
    {"tracknumber", "track"},
    {"wm/tracknumber", "track"},
    {"tracktotal", "track_total"},
    {"totaltracks", "track_total"},
    {"tpos", "disc"},
    {"tpa", "disc"},
    {"discnumber", "disc"},
    {"disk", "disc"},
    {"wm/partofset", "disc"},
    {"disctotal", "disc_total"},
    {"totaldiscs", "disc_total"},
    {"tdrc", "year"},
    {"tyer", "year"},
    {"tye", "year"},
    {"tdrl", "year"},
    {"date", "year"},
    {"icrd", "year"},
    {"wm/year", "year"},
    {"\xc2\xa9"
     "day",
     "year"},
    {"tcop", "copyright"},
    {"tcr", "copyright"},
    {"icop", "copyright"},
    {"tpub", "publisher"},
    {"tpb", "publisher"},
    {"wm/publisher", "publisher"},
    {"label", "publisher"},
    {"organization", "publisher"},
    {"tenc", "encoded_by"},
    {"ten", "encoded_by"},
    {"tsse", "encoder"},
    {"tss", "encoder"},
    {"isft", "encoder"},
    {"wm/encodingsettings", "encoder"},
    {"tlan", "language"},
    {"tla", "language"},
    {"ilng", "language"},
    {"wm/language", "language"},
    {"tsrc", "isrc"},
    {"wm/isrc", "isrc"},
    {"tbpm", "bpm"},
    {"tbp", "bpm"},
    {"tmpo", "bpm"},
    {"wm/beatsperminute", "bpm"},
    {"text", "lyricist"},
    {"txt", "lyricist"},
    {"wm/writer", "lyricist"},
    {"tpe3", "performer"},
    {"tp3", "performer"},
    {"wm/conductor", "performer"},
    {"uslt", "lyrics"},
    {"ult", "lyrics"},
    {"wm/lyrics", "lyrics"},
    {"unsyncedlyrics", "lyrics"},
    {"tit3", "subtitle"},
    {"tt3", "subtitle"},
    {"tit1", "grouping"},
    {"tt1", "grouping"},
};

/* Ours to derive, or of no use to anyone: pictures as text, tables of positions. */
static const char *const DROPPED[] = {
    "metadata_block_picture",
    "coverart",
    "coverartmime",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "itunsmpb",
    "itunnorm",
    "creation_time",
    "wm/picture",
    "cover art (front)",
    "duration",
    "deviceconformancetemplate",
    "wmfsdkversion",
    "wmfsdkneeded",
    "isvbr",
    "itunes_cddb_1",
    "handler_name",
    "vendor_id",
    "is_vbr",
};

void tags_init(struct tags *tags, struct arena *mem)
{
    tags->mem = mem;
    tags->count = 0;
    tags->bytes = 0;
    tags->seen = 0;
}

const char *tags_get(const struct tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (strcmp(tags->items[i].key, key) == 0)
            return tags->items[i].value;
    return NULL;
}

static const char *common_name(struct arena *mem, struct str key)
{
    char *name = (char *)text_clean(mem, key, 64);

    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < COUNT_OF(DROPPED); i++)
        if (strcmp(DROPPED[i], name) == 0)
            return NULL;
    for (size_t i = 0; i < COUNT_OF(ALIASES); i++)
        if (strcmp(ALIASES[i].spelling, name) == 0)
            return ALIASES[i].name;
    return name[0] ? name : NULL;
}

static void put(struct tags *tags, const char *name, const char *value)
{
    size_t length = strlen(value);

    if (length == 0 || tags->count == TAGS_MAX || tags->bytes + length > TAG_TOTAL_MAX_BYTES ||
        tags_get(tags, name))
        return;
    tags->items[tags->count++] = (struct tag){.key = name, .value = value};
    tags->bytes += length;
}

/* The digits that TEXT begins with (blanks skipped) as a number, -1 if there are none. */
static int leading_number(const char *text, const char **rest)
{
    int number = 0;
    int digits = 0;

    while (*text == ' ')
        text++;
    for (; isdigit((unsigned char)*text) && digits < 9; text++, digits++)
        number = number * 10 + (*text - '0');
    *rest = text;
    return digits > 0 ? number : -1;
}

static void put_number(struct tags *tags, const char *name, int number)
{
    if (number > 0)
        put(tags, name, arena_printf(tags->mem, "%d", number));
}

/* "3", "3/12", "/12" */
static void put_position(struct tags *tags, const char *name, const char *total, const char *value)
{
    const char *rest;

    put_number(tags, name, leading_number(value, &rest));
    if (*rest == '/')
        put_number(tags, total, leading_number(rest + 1, &rest));
}

/* "2010", "2010-10-11", "11.10.2010": the first four digits in a row. */
static void put_year(struct tags *tags, const char *value)
{
    for (const char *at = value; *at; at++) {
        const char *rest;
        int number;

        if (!isdigit((unsigned char)*at))
            continue;
        number = leading_number(at, &rest);
        if (rest - at == 4 || rest - at == 8) {
            put_number(tags, "year", rest - at == 8 ? number / 10000 : number);
            return;
        }
        at = rest - 1;
    }
}

/* "(17)", "17", "(17)Rock": ID3v2.3 section 4.2.1; "(RX)" and "(CR)" are its two words. */
static const char *genre_text(const char *value)
{
    const char *rest;
    int number = leading_number(value + (*value == '('), &rest);
    const char *name = number >= 0 ? genre_name((unsigned)number) : NULL;

    if (*value == '(' && *rest == ')') {
        if (rest[1] && rest[1] != '(')
            return rest + 1;
        return name ? name : value;
    }
    if (*value != '(' && *rest == '\0' && name)
        return name;
    if (strcmp(value, "(RX)") == 0)
        return "Remix";
    return strcmp(value, "(CR)") == 0 ? "Cover" : value;
}

void tags_add(struct tags *tags, struct str key, struct str value)
{
    const char *name;
    const char *text;

    if (tags->count == TAGS_MAX || tags->seen++ >= TAGS_SEEN_MAX)
        return;
    name = common_name(tags->mem, key);
    if (!name)
        return;
    text = text_clean(tags->mem, value, TAG_VALUE_MAX_BYTES);
    if (strcmp(name, "track") == 0)
        put_position(tags, "track", "track_total", text);
    else if (strcmp(name, "disc") == 0)
        put_position(tags, "disc", "disc_total", text);
    else if (strcmp(name, "year") == 0)
        put_year(tags, text);
    else
        put(tags, name, strcmp(name, "genre") == 0 ? genre_text(text) : text);
}

static bool is_number(const char *name)
{
    static const char *const NUMBERS[] = {"year", "track", "track_total", "disc", "disc_total"};

    for (size_t i = 0; i < COUNT_OF(NUMBERS); i++)
        if (strcmp(NUMBERS[i], name) == 0)
            return true;
    return false;
}

json_t *tags_to_json(const struct tags *tags)
{
    json_t *object = json_object();

    for (size_t i = 0; i < tags->count; i++) {
        const struct tag *tag = &tags->items[i];
        const char *rest;

        json_object_set_new(object, tag->key,
                            is_number(tag->key) ? json_integer(leading_number(tag->value, &rest))
                                                : json_string(tag->value));
    }
    return object;
}
