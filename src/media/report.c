#include "media/report.h"

#include <jansson.h>
#include <math.h>

#define SILENT_PEAK 2.5e-4F /* -72 dB: dither is silence too */
#define DIGITS JSON_REAL_PRECISION(12)

static json_t *rounded(double value, double step)
{
    return isfinite(value) ? json_real(round(value / step) * step) : json_null();
}

static json_t *seconds(double s)
{
    return rounded(s, 1e-6);
}

static json_t *decibels(double magnitude)
{
    return magnitude > 0 ? rounded(20 * log10(magnitude), 0.01) : json_null();
}

/* The summary of an MP3 counts frames; whether its own among them, encoders do not agree. */
#define COUNT_SLACK 1

static bool is_counted(const struct report *report)
{
    return report->decode->packets.frames_declared > 0;
}

/* What the header or positions in the file promise, 0 if nothing: they were right, or found to be
 * wrong. */
static double declared_s(const struct report *report)
{
    const struct packets *packets = &report->decode->packets;
    const struct probe *probe = report->probe;

    if (is_counted(report))
        return (double)packets->samples_declared / probe->first_frame.sample_rate_hz;
    if (probe->declared_us > 0)
        return (double)probe->declared_us / 1e6;
    if (probe->positions_us > 0)
        return (double)probe->positions_us / 1e6;
    return probe->facts.duration_source == MEDIA_DECLARED ? (double)probe->duration_us / 1e6 : 0;
}

/* Positions count samples, headers are rough. */
static double slack_s(const struct probe *probe, double declared)
{
    return probe->declared_us <= 0 && probe->positions_us > 0 ? 0.1 : 0.25 + declared / 200;
}

static double lost_s(const struct report *report)
{
    int rate = report->truth->first_rate_hz > 0 ? report->truth->first_rate_hz
                                                : report->probe->facts.sample_rate_hz;

    return rate > 0 ? (double)report->decode->lost_samples / rate : 0;
}

/* Of frames that are missing nobody knows where they were, unless there is damage. */
static double uncounted_s(const struct report *report)
{
    const struct packets *packets = &report->decode->packets;
    const struct frame_header *frame = &report->probe->first_frame;

    if (packets->frames_declared <= packets->frames + COUNT_SLACK || !packets->lacks_bytes ||
        report->decode->spans_seen > 0)
        return 0;
    return (double)(packets->frames_declared - packets->frames) * frame->samples /
           frame->sample_rate_hz;
}

static double missing_s(const struct report *report)
{
    double declared = declared_s(report);
    double missing = declared - report->seconds - lost_s(report);

    if (is_counted(report))
        return uncounted_s(report);
    return missing > slack_s(report->probe, declared) ? missing : 0;
}

/* A span at the very end: the last frame is not whole. */
static bool ends_in_damage(const struct decode *decode)
{
    const struct span *last;

    if (decode->span_count == 0 || decode->spans_seen > decode->span_count)
        return false;
    last = &decode->spans[decode->span_count - 1];
    return last->at + last->flawed == decode->decoded;
}

/* Bytes that its header promises and that are not there: if packets are missing in the middle, and
 * the last has the time that it should have, they are the bytes of those. */
static bool lacks_its_end(const struct report *report)
{
    const struct probe *probe = report->probe;

    return probe->truncated && !(probe->ends_on_time && report->decode->lost_samples > 0);
}

static bool is_truncated(const struct report *report)
{
    return lacks_its_end(report) || report->decode->packets.cut || ends_in_damage(report->decode) ||
           missing_s(report) > 0;
}

static uint64_t lost_bytes(const struct decode *decode)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < decode->span_count; i++)
        sum += decode->spans[i].bytes;
    return sum;
}

static bool is_corrupt(const struct report *report)
{
    const struct probe *probe = report->probe;

    if (report->samples == 0)
        return !probe->empty || is_truncated(report);
    return report->decode->lost_samples / 19 > report->samples ||
           lost_bytes(report->decode) / 19 > (probe->end - probe->start) / 20;
}

enum media_verdict report_verdict(const struct report *report)
{
    uint64_t inside = report->decode->spans_seen - ends_in_damage(report->decode);

    if (is_corrupt(report))
        return MEDIA_CORRUPT;
    if (inside > 0)
        return MEDIA_DAMAGED;
    return is_truncated(report) ? MEDIA_TRUNCATED : MEDIA_WHOLE;
}

static bool is_as_declared(const struct report *report)
{
    const struct packets *packets = &report->decode->packets;
    double declared = declared_s(report);

    if (is_counted(report))
        return packets->frames <= packets->frames_declared + COUNT_SLACK &&
               packets->frames_declared <= packets->frames + COUNT_SLACK;
    return declared <= 0 || fabs(declared - report->seconds) <= slack_s(report->probe, declared);
}

static json_t *declared_json(const struct report *report)
{
    const struct media_facts *facts = &report->probe->facts;
    double declared = declared_s(report);
    json_t *object = json_object();

    json_object_set_new(object, "duration", declared > 0 ? seconds(declared) : json_null());
    json_object_set_new(object, "sample_rate", json_integer(facts->sample_rate_hz));
    json_object_set_new(object, "channels", json_integer(facts->channels));
    json_object_set_new(object, "duration_matches", json_boolean(is_as_declared(report)));
    return object;
}

static json_t *damage_json(const struct report *report)
{
    const struct decode *decode = report->decode;
    double rate = report->truth->first_rate_hz;
    json_t *list = json_array();

    for (size_t i = 0; i < decode->span_count && rate > 0; i++) {
        const struct span *span = &decode->spans[i];
        json_t *object = json_object();

        json_object_set_new(object, "start", seconds((double)span->at / rate));
        json_object_set_new(object, "end",
                            seconds((double)(span->at + span->flawed + span->samples) / rate));
        json_object_set_new(object, "start_sample", json_integer((json_int_t)span->at));
        json_object_set_new(object, "samples", json_integer((json_int_t)span->samples));
        json_object_set_new(object, "bytes", json_integer((json_int_t)span->bytes));
        json_object_set_new(object, "reason", json_string(span->reason));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *clipping_json(const struct truth *truth)
{
    json_t *list = json_array();
    uint64_t samples = 0, runs = 0, longest = 0;

    for (size_t i = 0; i < truth->channels; i++) {
        const struct channel_truth *channel = &truth->of[i];

        samples += channel->clipped;
        runs += channel->clipped_runs;
        longest = channel->longest_run > longest ? channel->longest_run : longest;
        longest = channel->run > longest ? channel->run : longest;
        json_array_append_new(list, json_pack("{s:I, s:I}", "samples", (json_int_t)channel->clipped,
                                              "runs", (json_int_t)channel->clipped_runs));
    }
    return json_pack("{s:I, s:I, s:I, s:o}", "samples", (json_int_t)samples, "runs",
                     (json_int_t)runs, "longest_run", (json_int_t)longest, "per_channel", list);
}

static void add_levels(json_t *root, const struct truth *truth)
{
    json_t *levels = json_array();
    json_t *silent = json_array();
    double energy = 0, peak = 0;

    for (size_t i = 0; i < truth->channels; i++) {
        const struct channel_truth *channel = &truth->of[i];
        double rms = sqrt(channel->energy / (double)truth->samples);
        bool is_silent = channel->peak < SILENT_PEAK;

        energy += channel->energy;
        peak = fmax(peak, (double)channel->peak);
        json_array_append_new(levels, json_pack("{s:o, s:o, s:b}", "peak_db",
                                                decibels((double)channel->peak), "rms_db",
                                                decibels(rms), "silent", is_silent));
        if (is_silent)
            json_array_append_new(silent, json_integer((json_int_t)i));
    }
    json_object_set_new(root, "peak_db", decibels(peak));
    json_object_set_new(root, "rms_db",
                        truth->samples > 0 ? decibels(sqrt(energy / (double)truth->samples /
                                                           (double)truth->channels))
                                           : json_null());
    json_object_set_new(root, "levels", levels);
    json_object_set_new(root, "silent_channels", silent);
}

static json_t *changes_json(const struct truth *truth)
{
    json_t *list = json_array();

    for (size_t i = 0; i < truth->changes; i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:i, s:i}", "at", seconds(truth->change[i].at_s),
                                        "sample_rate", truth->change[i].sample_rate_hz, "channels",
                                        (int)truth->change[i].channels));
    return list;
}

static const char *text_of(json_t *root, struct arena *mem)
{
    char *text = json_dumps(root, JSON_COMPACT | DIGITS);
    const char *copy = text ? arena_strdup(mem, text) : NULL;

    json_decref(root);
    free(text);
    return copy;
}

const char *report_text(const struct report *report, struct arena *mem)
{
    static const char *const VERDICTS[] = {[MEDIA_WHOLE] = "whole",
                                           [MEDIA_TRUNCATED] = "truncated",
                                           [MEDIA_DAMAGED] = "damaged",
                                           [MEDIA_CORRUPT] = "corrupt"};
    const struct truth *truth = report->truth;
    json_t *root = json_object();

    json_object_set_new(root, "verdict", json_string(VERDICTS[report_verdict(report)]));
    json_object_set_new(root, "samples", json_integer((json_int_t)report->samples));
    json_object_set_new(root, "sample_rate", json_integer(truth->first_rate_hz));
    json_object_set_new(root, "channels", json_integer((json_int_t)truth->first_channels));
    json_object_set_new(root, "duration", seconds(report->seconds));
    json_object_set_new(root, "declared", declared_json(report));
    json_object_set_new(root, "truncated", json_boolean(is_truncated(report)));
    if (missing_s(report) > 0)
        json_object_set_new(root, "truncated_by", seconds(missing_s(report)));
    json_object_set_new(root, "damage", damage_json(report));
    json_object_set_new(root, "damage_spans", json_integer((json_int_t)report->decode->spans_seen));
    json_object_set_new(root, "clipping", clipping_json(truth));
    add_levels(root, truth);
    json_object_set_new(root, "format_changes", changes_json(truth));
    return text_of(root, mem);
}

static json_t *loudness_json(const struct loudness *loudness)
{
    struct loudness_result result;

    loudness_finish(loudness, &result);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "integrated_lufs",
                     rounded(result.integrated_lufs, 0.01), "range_lu",
                     rounded(result.range_lu, 0.01), "true_peak_dbtp",
                     rounded(result.true_peak_dbtp, 0.01), "sample_peak_db",
                     rounded(result.sample_peak_db, 0.01), "max_momentary_lufs",
                     rounded(result.max_momentary_lufs, 0.01), "max_short_term_lufs",
                     rounded(result.max_short_term_lufs, 0.01));
}

static json_t *silence_json(const struct silence *silence)
{
    json_t *list = json_array();

    for (size_t i = 0; i < silence->count; i++)
        json_array_append_new(list, json_pack("{s:o, s:o}", "start",
                                              seconds(silence->stretches[i].start_s), "end",
                                              seconds(silence->stretches[i].end_s)));
    return list;
}

static json_t *waveforms_json(const struct waveform *waveform)
{
    json_t *list = json_array();

    for (size_t i = 0; i < waveform->zooms; i++)
        json_array_append_new(list,
                              json_pack("{s:I, s:I, s:i, s:i}", "samples_per_pixel",
                                        (json_int_t)waveform->zoom[i].samples_per_pixel, "length",
                                        (json_int_t)waveform->zoom[i].length, "bits",
                                        (int)waveform->bits, "channels", (int)waveform->channels));
    return list;
}

const char *analysis_text(const struct analysis *analysis, struct arena *mem)
{
    json_t *root = json_object();

    json_object_set_new(root, "loudness", loudness_json(analysis->loudness));
    json_object_set_new(root, "silence", silence_json(analysis->silence));
    json_object_set_new(root, "silence_spans", json_integer((json_int_t)analysis->silence->seen));
    json_object_set_new(root, "silence_total", seconds(analysis->silence->total_s));
    json_object_set_new(root, "fingerprint",
                        analysis->fingerprint
                            ? json_pack("{s:s, s:s, s:i}", "algorithm", "chromaprint", "text",
                                        analysis->fingerprint, "duration", (int)analysis->seconds)
                            : json_null());
    json_object_set_new(root, "waveforms", waveforms_json(analysis->waveform));
    return text_of(root, mem);
}
