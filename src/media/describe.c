#include "media/describe.h"

#include <string.h>

static json_t *chapters_to_json(const struct probe *probe)
{
    json_t *list = json_array();

    for (size_t i = 0; i < probe->chapter_count; i++) {
        const struct chapter *chapter = &probe->chapters[i];

        json_array_append_new(
            list, json_pack("{s:f, s:f, s:s*}", "start", (double)chapter->start_ms / 1000, "end",
                            (double)chapter->end_ms / 1000, "title", chapter->title));
    }
    return list;
}

static json_t *cover_to_json(const struct cover *cover)
{
    json_t *object;

    if (!cover->mime_type)
        return json_false();
    object =
        json_pack("{s:s, s:I}", "mime_type", cover->mime_type, "bytes", (json_int_t)cover->bytes);
    if (cover->width > 0) {
        json_object_set_new(object, "width", json_integer(cover->width));
        json_object_set_new(object, "height", json_integer(cover->height));
    }
    return object;
}

static void add_notes(json_t *root, const struct probe *probe)
{
    if (probe->truncated)
        json_object_set_new(root, "truncated", json_true());
    if (probe->header_wrong)
        json_object_set_new(root, "header_wrong", json_true());
    if (probe->empty)
        json_object_set_new(root, "empty", json_true());
    if (probe->in->late)
        json_object_set_new(root, "scan_incomplete", json_true());
    if (probe->declared_us > 0)
        json_object_set_new(root, "declared_duration",
                            json_real((double)(probe->declared_us / 1000) / 1000));
}

static json_t *metadata_to_json(const struct probe *probe)
{
    static const char *const SOURCES[] = {
        [MEDIA_DECLARED] = "declared", [MEDIA_SCANNED] = "scanned", [MEDIA_DECODED] = "decoded"};
    json_t *root = json_object();

    json_object_set_new(root, "tags", tags_to_json(&probe->tags));
    json_object_set_new(root, "container", json_string(probe->facts.container));
    json_object_set_new(root, "duration_source",
                        json_string(SOURCES[probe->facts.duration_source]));
    if (probe->facts.bits_per_sample > 0)
        json_object_set_new(root, "bits_per_sample", json_integer(probe->facts.bits_per_sample));
    if (probe->chapter_count > 0)
        json_object_set_new(root, "chapters", chapters_to_json(probe));
    json_object_set_new(root, "cover", cover_to_json(&probe->cover));
    add_notes(root, probe);
    return root;
}

static const char *text_of(const json_t *root, struct arena *mem)
{
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
    const char *copy = text && strlen(text) <= METADATA_MAX_BYTES ? arena_strdup(mem, text) : NULL;

    free(text);
    return copy;
}

/* The later half of the chapters goes, then the tags. False when there is nothing left to leave
 * out. */
static bool leave_out_some(json_t *root)
{
    json_t *chapters = json_object_get(root, "chapters");
    size_t count = json_array_size(chapters);

    json_object_set_new(root, "metadata_cut", json_true());
    if (count == 0)
        return json_object_del(root, "tags") == 0;
    for (size_t i = count; i > count / 2; i--)
        json_array_remove(chapters, i - 1);
    return true;
}

const char *describe(const struct probe *probe)
{
    json_t *root = metadata_to_json(probe);
    const char *text;

    while (!(text = text_of(root, probe->mem)) && leave_out_some(root))
        ;
    json_decref(root);
    return text;
}
