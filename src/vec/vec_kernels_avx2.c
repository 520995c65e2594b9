/* vec_kernels_avx2.c: AVX2 + FMA + F16C level (Intel since 2013, AMD since 2015).
 *
 * As vec_kernels_avx512.c with registers of 8 floats: four running sums per row, two rows together
 * (16 registers hold no more), the last up to 32 dimensions through masked loads. A panel of 16
 * centroids takes two registers per row; six rows go together.
 */
#include "vec/vec_generic.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE AVX2 SHARDY__INLINE
#define SUMS 4
#define STEP 32u
#define ROWS_AT_ONCE 2
#define PREFETCH 4096 /* bytes ahead */

/* All ones in the first `left` lanes (at most 8). */
AVX2_INLINE __m256i tail_mask(uint32_t left) {
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const int32_t *at = ones + (left >= 8 ? 0 : 8 - left);
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

AVX2_INLINE __m256 add_term(__m256 sum, __m256 q, __m256 x, bool squared) {
    if (!squared) return _mm256_fmadd_ps(q, x, sum);
    __m256 d = _mm256_sub_ps(q, x);
    return _mm256_fmadd_ps(d, d, sum);
}

AVX2_INLINE float fold(__m256 v) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}

/* Through an integer: the address may lie behind the array, where a pointer may not. */
AVX2_INLINE void prefetch(const float *at) {
    _mm_prefetch((const char *)((uintptr_t)at + PREFETCH), _MM_HINT_T0);
}

/* out[r] for `count` <= 2 adjacent rows; `count`, `squared` and `ahead` are compile-time constants.
 */
AVX2_INLINE void rows_kernel(const float *q, const float *rows, uint32_t dim, int count,
                             bool squared, bool ahead, float *out) {
    __m256 sum[ROWS_AT_ONCE][SUMS];
#pragma GCC unroll 2
    for (int r = 0; r < count; r++) {
#pragma GCC unroll 4
        for (int s = 0; s < SUMS; s++) sum[r][s] = _mm256_setzero_ps();
    }
    uint32_t i = 0;
    for (; dim - i >= STEP; i += STEP) {
#pragma GCC unroll 4
        for (int s = 0; s < SUMS; s++) {
            __m256 x = _mm256_loadu_ps(q + i + 8 * s);
#pragma GCC unroll 2
            for (int r = 0; r < count; r++) {
                const float *at = rows + (size_t)r * dim + i + 8 * s;
                if (ahead && s % 2 == 0) prefetch(at);
                sum[r][s] = add_term(sum[r][s], x, _mm256_loadu_ps(at), squared);
            }
        }
    }
#pragma GCC unroll 4
    for (int s = 0; s < SUMS; s++) {
        if (i >= dim) break;
        __m256i mask = tail_mask(dim - i);
        __m256 x = _mm256_maskload_ps(q + i, mask);
#pragma GCC unroll 2
        for (int r = 0; r < count; r++) {
            __m256 y = _mm256_maskload_ps(rows + (size_t)r * dim + i, mask);
            sum[r][s] = add_term(sum[r][s], x, y, squared);
        }
        i += 8;
    }
#pragma GCC unroll 2
    for (int r = 0; r < count; r++) {
        out[r] = fold(_mm256_add_ps(_mm256_add_ps(sum[r][0], sum[r][1]),
                                    _mm256_add_ps(sum[r][2], sum[r][3])));
    }
}

AVX2_INLINE void all_rows(const float *q, const float *rows, uint64_t n, uint32_t dim, bool squared,
                          float *out) {
    uint64_t i = 0;
    for (; n - i >= ROWS_AT_ONCE; i += ROWS_AT_ONCE) {
        rows_kernel(q, rows + i * dim, dim, ROWS_AT_ONCE, squared, true, out + i);
    }
    for (; i < n; i++) rows_kernel(q, rows + i * dim, dim, 1, squared, false, out + i);
}

AVX2 static float dot(const float *a, const float *b, uint32_t dim) {
    float out;
    rows_kernel(a, b, dim, 1, false, false, &out);
    return out;
}

AVX2 static float l2(const float *a, const float *b, uint32_t dim) {
    float out;
    rows_kernel(a, b, dim, 1, true, false, &out);
    return out;
}

AVX2 static void dot_rows(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out) {
    all_rows(q, rows, n, dim, false, out);
}

AVX2 static void l2_rows(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out) {
    all_rows(q, rows, n, dim, true, out);
}

#define PANEL_ROWS 6

/* `count` rows (a constant) times one block of a panel, added to out. */
AVX2_INLINE void panel_kernel(const float *rows, size_t stride, uint32_t dim, const float *panel,
                              int count, float *out) {
    __m256 low[PANEL_ROWS], high[PANEL_ROWS];
#pragma GCC unroll 6
    for (int r = 0; r < count; r++) low[r] = high[r] = _mm256_setzero_ps();
    for (uint32_t i = 0; i < dim; i++) {
        __m256 c0 = _mm256_loadu_ps(panel + (size_t)i * SHARDY__PANEL);
        __m256 c1 = _mm256_loadu_ps(panel + (size_t)i * SHARDY__PANEL + 8);
#pragma GCC unroll 6
        for (int r = 0; r < count; r++) {
            __m256 x = _mm256_broadcast_ss(rows + r * stride + i);
            low[r] = _mm256_fmadd_ps(x, c0, low[r]);
            high[r] = _mm256_fmadd_ps(x, c1, high[r]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < count; r++) {
        float *to = out + r * SHARDY__PANEL;
        _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), low[r]));
        _mm256_storeu_ps(to + 8, _mm256_add_ps(_mm256_loadu_ps(to + 8), high[r]));
    }
}

AVX2 static void panel_dots(const float *rows, uint32_t n, uint32_t dim, const float *panel,
                            float *out) {
    memset(out, 0, n * SHARDY__PANEL * sizeof *out);
    for (uint32_t at = 0; at < dim; at += SHARDY__PANEL_BLOCK) {
        uint32_t len = dim - at < SHARDY__PANEL_BLOCK ? dim - at : SHARDY__PANEL_BLOCK, r = 0;
        const float *block = panel + (size_t)at * SHARDY__PANEL, *row = rows + at;
        for (; n - r >= PANEL_ROWS; r += PANEL_ROWS, row += (size_t)PANEL_ROWS * dim) {
            panel_kernel(row, dim, len, block, PANEL_ROWS, out + r * SHARDY__PANEL);
        }
        for (; r < n; r++, row += dim)
            panel_kernel(row, dim, len, block, 1, out + r * SHARDY__PANEL);
    }
}

AVX2 static uint64_t find_le(const float *v, uint64_t from, uint64_t n, float limit) {
    __m256 bound = _mm256_set1_ps(limit);
    uint64_t i = from;
    for (; n - i >= 8; i += 8) {
        __m256 le = _mm256_cmp_ps(_mm256_loadu_ps(v + i), bound, _CMP_LE_OQ);
        int hit = _mm256_movemask_ps(le);
        if (hit) return i + (uint64_t)__builtin_ctz((unsigned)hit);
    }
    while (i < n && !(v[i] <= limit)) i++;
    return i;
}

AVX2 static void from_f16(float *dst, const void *src, uint64_t n) {
    const char *p = src;
    uint64_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m128i half = _mm_loadu_si128((const __m128i *)(const void *)(p + 2 * i));
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(half));
    }
    shardy__generic_from_f16(dst + i, p + 2 * i, n - i);
}

/* The 16 products or squared differences at a and b, added to 16 sums (vec_generic.h). */
AVX2_INLINE void exact_step(__m256d sum[4], const float *a, const float *b, bool squared) {
#pragma GCC unroll 4
    for (int s = 0; s < 4; s++) {
        __m256d x = _mm256_cvtps_pd(_mm_loadu_ps(a + 4 * s));
        __m256d y = _mm256_cvtps_pd(_mm_loadu_ps(b + 4 * s));
        if (squared) {
            x = _mm256_sub_pd(x, y);
            y = x;
        }
        sum[s] = _mm256_add_pd(sum[s], _mm256_mul_pd(x, y));
    }
}

AVX2_INLINE double exact(const float *a, const float *b, uint32_t dim, bool squared) {
    __m256d sum[4];
    float tail_a[SHARDY__LANES], tail_b[SHARDY__LANES];
    uint32_t i = 0;
#pragma GCC unroll 4
    for (int s = 0; s < 4; s++) sum[s] = _mm256_setzero_pd();
    for (; dim - i >= SHARDY__LANES; i += SHARDY__LANES) exact_step(sum, a + i, b + i, squared);
    if (i < dim) {
        exact_step(sum, shardy__padded(tail_a, a + i, dim - i),
                   shardy__padded(tail_b, b + i, dim - i), squared);
    }
    __m256d four = _mm256_add_pd(_mm256_add_pd(sum[0], sum[2]), _mm256_add_pd(sum[1], sum[3]));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

AVX2 static double exact_dot(const float *a, const float *b, uint32_t dim) {
    return exact(a, b, dim, false);
}

AVX2 static double exact_l2(const float *a, const float *b, uint32_t dim) {
    return exact(a, b, dim, true);
}

SHARDY__GENERIC_FUNCTIONS(AVX2)

/* F16C by CPUID because older compilers do not know its name in __builtin_cpu_supports. */
static bool available(void) {
    unsigned a, b, c, d;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

const shardy__vec_level shardy__vec_avx2 = {
    .kernels = {"avx2", dot, l2, dot_rows, l2_rows},
    .available = available,
    .exact_dot = exact_dot,
    .exact_l2 = exact_l2,
    .add_row = add_row,
    .divide = divide,
    .panel_dots = panel_dots,
    .find_le = find_le,
    .from_f16 = from_f16,
    .from_f64 = from_f64,
};
#endif
