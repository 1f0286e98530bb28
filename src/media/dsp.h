/*
 * The loops that touch every sample, written plainly for the compiler to vectorize, and compiled
 * twice: for any processor, and for those with AVX2 and FMA. Both give the same but for rounding.
 *
 * No value is NaN or infinite once it has come through FINITE.
 */
#ifndef MEDIA_DSP_H
#define MEDIA_DSP_H

#include <stddef.h>
#include <stdint.h>

#define TRUE_PEAK_TAPS 12
#define TRUE_PEAK_PHASES_MAX 3
#define DSP_HISTORY 32

/* Between two samples lie PHASES more, each made of the TRUE_PEAK_TAPS samples around it. */
struct true_peak_filter {
    unsigned phases;
    float gain; /* by which a result may exceed the largest sample that it is made of */
    float taps[TRUE_PEAK_PHASES_MAX][TRUE_PEAK_TAPS];
};

/* Two second-order sections (transposed direct form II) over two channels at once. */
struct weighting {
    double b[2][3];
    double a[2][2];
};
struct weighting_state {
    double s[2][2][2]; /* of each section, register and channel */
};

struct dsp {
    /* Copies COUNT values; what no file should hold becomes silence. */
    void (*finite)(const float *x, size_t count, float *out);

    /* The largest magnitude, and the sum of squares, of COUNT samples. */
    void (*levels)(const float *x, size_t count, float *peak, float *energy);

    /* Least and greatest of COUNT samples as 16-bit integers, widening MIN and MAX. */
    void (*extremes)(const float *x, size_t count, int32_t *min, int32_t *max);
    /* The same of the sum of two channels. */
    void (*extremes_of_two)(const float *x, const float *y, size_t count, int32_t *min,
                            int32_t *max);

    /* The largest magnitude between samples: X has DSP_HISTORY more before it. */
    float (*true_peak)(const struct true_peak_filter *filter, const float *x, size_t count);

    /* Filters X and Y, and adds the squares of what comes out to ENERGY. */
    void (*weigh)(const struct weighting *weighting, struct weighting_state *state, const float *x,
                  const float *y, size_t count, double energy[2]);
};

/* The makings: of any processor, and of one with AVX2 and FMA. */
extern const struct dsp dsp_plain;
#ifdef __x86_64__
extern const struct dsp dsp_avx2;
#endif

/* The fastest that this processor runs. */
const struct dsp *dsp_best(void);

/* Numbers too small to matter count as nothing on this thread: filters that ring out would slow
 * down a hundredfold otherwise. */
void dsp_flush_tiny_numbers(void);

/* A float as a 16-bit sample: rounded to even, limited. */
static inline int32_t dsp_to_s16(float x)
{
    union {
        float number;
        int32_t bits;
    } rounded;
    float scaled = x * 32768.0F;

    scaled = scaled < -32768.0F ? -32768.0F : scaled;
    scaled = scaled > 32767.0F ? 32767.0F : scaled;
    /* Where floats are a distance of one apart. */
    rounded.number = scaled + 12582912.0F;
    return rounded.bits - 0x4b400000;
}

#endif
