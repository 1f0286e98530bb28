#include "service/cut_options.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define MAX_MS_MIN 1000
#define MAX_MS_MAX (24 * 3600 * 1000)
#define RATE_MIN 1000
#define RATE_MAX 384000
#define CHANNELS_MAX 8
#define BYTES_MIN 65536

static const char *const format_names[] = {[MEDIA_CUT_WAV] = "wav", [MEDIA_CUT_FLAC] = "flac"};
static const char *const boundary_names[] = {[MEDIA_FIXED] = "fixed", [MEDIA_SILENCE] = "silence"};

const char *cut_format_name(enum media_cut_format format)
{
    return format_names[format];
}

/* One of two words. */
static bool find_word(const char *text, const char *const words[2], int *out)
{
    for (int i = 0; text && i < 2; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

/* ---- of a job ---- */

static bool read_word(const json_t *value, const char *name, const char *const words[2], int *out,
                      struct error *err)
{
    if (find_word(json_string_value(value), words, out))
        return true;
    return error_tell(err, ERR_INVALID, "options: %s must be \"%s\" or \"%s\"", name, words[0],
                      words[1]);
}

/* A number from MIN to MAX; or "source", which is 0. */
static bool read_number(const json_t *value, const char *name, uint32_t min, uint32_t max,
                        uint32_t *out, struct error *err)
{
    json_int_t number = json_integer_value(value);

    if (json_is_string(value) && strcmp(json_string_value(value), "source") == 0) {
        *out = 0;
        return true;
    }
    if (!json_is_integer(value) || number < min || number > max)
        return error_tell(err, ERR_INVALID, "options: %s must be from %u to %u, or \"source\"",
                          name, min, max);
    *out = (uint32_t)number;
    return true;
}

static bool read_seconds(const json_t *value, const char *name, uint64_t min_ms, uint64_t max_ms,
                         uint64_t *out_ms, struct error *err)
{
    double ms = json_number_value(value) * 1000;

    if (!json_is_number(value) || !(ms >= (double)min_ms && ms <= (double)max_ms))
        return error_tell(err, ERR_INVALID, "options: %s must be from %g to %g seconds", name,
                          (double)min_ms / 1000, (double)max_ms / 1000);
    *out_ms = (uint64_t)llround(ms);
    return true;
}

static bool read_bytes(const json_t *value, uint64_t *out, struct error *err)
{
    json_int_t bytes = json_integer_value(value);

    if (!json_is_integer(value) || (bytes != 0 && bytes < BYTES_MIN))
        return error_tell(err, ERR_INVALID, "options: max_bytes must be at least %d, or 0",
                          BYTES_MIN);
    *out = (uint64_t)bytes;
    return true;
}

static bool read_member(const char *name, const json_t *value, struct media_cut *cut,
                        struct error *err)
{
    int word;

    if (strcmp(name, "format") == 0) {
        if (!read_word(value, name, format_names, &word, err))
            return false;
        cut->format = (enum media_cut_format)word;
        return true;
    }
    if (strcmp(name, "boundaries") == 0) {
        if (!read_word(value, name, boundary_names, &word, err))
            return false;
        cut->boundaries = (enum media_boundaries)word;
        return true;
    }
    if (strcmp(name, "sample_rate") == 0)
        return read_number(value, name, RATE_MIN, RATE_MAX, &cut->sample_rate_hz, err);
    if (strcmp(name, "channels") == 0)
        return read_number(value, name, 1, CHANNELS_MAX, &cut->channels, err);
    if (strcmp(name, "bits") == 0)
        return read_number(value, name, 16, 24, &cut->bits, err) &&
               (cut->bits % 8 == 0 ||
                error_tell(err, ERR_INVALID, "options: bits must be 16, 24 or \"source\""));
    if (strcmp(name, "max_duration") == 0)
        return read_seconds(value, name, MAX_MS_MIN, MAX_MS_MAX, &cut->max_ms, err);
    if (strcmp(name, "overlap") == 0)
        return read_seconds(value, name, 0, MAX_MS_MAX / 2, &cut->overlap_ms, err);
    if (strcmp(name, "max_bytes") == 0)
        return read_bytes(value, &cut->max_bytes, err);
    return error_tell(err, ERR_INVALID, "options: there is no %.40s", name);
}

static bool read_object(json_t *root, struct media_cut *cut, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(root))
        return error_tell(err, ERR_INVALID, "options: must be an object");
    json_object_foreach(root, name, value) if (!read_member(name, value, cut, err)) return false;
    return cut->overlap_ms <= cut->max_ms / 2 ||
           error_tell(err, ERR_INVALID, "options: overlap must be at most half of max_duration");
}

bool cut_options_read(const char *options, const struct media_cut *defaults, struct media_cut *out,
                      struct error *err)
{
    struct media_cut cut = *defaults;
    json_t *root = json_loads(options, JSON_REJECT_DUPLICATES, NULL);
    bool ok = read_object(root, &cut, err);

    json_decref(root);
    if (ok)
        *out = cut;
    return ok;
}

/* 0 stands for the file's own. */
static uint32_t capped(uint32_t wanted, uint32_t configured, uint32_t own)
{
    if (wanted <= configured || wanted <= own)
        return wanted;
    return configured > own ? configured : 0;
}

/* How many bits the file has is known where it is decoded: "source" are never more. */
void cut_options_cap(struct media_cut *cut, const struct media_cut *configured,
                     uint32_t sample_rate_hz, uint32_t channels)
{
    cut->sample_rate_hz = capped(cut->sample_rate_hz, configured->sample_rate_hz, sample_rate_hz);
    cut->channels = capped(cut->channels, configured->channels, channels);
    cut->bits = capped(cut->bits, configured->bits, 16);
}

/* ---- configured ---- */

static bool configured_word(const struct config *config, const char *key,
                            const char *const words[2], int *out, struct error *err)
{
    return find_word(config_text(config, "chunks", key), words, out) ||
           error_tell(err, ERR_INVALID, "chunks.%s: must be %s or %s", key, words[0], words[1]);
}

static bool configured_number(const struct config *config, const char *key, uint32_t min,
                              uint32_t max, uint32_t *out, struct error *err)
{
    const char *text = config_text(config, "chunks", key);
    uint64_t number = 0;

    if (!text || (strcmp(text, "source") != 0 &&
                  (!str_to_u64(str_from(text), max, &number) || number < min)))
        return error_tell(err, ERR_INVALID, "chunks.%s: must be from %u to %u, or source", key, min,
                          max);
    *out = (uint32_t)number;
    return true;
}

static bool configured_ceilings(const struct config *config, struct media_cut *cut,
                                struct error *err)
{
    cut->overlap_ms = config_number(config, "chunks", "overlap");
    cut->max_bytes = config_number(config, "chunks", "max_bytes");
    if (cut->overlap_ms > cut->max_ms / 2)
        return error_tell(err, ERR_INVALID,
                          "chunks.overlap: must be at most half of uploads.max_chunk_duration");
    return cut->max_bytes == 0 || (cut->max_bytes >= BYTES_MIN && cut->max_bytes <= INT64_MAX) ||
           error_tell(err, ERR_INVALID, "chunks.max_bytes: must be at least %d, or 0", BYTES_MIN);
}

bool cut_settings_read(const struct config *config, uint64_t max_ms, struct media_cut *out,
                       struct error *err)
{
    struct media_cut cut = {.max_ms = max_ms};
    int format, boundaries;

    if (!configured_word(config, "format", format_names, &format, err) ||
        !configured_word(config, "boundaries", boundary_names, &boundaries, err) ||
        !configured_number(config, "sample_rate", RATE_MIN, RATE_MAX, &cut.sample_rate_hz, err) ||
        !configured_number(config, "channels", 1, CHANNELS_MAX, &cut.channels, err) ||
        !configured_number(config, "bits", 16, 24, &cut.bits, err) ||
        !configured_ceilings(config, &cut, err))
        return false;
    if (cut.bits % 8 != 0)
        return error_tell(err, ERR_INVALID, "chunks.bits: must be 16, 24 or source");
    cut.format = (enum media_cut_format)format;
    cut.boundaries = (enum media_boundaries)boundaries;
    *out = cut;
    return true;
}

/* ---- as text ---- */

/* A number, or "source" for 0. */
static const char *number_text(uint32_t number, struct arena *mem)
{
    return number > 0 ? arena_printf(mem, "%u", number) : "\"source\"";
}

static const char *seconds_text(uint64_t ms, struct arena *mem)
{
    return arena_printf(mem, "%llu.%03llu", (unsigned long long)(ms / 1000),
                        (unsigned long long)(ms % 1000));
}

const char *cut_options_write(const struct media_cut *cut, struct arena *mem)
{
    return arena_printf(
        mem,
        "{\"format\":\"%s\",\"sample_rate\":%s,\"channels\":%s,\"bits\":%s,\"boundaries\":\"%s\","
        "\"max_duration\":%s,\"overlap\":%s,\"max_bytes\":%llu}",
        format_names[cut->format], number_text(cut->sample_rate_hz, mem),
        number_text(cut->channels, mem), number_text(cut->bits, mem),
        boundary_names[cut->boundaries], seconds_text(cut->max_ms, mem),
        seconds_text(cut->overlap_ms, mem), (unsigned long long)cut->max_bytes);
}
