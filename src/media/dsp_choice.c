#include "media/dsp.h"

#ifdef __SSE__
#include <xmmintrin.h>
#endif

const struct dsp *dsp_best(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &dsp_avx2;
#endif
    return &dsp_plain;
}

void dsp_flush_tiny_numbers(void)
{
#ifdef __SSE__
    enum { DENORMALS_ARE_ZERO = 0x40 };

    _mm_setcsr(_mm_getcsr() | _MM_FLUSH_ZERO_ON | DENORMALS_ARE_ZERO);
#endif
}
