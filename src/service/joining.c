#include "service/joining.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/json_text.h"

void joining_init(struct joining *self, size_t limit)
{
    *self = (struct joining){0};
    buf_init(&self->text, limit);
    buf_init(&self->segments, limit);
}

void joining_done(struct joining *self)
{
    buf_done(&self->text);
    buf_done(&self->segments);
}

/* ---- text ---- */

static void add_text(struct joining *self, const char *text)
{
    static const char blanks[] = " \t\r\n";
    size_t length;

    self->has_text = true;
    text += strspn(text, blanks);
    length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        length--;
    if (length == 0)
        return;
    if (self->text.length > 0)
        buf_add(&self->text, " ", 1);
    buf_add(&self->text, text, length);
}

/* ---- times ---- */

/* Moves the member KEY, seconds of the chunk, to where it is in the whole. */
static bool move_time(json_t *object, const char *key, int64_t by_ms, int64_t *at_ms)
{
    const json_t *value = json_object_get(object, key);
    double seconds = json_number_value(value);

    if (!json_is_number(value) || !(fabs(seconds) < 1e9))
        return false;
    *at_ms = llround(seconds * 1000) + by_ms;
    return json_object_set_new(object, key, json_real((double)*at_ms / 1000)) == 0;
}

static bool move(json_t *object, int64_t by_ms, int64_t *middle_ms)
{
    int64_t start_ms, end_ms;

    if (!move_time(object, "start", by_ms, &start_ms) || !move_time(object, "end", by_ms, &end_ms))
        return false;
    *middle_ms = start_ms + (end_ms - start_ms) / 2;
    return true;
}

static void move_words(json_t *words, int64_t by_ms)
{
    int64_t ignored;
    json_t *word;
    size_t i;

    json_array_foreach(words, i, word) move(word, by_ms, &ignored);
}

/* ---- segments ---- */

/* A segment of whisper.cpp's in the form of the others; NULL if it is none. */
static json_t *from_offsets(const json_t *item)
{
    const json_t *offsets = json_object_get(item, "offsets");
    const json_t *from = json_object_get(offsets, "from"), *to = json_object_get(offsets, "to");
    const char *text = json_string_value(json_object_get(item, "text"));

    if (!json_is_number(from) || !json_is_number(to) || !text)
        return NULL;
    return json_pack("{s:f, s:f, s:s}", "start", json_number_value(from) / 1000, "end",
                     json_number_value(to) / 1000, "text", text + strspn(text, " "));
}

static bool is_here(const struct result *result, int64_t middle_ms)
{
    int64_t before_ms = result->before_end_ms, behind_ms = result->behind_start_ms;

    return (before_ms <= result->start_ms || 2 * middle_ms >= before_ms + result->start_ms) &&
           (behind_ms >= result->end_ms || 2 * middle_ms < behind_ms + result->end_ms);
}

/* Takes SEGMENT, if it is one; gives its text where it counts. */
static const char *add_segment(struct joining *self, const struct result *result, json_t *segment)
{
    scoped(memory_free) char *text = NULL;
    int64_t middle_ms;

    if (!json_is_object(segment) || !move(segment, result->start_ms, &middle_ms) ||
        !is_here(result, middle_ms))
        return NULL;
    move_words(json_object_get(segment, "words"), result->start_ms);
    if (result->part != RESULT_WHOLE)
        json_object_set_new(segment, "chunk_index", json_integer(result->part));
    text = json_text_write(segment, JSON_COMPACT);
    if (!text)
        return NULL;
    if (self->segments.length > 0)
        buf_add(&self->segments, ",", 1);
    buf_add(&self->segments, text, strlen(text));
    return json_string_value(json_object_get(segment, "text"));
}

/* All of LIST; their texts too, if WITH_TEXT. */
static void add_segments(struct joining *self, const struct result *result, json_t *list,
                         bool with_text)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        scoped(json_decrefp) json_t *other = from_offsets(item);
        const char *text = add_segment(self, result, other ? other : item);

        if (with_text && text)
            add_text(self, text);
    }
}

static bool overlaps(const struct result *result)
{
    return result->before_end_ms > result->start_ms || result->behind_start_ms < result->end_ms;
}

void joining_add(struct joining *self, const struct result *result)
{
    scoped(json_decrefp) json_t *root = json_loads(result->json, 0, NULL);
    json_t *segments = json_object_get(root, "segments");
    const char *text = json_string_value(json_object_get(root, "text"));

    if (!json_is_array(segments))
        segments = json_object_get(root, "transcription");
    /* What two chunks have heard stands twice in their texts, and once in the segments. */
    if (json_array_size(segments) > 0 && overlaps(result))
        text = NULL;
    add_segments(self, result, segments, !text);
    if (text)
        add_text(self, text);
}
