/* Both makings of the loops over samples give what the plainest loop gives; and where cuts hurt
 * least. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/dsp.h"
#include "media/pause.h"

#define COUNT 4096

static float store[2][DSP_HISTORY + COUNT];

static float *noise(int channel)
{
    uint32_t state = 12345U + (uint32_t)channel;

    for (size_t i = 0; i < DSP_HISTORY + COUNT; i++) {
        state = state * 1664525U + 1013904223U;
        store[channel][i] = (float)(int32_t)state / 1.8e9F;
    }
    return store[channel] + DSP_HISTORY;
}

static void assert_near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-5 * (1 + fabs(wanted))))
        fail_msg("%.9g is not %.9g", got, wanted);
}

static void check_levels(const struct dsp *dsp, const float *x, size_t count)
{
    float peak, energy;
    double most = 0, sum = 0;

    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)x[i]));
        sum += (double)x[i] * (double)x[i];
    }
    dsp->levels(x, count, &peak, &energy);
    assert_near((double)peak, most);
    assert_near((double)energy, sum);
}

static long plain_s16(float x)
{
    double scaled = fmin(fmax((double)x * 32768, -32768), 32767);

    return lrint(scaled);
}

static void check_extremes(const struct dsp *dsp, const float *x, const float *y, size_t count)
{
    long low = 1L << 20, high = -(1L << 20), low_sum = 1L << 20, high_sum = -(1L << 20);
    int32_t min = INT32_MAX, max = INT32_MIN;

    for (size_t i = 0; i < count; i++) {
        long sample = plain_s16(x[i]);
        long sum = sample + plain_s16(y[i]);

        low = sample < low ? sample : low;
        high = sample > high ? sample : high;
        low_sum = sum < low_sum ? sum : low_sum;
        high_sum = sum > high_sum ? sum : high_sum;
    }
    dsp->extremes(x, count, &min, &max);
    assert_int_equal(min, low);
    assert_int_equal(max, high);
    min = INT32_MAX, max = INT32_MIN;
    dsp->extremes_of_two(x, y, count, &min, &max);
    assert_int_equal(min, low_sum);
    assert_int_equal(max, high_sum);
}

static void check_true_peak(const struct dsp *dsp, const float *x, size_t count)
{
    struct true_peak_filter filter = {.phases = 3};
    double most = 0;

    for (unsigned phase = 0; phase < 3; phase++)
        for (unsigned tap = 0; tap < TRUE_PEAK_TAPS; tap++)
            filter.taps[phase][tap] = (float)sin(1 + phase + 3 * tap);
    /* Short blocks look back: what was before them may be the peak. */
    for (ptrdiff_t i = count < 16 ? (ptrdiff_t)count - 16 : 0; i < (ptrdiff_t)count; i++)
        for (unsigned phase = 0; phase < 3; phase++) {
            double sum = 0;

            for (int tap = 0; tap < TRUE_PEAK_TAPS; tap++)
                sum += (double)filter.taps[phase][tap] * (double)x[i + tap - TRUE_PEAK_TAPS + 1];
            most = fmax(most, fabs(sum));
        }
    assert_near((double)dsp->true_peak(&filter, x, count), most);
}

static void check_weigh(const struct dsp *dsp, const float *x, const float *y, size_t count)
{
    const struct weighting weighting = {.b = {{1.5, -2.6, 1.1}, {1, -2, 1}},
                                        .a = {{-1.6, 0.7}, {-1.9, 0.91}}};
    struct weighting_state state = {0};
    double energy[2] = {1, 2};
    double wanted[2] = {1, 2};
    const float *in[2] = {x, y};

    for (int channel = 0; channel < 2; channel++) {
        double x1 = 0, x2 = 0, m1 = 0, m2 = 0, y1 = 0, y2 = 0;

        for (size_t i = 0; i < count; i++) {
            double x0 = (double)in[channel][i];
            double m0 = 1.5 * x0 - 2.6 * x1 + 1.1 * x2 + 1.6 * m1 - 0.7 * m2;
            double y0 = m0 - 2 * m1 + m2 + 1.9 * y1 - 0.91 * y2;

            wanted[channel] += y0 * y0;
            x2 = x1, x1 = x0, m2 = m1, m1 = m0, y2 = y1, y1 = y0;
        }
    }
    dsp->weigh(&weighting, &state, x, y, count / 2, energy);
    dsp->weigh(&weighting, &state, x + count / 2, y + count / 2, count - count / 2, energy);
    assert_near(energy[0], wanted[0]);
    assert_near(energy[1], wanted[1]);
}

static void check_finite(const struct dsp *dsp, const float *x)
{
    float odd[37];
    float out[37];

    memcpy(odd, x, sizeof odd);
    odd[3] = NAN;
    odd[20] = -INFINITY;
    odd[36] = INFINITY;
    dsp->finite(odd, 37, out);
    for (size_t i = 0; i < 37; i++)
        assert_true(out[i] == (isfinite(odd[i]) ? odd[i] : 0));
}

static void check(const struct dsp *dsp)
{
    static const size_t COUNTS[] = {1, 2, 7, 8, 15, 16, 17, 31, 33, 128, 256, 1000, COUNT};
    const float *x = noise(0);
    const float *y = noise(1);

    check_finite(dsp, x);
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        check_levels(dsp, x, COUNTS[i]);
        check_extremes(dsp, x, y, COUNTS[i]);
        check_true_peak(dsp, x, COUNTS[i]);
        check_weigh(dsp, x, y, COUNTS[i]);
    }
}

static void the_plain_making_is_right(void **state)
{
    (void)state;
    check(&dsp_plain);
}

static void the_best_making_is_right(void **state)
{
    (void)state;
    check(dsp_best());
}

static void samples_are_rounded_and_limited(void **state)
{
    static const struct {
        float x;
        int32_t sample;
    } CASES[] = {{0, 0},        {1, 32767},         {-1, -32768},        {2, 32767},
                 {-9, -32768},  {0.5F / 32768, 0},  {1.5F / 32768, 2},   {2.5F / 32768, 2},
                 {1e-30F, 0},   {-0.5F / 32768, 0}, {-1.5F / 32768, -2}, {0.25F, 8192},
                 {1e30F, 32767}};

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(dsp_to_s16(CASES[i].x), CASES[i].sample);
}

/* COUNT stretches at LOUD, but for those from FROM to END, which are at QUIET. */
static void plan(double *energy, size_t count, double loud, size_t from, size_t end, double quiet)
{
    for (size_t i = 0; i < count; i++)
        energy[i] = i >= from && i < end ? quiet : loud * (1 + 0.2 * sin((double)i));
}

static void the_longest_quiet_pause_is_found(void **state)
{
    double energy[3000];

    (void)state;
    plan(energy, 3000, 0.01, 700, 740, 1e-9);
    assert_int_equal(pause_find(energy, 3000), 720);
    /* A shorter one that is a little quieter, nearer to the middle: the gap within a word. */
    for (size_t i = 1500; i < 1507; i++)
        energy[i] = 0;
    assert_int_equal(pause_find(energy, 3000), 720);
    /* Two that are equal: the one nearer to the middle. */
    for (size_t i = 1800; i < 1840; i++)
        energy[i] = 1e-9;
    assert_int_equal(pause_find(energy, 3000), 1820);
}

static void without_a_pause_it_is_the_middle(void **state)
{
    double energy[3000];

    (void)state;
    plan(energy, 3000, 0.01, 0, 3000, 0);
    assert_int_equal(pause_find(energy, 3000), 1500);
    plan(energy, 3000, 0.01, 0, 0, 0);
    assert_in_range(pause_find(energy, 3000), 1400, 1600);
    assert_int_equal(pause_find(energy, 4), 2);
    assert_int_equal(pause_find(energy, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_making_is_right),
        cmocka_unit_test(the_best_making_is_right),
        cmocka_unit_test(samples_are_rounded_and_limited),
        cmocka_unit_test(the_longest_quiet_pause_is_found),
        cmocka_unit_test(without_a_pause_it_is_the_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
