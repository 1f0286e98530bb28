/* Compiled once for each making: DSP_MAKING is its name (meson.build). */
#include "media/dsp.h"

/* By their bits: as numbers the compiler may take them all for finite here. */
static void finite_only(const float *x, size_t count, float *out)
{
    const uint32_t exponent = 0x7f800000;

    for (size_t i = 0; i < count; i++) {
        union {
            float number;
            uint32_t bits;
        } value = {x[i]};

        value.bits = (value.bits & exponent) == exponent ? 0 : value.bits;
        out[i] = value.number;
    }
}

static void levels(const float *x, size_t count, float *peak, float *energy)
{
    float most = 0;
    float sum = 0;

    for (size_t i = 0; i < count; i++) {
        float magnitude = __builtin_fabsf(x[i]);

        most = magnitude > most ? magnitude : most;
        sum += x[i] * x[i];
    }
    *peak = most;
    *energy = sum;
}

static void extremes(const float *x, size_t count, int32_t *min, int32_t *max)
{
    int32_t low = *min;
    int32_t high = *max;

    for (size_t i = 0; i < count; i++) {
        int32_t sample = dsp_to_s16(x[i]);

        low = sample < low ? sample : low;
        high = sample > high ? sample : high;
    }
    *min = low;
    *max = high;
}

static void extremes_of_two(const float *x, const float *y, size_t count, int32_t *min,
                            int32_t *max)
{
    int32_t low = *min;
    int32_t high = *max;

    for (size_t i = 0; i < count; i++) {
        int32_t sample = dsp_to_s16(x[i]) + dsp_to_s16(y[i]);

        low = sample < low ? sample : low;
        high = sample > high ? sample : high;
    }
    *min = low;
    *max = high;
}

/* Many results side by side: each tap is one load for all phases. */
#define LANES 16

static float true_peak(const struct true_peak_filter *filter, const float *x, size_t count)
{
    float most = 0;

    for (size_t at = 0; at < count; at += LANES) {
        /* The last run reaches back over samples that were looked at before. */
        ptrdiff_t first = at + LANES <= count ? (ptrdiff_t)at : (ptrdiff_t)count - LANES;
        const float *from = x + first - (TRUE_PEAK_TAPS - 1);

        for (unsigned phase = 0; phase < filter->phases; phase++) {
            float sums[LANES] = {0};

            for (unsigned tap = 0; tap < TRUE_PEAK_TAPS; tap++)
                for (unsigned lane = 0; lane < LANES; lane++)
                    sums[lane] += filter->taps[phase][tap] * from[tap + lane];
            for (unsigned lane = 0; lane < LANES; lane++) {
                float magnitude = __builtin_fabsf(sums[lane]);

                most = magnitude > most ? magnitude : most;
            }
        }
    }
    return most;
}

typedef double pair __attribute__((vector_size(16)));

static pair pair_of(const double values[2])
{
    return (pair){values[0], values[1]};
}

static pair twice(double value)
{
    return (pair){value, value};
}

static void weigh(const struct weighting *weighting, struct weighting_state *state, const float *x,
                  const float *y, size_t count, double energy[2])
{
    const pair b00 = twice(weighting->b[0][0]), b01 = twice(weighting->b[0][1]);
    const pair b02 = twice(weighting->b[0][2]), b10 = twice(weighting->b[1][0]);
    const pair b11 = twice(weighting->b[1][1]), b12 = twice(weighting->b[1][2]);
    const pair a00 = twice(weighting->a[0][0]), a01 = twice(weighting->a[0][1]);
    const pair a10 = twice(weighting->a[1][0]), a11 = twice(weighting->a[1][1]);
    pair s00 = pair_of(state->s[0][0]), s01 = pair_of(state->s[0][1]);
    pair s10 = pair_of(state->s[1][0]), s11 = pair_of(state->s[1][1]);
    pair sum = {0, 0};

    for (size_t i = 0; i < count; i++) {
        pair in = {(double)x[i], (double)y[i]};
        pair middle = b00 * in + s00;
        pair out;

        s00 = (b01 * in + s01) - a00 * middle;
        s01 = b02 * in - a01 * middle;
        out = b10 * middle + s10;
        s10 = (b11 * middle + s11) - a10 * out;
        s11 = b12 * middle - a11 * out;
        sum += out * out;
    }
    for (int channel = 0; channel < 2; channel++) {
        state->s[0][0][channel] = s00[channel];
        state->s[0][1][channel] = s01[channel];
        state->s[1][0][channel] = s10[channel];
        state->s[1][1][channel] = s11[channel];
        energy[channel] += sum[channel];
    }
}

const struct dsp DSP_MAKING = {.finite = finite_only,
                               .levels = levels,
                               .extremes = extremes,
                               .extremes_of_two = extremes_of_two,
                               .true_peak = true_peak,
                               .weigh = weigh};
