#include "crypto/digest_kernel.h"

#include <assert.h>
#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

static bool ask_processor(void)
{
    unsigned a, b, c, d;

    /* Leaf 7, EBX bit 29: the SHA extensions. Those that have them have SSSE3 and SSE4.1 too, but a
     * hypervisor may hide any of the three. */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29)) &&
           __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

bool digest_kernel_available(void)
{
    static atomic_int known; /* 0: not asked yet; in a virtual machine each asking is dear */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);

    if (answer == 0) {
        answer = ask_processor() ? 1 : -1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer > 0;
}

static const uint32_t sha256_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Four rounds of SHA-256, I from 0 to 15, with what the message schedule needs meanwhile. */
#define SHA_ROUNDS(i)                                                                             \
    do {                                                                                          \
        __m128i words = _mm_add_epi32(                                                            \
            m[(i)&3], _mm_load_si128((const __m128i *)(const void *)&sha256_constants[4 * (i)])); \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);                                          \
        if ((i) >= 3 && (i) < 15) {                                                               \
            __m128i shifted = _mm_alignr_epi8(m[(i)&3], m[((i) + 3) & 3], 4);                     \
            m[((i) + 1) & 3] =                                                                    \
                _mm_sha256msg2_epu32(_mm_add_epi32(m[((i) + 1) & 3], shifted), m[(i)&3]);         \
        }                                                                                         \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));                 \
        if ((i) >= 1 && (i) < 13)                                                                 \
            m[((i) + 3) & 3] = _mm_sha256msg1_epu32(m[((i) + 3) & 3], m[(i)&3]);                  \
    } while (0)

/* The auxiliary functions of RFC 1321 section 3.4, in the forms with the fewest steps behind B,
 * which is the last to be known. */
#define MD5_F(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define MD5_G(b, c, d) (((b) & (d)) + ((c) & ~(d)))
#define MD5_H(b, c, d) ((b) ^ ((c) ^ (d)))
#define MD5_I(b, c, d) ((c) ^ ((b) | ~(d)))

#define MD5_STEP(f, a, b, c, d, k, s, t)                             \
    do {                                                             \
        a += x[k] + (uint32_t)(t);                                   \
        a += f(b, c, d);                                             \
        a = b + ((a << (s)) | (a >> (32 - (s))));                    \
        __asm__ volatile("" : "+r"(a)); /* keeps the steps' order */ \
    } while (0)

/* Four steps of MD5, the constants of which are given. */
#define MD5_STEPS(f, k0, s0, t0, k1, s1, t1, k2, s2, t2, k3, s3, t3) \
    do {                                                             \
        MD5_STEP(f, a, b, c, d, k0, s0, t0);                         \
        MD5_STEP(f, d, a, b, c, k1, s1, t1);                         \
        MD5_STEP(f, c, d, a, b, k2, s2, t2);                         \
        MD5_STEP(f, b, c, d, a, k3, s3, t3);                         \
    } while (0)

/* One block through both: 16 times four rounds of each. This long because it is one straight line,
 * like the tables of the two standards that it follows. */
#define BOTH_ROUNDS()                                                                       \
    do {                                                                                    \
        SHA_ROUNDS(0);                                                                      \
        MD5_STEPS(MD5_F, 0, 7, 0xd76aa478, 1, 12, 0xe8c7b756, 2, 17, 0x242070db, 3, 22,     \
                  0xc1bdceee);                                                              \
        SHA_ROUNDS(1);                                                                      \
        MD5_STEPS(MD5_F, 4, 7, 0xf57c0faf, 5, 12, 0x4787c62a, 6, 17, 0xa8304613, 7, 22,     \
                  0xfd469501);                                                              \
        SHA_ROUNDS(2);                                                                      \
        MD5_STEPS(MD5_F, 8, 7, 0x698098d8, 9, 12, 0x8b44f7af, 10, 17, 0xffff5bb1, 11, 22,   \
                  0x895cd7be);                                                              \
        SHA_ROUNDS(3);                                                                      \
        MD5_STEPS(MD5_F, 12, 7, 0x6b901122, 13, 12, 0xfd987193, 14, 17, 0xa679438e, 15, 22, \
                  0x49b40821);                                                              \
        SHA_ROUNDS(4);                                                                      \
        MD5_STEPS(MD5_G, 1, 5, 0xf61e2562, 6, 9, 0xc040b340, 11, 14, 0x265e5a51, 0, 20,     \
                  0xe9b6c7aa);                                                              \
        SHA_ROUNDS(5);                                                                      \
        MD5_STEPS(MD5_G, 5, 5, 0xd62f105d, 10, 9, 0x02441453, 15, 14, 0xd8a1e681, 4, 20,    \
                  0xe7d3fbc8);                                                              \
        SHA_ROUNDS(6);                                                                      \
        MD5_STEPS(MD5_G, 9, 5, 0x21e1cde6, 14, 9, 0xc33707d6, 3, 14, 0xf4d50d87, 8, 20,     \
                  0x455a14ed);                                                              \
        SHA_ROUNDS(7);                                                                      \
        MD5_STEPS(MD5_G, 13, 5, 0xa9e3e905, 2, 9, 0xfcefa3f8, 7, 14, 0x676f02d9, 12, 20,    \
                  0x8d2a4c8a);                                                              \
        SHA_ROUNDS(8);                                                                      \
        MD5_STEPS(MD5_H, 5, 4, 0xfffa3942, 8, 11, 0x8771f681, 11, 16, 0x6d9d6122, 14, 23,   \
                  0xfde5380c);                                                              \
        SHA_ROUNDS(9);                                                                      \
        MD5_STEPS(MD5_H, 1, 4, 0xa4beea44, 4, 11, 0x4bdecfa9, 7, 16, 0xf6bb4b60, 10, 23,    \
                  0xbebfbc70);                                                              \
        SHA_ROUNDS(10);                                                                     \
        MD5_STEPS(MD5_H, 13, 4, 0x289b7ec6, 0, 11, 0xeaa127fa, 3, 16, 0xd4ef3085, 6, 23,    \
                  0x04881d05);                                                              \
        SHA_ROUNDS(11);                                                                     \
        MD5_STEPS(MD5_H, 9, 4, 0xd9d4d039, 12, 11, 0xe6db99e5, 15, 16, 0x1fa27cf8, 2, 23,   \
                  0xc4ac5665);                                                              \
        SHA_ROUNDS(12);                                                                     \
        MD5_STEPS(MD5_I, 0, 6, 0xf4292244, 7, 10, 0x432aff97, 14, 15, 0xab9423a7, 5, 21,    \
                  0xfc93a039);                                                              \
        SHA_ROUNDS(13);                                                                     \
        MD5_STEPS(MD5_I, 12, 6, 0x655b59c3, 3, 10, 0x8f0ccc92, 10, 15, 0xffeff47d, 1, 21,   \
                  0x85845dd1);                                                              \
        SHA_ROUNDS(14);                                                                     \
        MD5_STEPS(MD5_I, 8, 6, 0x6fa87e4f, 15, 10, 0xfe2ce6e0, 6, 15, 0xa3014314, 13, 21,   \
                  0x4e0811a1);                                                              \
        SHA_ROUNDS(15);                                                                     \
        MD5_STEPS(MD5_I, 4, 6, 0xf7537e82, 11, 10, 0xbd3af235, 2, 15, 0x2ad7d2bb, 9, 21,    \
                  0xeb86d391);                                                              \
    } while (0)

__attribute__((target("sha,ssse3,sse4.1"))) void
digest_kernel_run(struct digest_state *state, const uint8_t *blocks, size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    uint32_t a = state->md5[0], b = state->md5[1], c = state->md5[2], d = state->md5[3];
    __m128i low =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(void *)&state->sha256[0]), 0xb1);
    __m128i high =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(void *)&state->sha256[4]), 0x1b);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

    for (; count > 0; count--, blocks += DIGEST_BLOCK_BYTES) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        const uint32_t a_before = a, b_before = b, c_before = c, d_before = d;
        uint32_t x[16];
        __m128i m[4];

        memcpy(x, blocks, sizeof x);
        for (int i = 0; i < 4; i++)
            m[i] = _mm_shuffle_epi8(
                _mm_loadu_si128((const __m128i *)(const void *)(blocks + 16 * i)), swap);
        BOTH_ROUNDS();
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
        a += a_before;
        b += b_before;
        c += c_before;
        d += d_before;
    }
    low = _mm_shuffle_epi32(abef, 0x1b);
    high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)&state->sha256[0], _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)&state->sha256[4], _mm_alignr_epi8(high, low, 8));
    state->md5[0] = a;
    state->md5[1] = b;
    state->md5[2] = c;
    state->md5[3] = d;
}

#else

bool digest_kernel_available(void)
{
    return false;
}

void digest_kernel_run(struct digest_state *state, const uint8_t *blocks, size_t count)
{
    (void)state, (void)blocks, (void)count;
    assert(!"no kernel for this processor");
}

#endif

void digest_state_init(struct digest_state *state)
{
    *state = (struct digest_state){
        .md5 = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476},
        .sha256 = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                   0x1f83d9ab, 0x5be0cd19},
    };
}

static void put_u64(uint8_t out[static 8], uint64_t value, bool big_endian)
{
    for (unsigned i = 0; i < 8; i++)
        out[big_endian ? 7 - i : i] = (uint8_t)(value >> (8 * i));
}

/* The two differ only in how they write the length, so each is run over its own padding and the
 * other's half of the result is dropped. */
static void run_padding(struct digest_state *state, const uint8_t *tail, uint64_t length,
                        bool big_endian)
{
    uint8_t padding[2 * DIGEST_BLOCK_BYTES] = {0};
    size_t have = (size_t)(length % DIGEST_BLOCK_BYTES);
    size_t blocks = have < DIGEST_BLOCK_BYTES - 8 ? 1 : 2;

    memcpy(padding, tail, have);
    padding[have] = 0x80;
    put_u64(padding + blocks * DIGEST_BLOCK_BYTES - 8, length * 8, big_endian);
    digest_kernel_run(state, padding, blocks);
}

void digest_kernel_finish(const struct digest_state *state, const uint8_t *tail, uint64_t length,
                          struct digests *out)
{
    struct digest_state md5 = *state, sha256 = *state;

    run_padding(&md5, tail, length, false);
    run_padding(&sha256, tail, length, true);
    for (unsigned i = 0; i < MD5_BYTES; i++)
        out->md5[i] = (uint8_t)(md5.md5[i / 4] >> (8 * (i % 4)));
    for (unsigned i = 0; i < SHA256_BYTES; i++)
        out->sha256[i] = (uint8_t)(sha256.sha256[i / 4] >> (24 - 8 * (i % 4)));
}
