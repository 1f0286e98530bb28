#include "service/analysis_options.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define ZOOM_MIN 16
#define ZOOM_MAX (1 << 24)
#define THRESHOLD_MIN_DB (-120)
#define SILENCE_MAX_S 3600

static bool read_zooms(const json_t *value, struct media_analysis *out, struct error *err)
{
    json_int_t before = 0;
    size_t count = json_array_size(value);

    memset(out->zooms, 0, sizeof out->zooms);
    if (!json_is_array(value) || count < 1 || count > MEDIA_ZOOMS_MAX)
        return error_tell(err, ERR_INVALID, "options: zooms must be 1 to %d numbers",
                          MEDIA_ZOOMS_MAX);
    for (size_t i = 0; i < count; i++) {
        json_int_t zoom = json_integer_value(json_array_get(value, i));

        if (zoom < ZOOM_MIN || zoom > ZOOM_MAX || zoom <= before || (i > 0 && zoom % before != 0))
            return error_tell(err, ERR_INVALID,
                              "options: zooms must be from %d to %d, each a multiple of the one "
                              "before",
                              ZOOM_MIN, ZOOM_MAX);
        before = zoom;
        out->zooms[i] = (uint32_t)zoom;
    }
    return true;
}

static bool read_bits(const json_t *value, struct media_analysis *out, struct error *err)
{
    json_int_t bits = json_integer_value(value);

    if (bits != 8 && bits != 16)
        return error_tell(err, ERR_INVALID, "options: waveform_bits must be 8 or 16");
    out->waveform_bits = (uint32_t)bits;
    return true;
}

static bool read_split(const json_t *value, struct media_analysis *out, struct error *err)
{
    out->waveform_split = json_is_true(value);
    return json_is_boolean(value) ||
           error_tell(err, ERR_INVALID, "options: waveform_split must be true or false");
}

static bool read_threshold(const json_t *value, struct media_analysis *out, struct error *err)
{
    out->silence_threshold_db = json_number_value(value);
    return (json_is_number(value) && out->silence_threshold_db >= THRESHOLD_MIN_DB &&
            out->silence_threshold_db < 0) ||
           error_tell(err, ERR_INVALID, "options: silence_threshold must be from %d to below 0",
                      THRESHOLD_MIN_DB);
}

static bool read_least(const json_t *value, struct media_analysis *out, struct error *err)
{
    double seconds = json_number_value(value);

    if (!json_is_number(value) || !(seconds >= 0.01 && seconds <= SILENCE_MAX_S))
        return error_tell(err, ERR_INVALID, "options: silence_min must be from 0.01 to %d seconds",
                          SILENCE_MAX_S);
    out->silence_least_ms = (uint64_t)llround(seconds * 1000);
    return true;
}

static bool read_member(const char *name, const json_t *value, struct media_analysis *out,
                        struct error *err)
{
    static const struct {
        const char *name;
        bool (*read)(const json_t *value, struct media_analysis *out, struct error *err);
    } members[] = {
        {"zooms", read_zooms},          {"waveform_bits", read_bits},
        {"waveform_split", read_split}, {"silence_threshold", read_threshold},
        {"silence_min", read_least},
    };

    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (strcmp(name, members[i].name) == 0)
            return members[i].read(value, out, err);
    return error_tell(err, ERR_INVALID, "options: there is no %.40s", name);
}

static bool read_object(json_t *root, struct media_analysis *out, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(root))
        return error_tell(err, ERR_INVALID, "options: must be an object");
    json_object_foreach(root, name, value) if (!read_member(name, value, out, err)) return false;
    return true;
}

bool analysis_options_read(const char *options, struct media_analysis *out, struct error *err)
{
    struct media_analysis analysis = MEDIA_ANALYSIS_DEFAULT;
    json_t *root = json_loads(options, JSON_REJECT_DUPLICATES, NULL);
    bool ok = read_object(root, &analysis, err);

    json_decref(root);
    if (ok)
        *out = analysis;
    return ok;
}
