#include "media/loudness.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define FLOOR_LUFS (-70.0)
#define BINS_PER_LU 100
#define MOMENTARY_STEPS 4

static const double PI = 3.14159265358979323846;

/* The two filters of BS.1770 for any rate: the analog ones of which the tables for 48 kHz were
 * made. */
static void weighting_make(struct weighting *out, double rate)
{
    const double shelf = tan(PI * 1681.974450955533 / rate);
    const double shelf_q = 0.7071752369554196;
    const double high = pow(10, 3.999843853973347 / 20);
    const double band = pow(high, 0.4996667741545416);
    const double shelf_a0 = 1 + shelf / shelf_q + shelf * shelf;
    const double pass = tan(PI * 38.13547087602444 / rate);
    const double pass_q = 0.5003270373238773;
    const double pass_a0 = 1 + pass / pass_q + pass * pass;

    *out = (struct weighting){
        .b = {{(high + band * shelf / shelf_q + shelf * shelf) / shelf_a0,
               2 * (shelf * shelf - high) / shelf_a0,
               (high - band * shelf / shelf_q + shelf * shelf) / shelf_a0},
              {1, -2, 1}},
        .a = {{2 * (shelf * shelf - 1) / shelf_a0,
               (1 - shelf / shelf_q + shelf * shelf) / shelf_a0},
              {2 * (pass * pass - 1) / pass_a0, (1 - pass / pass_q + pass * pass) / pass_a0}},
    };
}

/* A windowed sinc, cut into its phases (BS.1770-4 annex 2). Rates that are high enough need less.
 */
static void filter_make(struct true_peak_filter *out, int rate)
{
    unsigned factor = rate < 96000 ? 4 : rate < 192000 ? 2 : 1;

    *out = (struct true_peak_filter){.phases = factor - 1};
    for (unsigned phase = 0; phase < out->phases; phase++) {
        double gain = 0;
        double sum = 0;
        double taps[TRUE_PEAK_TAPS];

        for (unsigned tap = 0; tap < TRUE_PEAK_TAPS; tap++) {
            /* From the wanted place, TAPS / 2 samples lie to each side. */
            double x = (double)tap - (TRUE_PEAK_TAPS / 2 - 1) - (phase + 1.0) / factor;
            double window = 0.5 + 0.5 * cos(PI * x / (TRUE_PEAK_TAPS / 2));

            taps[tap] = sin(PI * x) / (PI * x) * window;
            sum += taps[tap];
        }
        for (unsigned tap = 0; tap < TRUE_PEAK_TAPS; tap++) {
            out->taps[phase][tap] = (float)(taps[tap] / sum);
            gain += fabs(taps[tap] / sum);
        }
        out->gain = fmaxf(out->gain, (float)gain);
    }
}

/* Low frequency effects do not count, what comes from behind counts more (BS.1770-4 table 3). */
static double weight_of(enum AVChannel channel)
{
    switch (channel) {
    case AV_CHAN_LOW_FREQUENCY:
    case AV_CHAN_LOW_FREQUENCY_2:
        return 0;
    case AV_CHAN_SIDE_LEFT:
    case AV_CHAN_SIDE_RIGHT:
    case AV_CHAN_BACK_LEFT:
    case AV_CHAN_BACK_RIGHT:
        return 1.41;
    default:
        return 1;
    }
}

static void begin(struct loudness *loudness, const struct slice *slice)
{
    loudness->channels = slice->channels < LOUDNESS_CHANNELS ? slice->channels : LOUDNESS_CHANNELS;
    weighting_make(&loudness->weighting, slice->sample_rate_hz);
    filter_make(&loudness->filter, slice->sample_rate_hz);
    memset(loudness->state, 0, sizeof loudness->state);
    memset(loudness->energy, 0, sizeof loudness->energy);
    memset(loudness->weight, 0, sizeof loudness->weight);
    for (size_t i = 0; i < loudness->channels; i++)
        loudness->weight[i] =
            weight_of(slice->av->av_channel_layout_channel_from_index(&slice->layout, (unsigned)i));
    loudness->step_samples = ((size_t)slice->sample_rate_hz + 5) / 10;
    loudness->step_filled = 0;
    loudness->last_count = slice->channels;
    loudness->last_peaks =
        realloc(loudness->last_peaks, slice->channels * sizeof *loudness->last_peaks);
    assert(loudness->last_peaks);
    memset(loudness->last_peaks, 0, slice->channels * sizeof *loudness->last_peaks);
}

static double to_lufs(double mean_square)
{
    return mean_square > 0 ? -0.691 + 10 * log10(mean_square) : -HUGE_VAL;
}

static void count_block(struct loudness_histogram *histogram, double mean_square)
{
    double lufs = to_lufs(mean_square);
    size_t bin;

    if (lufs < FLOOR_LUFS)
        return;
    bin = (size_t)((lufs - FLOOR_LUFS) * BINS_PER_LU);
    if (bin >= LOUDNESS_BINS)
        bin = LOUDNESS_BINS - 1;
    histogram->blocks++;
    histogram->count[bin]++;
    histogram->energy[bin] += mean_square;
}

static void end_block(struct loudness_histogram *histogram, double mean_square, double *max)
{
    count_block(histogram, mean_square);
    *max = fmax(*max, mean_square);
}

static double mean_of_last(const struct loudness *loudness, unsigned steps)
{
    double sum = 0;

    for (unsigned i = 0; i < steps; i++)
        sum += loudness->steps[(loudness->step_count - 1 - i) % LOUDNESS_STEPS];
    return sum / steps;
}

static void step_end(struct loudness *loudness)
{
    double sum = 0;

    for (size_t i = 0; i < loudness->channels; i++)
        sum += loudness->weight[i] * loudness->energy[i];
    loudness->steps[loudness->step_count++ % LOUDNESS_STEPS] = sum / (double)loudness->step_samples;
    memset(loudness->energy, 0, sizeof loudness->energy);
    loudness->step_filled = 0;
    if (loudness->step_count >= MOMENTARY_STEPS)
        end_block(&loudness->momentary, mean_of_last(loudness, MOMENTARY_STEPS),
                  &loudness->max_momentary);
    if (loudness->step_count >= LOUDNESS_STEPS)
        end_block(&loudness->short_term, mean_of_last(loudness, LOUDNESS_STEPS),
                  &loudness->max_short_term);
}

static void weigh(struct loudness *loudness, const struct slice *slice)
{
    for (size_t at = 0; at < slice->count;) {
        size_t left = slice->count - at;
        size_t count = loudness->step_samples - loudness->step_filled;

        count = count < left ? count : left;
        for (size_t i = 0; i < loudness->channels; i += 2) {
            size_t other = i + 1 < loudness->channels ? i + 1 : i;

            slice->dsp->weigh(&loudness->weighting, &loudness->state[i / 2],
                              slice_plane(slice, i) + at, slice_plane(slice, other) + at, count,
                              &loudness->energy[i]);
        }
        loudness->step_filled += count;
        at += count;
        if (loudness->step_filled == loudness->step_samples)
            step_end(loudness);
    }
}

/* A block that cannot exceed what was found, whatever lies between its samples, is not looked at.
 */
static void peaks_of_channel(struct loudness *loudness, const struct slice *slice, size_t channel)
{
    const struct slice_levels *levels = &slice->levels[channel];
    float before = loudness->last_peaks[channel];

    for (size_t block = 0; block < slice_blocks(slice); block++) {
        float peak = levels->peaks[block];
        float around = peak > before ? peak : before;

        before = peak;
        if (peak > loudness->sample_peak)
            loudness->sample_peak = peak;
        if (loudness->filter.phases == 0 || around * loudness->filter.gain <= loudness->true_peak)
            continue;
        loudness->true_peak =
            fmaxf(loudness->true_peak,
                  slice->dsp->true_peak(&loudness->filter,
                                        slice_plane(slice, channel) + block * SLICE_BLOCK,
                                        slice_block_samples(slice, block)));
    }
    /* A short last block does not tell what came before it within the filter's reach. */
    loudness->last_peaks[channel] =
        slice_block_samples(slice, slice_blocks(slice) - 1) >= DSP_HISTORY ? before : 1e6F;
}

void loudness_add(struct loudness *loudness, const struct slice *slice)
{
    if (slice->changed)
        begin(loudness, slice);
    if (loudness->step_samples > 0)
        weigh(loudness, slice);
    for (size_t channel = 0; channel < slice->channels; channel++)
        peaks_of_channel(loudness, slice, channel);
}

/* The mean of all blocks that are loud enough, and again of those less than GATE below that. */
static double gate_of(const struct loudness_histogram *histogram, double gate)
{
    double sum = 0;

    for (size_t bin = 0; bin < LOUDNESS_BINS; bin++)
        sum += histogram->energy[bin];
    return to_lufs(sum / (double)histogram->blocks) + gate;
}

static size_t bin_of(double lufs)
{
    double bin = (lufs - FLOOR_LUFS) * BINS_PER_LU;

    return bin <= 0 ? 0 : bin >= LOUDNESS_BINS ? LOUDNESS_BINS : (size_t)bin;
}

static double integrated(const struct loudness_histogram *histogram)
{
    double sum = 0;
    uint64_t count = 0;

    if (histogram->blocks == 0)
        return -HUGE_VAL;
    for (size_t bin = bin_of(gate_of(histogram, -10)); bin < LOUDNESS_BINS; bin++) {
        sum += histogram->energy[bin];
        count += histogram->count[bin];
    }
    return count > 0 ? to_lufs(sum / (double)count) : -HUGE_VAL;
}

static double percentile(const struct loudness_histogram *histogram, size_t from, double share,
                         uint64_t total)
{
    uint64_t wanted = (uint64_t)((double)(total - 1) * share + 0.5);
    uint64_t seen = 0;

    for (size_t bin = from; bin < LOUDNESS_BINS; bin++) {
        seen += histogram->count[bin];
        if (seen > wanted)
            return FLOOR_LUFS + ((double)bin + 0.5) / BINS_PER_LU;
    }
    return FLOOR_LUFS;
}

static double range(const struct loudness_histogram *histogram)
{
    uint64_t total = 0;
    size_t from;

    if (histogram->blocks == 0)
        return -HUGE_VAL;
    from = bin_of(gate_of(histogram, -20));
    for (size_t bin = from; bin < LOUDNESS_BINS; bin++)
        total += histogram->count[bin];
    if (total == 0)
        return -HUGE_VAL;
    return percentile(histogram, from, 0.95, total) - percentile(histogram, from, 0.10, total);
}

static double to_db(float magnitude)
{
    return magnitude > 0 ? 20 * log10((double)magnitude) : -HUGE_VAL;
}

void loudness_finish(const struct loudness *loudness, struct loudness_result *out)
{
    *out = (struct loudness_result){
        .integrated_lufs = integrated(&loudness->momentary),
        .range_lu = range(&loudness->short_term),
        .true_peak_dbtp = to_db(fmaxf(loudness->true_peak, loudness->sample_peak)),
        .sample_peak_db = to_db(loudness->sample_peak),
        .max_momentary_lufs = to_lufs(loudness->max_momentary),
        .max_short_term_lufs = to_lufs(loudness->max_short_term),
    };
}

void loudness_done(struct loudness *loudness)
{
    free(loudness->last_peaks);
}
