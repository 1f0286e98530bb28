/*
 * Tags as they are gathered from a file, under names that are the same for every format.
 * What is found first stands; counts and lengths are bounded.
 */
#ifndef MEDIA_TAGS_H
#define MEDIA_TAGS_H

#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

#define TAGS_MAX 96
#define TAGS_SEEN_MAX 4096
#define TAG_VALUE_MAX_BYTES 4096
#define TAG_TOTAL_MAX_BYTES 32768

struct tag {
    const char *key;   /* title, artist, album, … lower case */
    const char *value; /* UTF-8 */
};

struct tags {
    struct arena *mem;
    size_t count;
    size_t bytes; /* of all values */
    size_t seen;  /* how often something was to be added */
    struct tag items[TAGS_MAX];
};

void tags_init(struct tags *tags, struct arena *mem);

/*
 * Adds VALUE under the common name of KEY, which is spelt as any of the formats do (TPE1, artist,
 * ©ART, WM/AlbumArtist, IART, …). Bytes that are not UTF-8 are replaced, control characters become
 * spaces, long values are cut. "3/12" under track or disc gives the total too; genres given as
 * numbers of ID3v1 become their names. Nothing is added if the name is taken, the value is blank,
 * or the bounds are reached.
 */
void tags_add(struct tags *tags, struct str key, struct str value);

const char *tags_get(const struct tags *tags, const char *key);

/* A JSON object: year and the numbers of tracks and discs as integers, all else as text. */
json_t *tags_to_json(const struct tags *tags);

/* The name of an ID3v1 genre (with Winamp's extension), NULL past the last. */
const char *genre_name(unsigned number);

/* A copy of TEXT as well-formed UTF-8 of at most MAX bytes, without control characters. */
const char *text_clean(struct arena *mem, struct str text, size_t max);
/* The same of Latin-1 bytes. */
const char *text_from_latin1(struct arena *mem, struct str text, size_t max);

#endif
