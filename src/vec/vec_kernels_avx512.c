/* vec_kernels_avx512.c: AVX-512F level.
 *
 * Distances: four running sums of 16 floats per row, the last up to 64 dimensions through masked
 * loads (masked-off lanes are neither read nor faulted on: Intel SDM, vol. 1, 15.6.4). R rows go
 * through the loop together: the query is loaded once for all of them and their sums are
 * independent chains. A row's own order of summation is the same for every R.
 *
 * panel_dots: R rows times 16 centroids, one register per row; each step multiplies one column of
 * the panel by one broadcast component per row (the outer-product scheme of Goto and van de Geijn,
 * "Anatomy of high-performance matrix multiplication", 2008).
 */
#include "vec/vec_generic.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f")))
#define AVX512_INLINE AVX512 SHARDY__INLINE
#define SUMS 4
#define STEP 64u       /* floats per round: SUMS registers */
#define ROWS_AT_ONCE 4 /* of dot_rows and l2_rows */
#define PREFETCH 4096  /* bytes ahead */

AVX512_INLINE __mmask16 tail_mask(uint32_t left) {
    return (__mmask16)(left >= 16 ? 0xffffu : (1u << left) - 1);
}

AVX512_INLINE __m512 add_term(__m512 sum, __m512 q, __m512 x, bool squared) {
    if (!squared) return _mm512_fmadd_ps(q, x, sum);
    __m512 d = _mm512_sub_ps(q, x);
    return _mm512_fmadd_ps(d, d, sum);
}

/* Through an integer: the address may lie behind the array, where a pointer may not. */
AVX512_INLINE void prefetch(const float *at) {
    _mm_prefetch((const char *)((uintptr_t)at + PREFETCH), _MM_HINT_T0);
}

/* out[r] for `count` <= 4 adjacent rows; `count`, `squared` and `ahead` are compile-time constants.
 */
AVX512_INLINE void rows_kernel(const float *q, const float *rows, uint32_t dim, int count,
                               bool squared, bool ahead, float *out) {
    __m512 sum[ROWS_AT_ONCE][SUMS];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
#pragma GCC unroll 4
        for (int s = 0; s < SUMS; s++) sum[r][s] = _mm512_setzero_ps();
    }
    uint32_t i = 0;
    for (; dim - i >= STEP; i += STEP) {
#pragma GCC unroll 4
        for (int s = 0; s < SUMS; s++) {
            __m512 x = _mm512_loadu_ps(q + i + 16 * s);
#pragma GCC unroll 4
            for (int r = 0; r < count; r++) {
                const float *at = rows + (size_t)r * dim + i + 16 * s;
                if (ahead) prefetch(at);
                sum[r][s] = add_term(sum[r][s], x, _mm512_loadu_ps(at), squared);
            }
        }
    }
#pragma GCC unroll 4
    for (int s = 0; s < SUMS; s++) {
        if (i >= dim) break;
        __mmask16 mask = tail_mask(dim - i);
        __m512 x = _mm512_maskz_loadu_ps(mask, q + i);
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            __m512 y = _mm512_maskz_loadu_ps(mask, rows + (size_t)r * dim + i);
            sum[r][s] = add_term(sum[r][s], x, y, squared);
        }
        i += 16;
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        out[r] = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum[r][0], sum[r][1]),
                                                    _mm512_add_ps(sum[r][2], sum[r][3])));
    }
}

AVX512_INLINE void all_rows(const float *q, const float *rows, uint64_t n, uint32_t dim,
                            bool squared, float *out) {
    uint64_t i = 0;
    for (; n - i >= ROWS_AT_ONCE; i += ROWS_AT_ONCE) {
        rows_kernel(q, rows + i * dim, dim, ROWS_AT_ONCE, squared, true, out + i);
    }
    for (; i < n; i++) rows_kernel(q, rows + i * dim, dim, 1, squared, false, out + i);
}

AVX512 static float dot(const float *a, const float *b, uint32_t dim) {
    float out;
    rows_kernel(a, b, dim, 1, false, false, &out);
    return out;
}

AVX512 static float l2(const float *a, const float *b, uint32_t dim) {
    float out;
    rows_kernel(a, b, dim, 1, true, false, &out);
    return out;
}

AVX512 static void dot_rows(const float *q, const float *rows, uint64_t n, uint32_t dim,
                            float *out) {
    all_rows(q, rows, n, dim, false, out);
}

AVX512 static void l2_rows(const float *q, const float *rows, uint64_t n, uint32_t dim,
                           float *out) {
    all_rows(q, rows, n, dim, true, out);
}

#define PANEL_ROWS 8

/* `count` rows (a constant) times one block of a panel, added to out. */
AVX512_INLINE void panel_kernel(const float *rows, size_t stride, uint32_t dim, const float *panel,
                                int count, float *out) {
    __m512 sum[PANEL_ROWS];
#pragma GCC unroll 8
    for (int r = 0; r < count; r++) sum[r] = _mm512_setzero_ps();
    for (uint32_t i = 0; i < dim; i++) {
        __m512 column = _mm512_loadu_ps(panel + (size_t)i * SHARDY__PANEL);
#pragma GCC unroll 8
        for (int r = 0; r < count; r++) {
            sum[r] = _mm512_fmadd_ps(_mm512_set1_ps(rows[r * stride + i]), column, sum[r]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < count; r++) {
        float *to = out + r * SHARDY__PANEL;
        _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sum[r]));
    }
}

AVX512 static void panel_dots(const float *rows, uint32_t n, uint32_t dim, const float *panel,
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

AVX512 static uint64_t find_le(const float *v, uint64_t from, uint64_t n, float limit) {
    __m512 bound = _mm512_set1_ps(limit);
    for (uint64_t i = from; i < n; i += 16) {
        __mmask16 mask = tail_mask(n - i < 16 ? (uint32_t)(n - i) : 16);
        __m512 x = _mm512_maskz_loadu_ps(mask, v + i);
        unsigned hit = _mm512_mask_cmp_ps_mask(mask, x, bound, _CMP_LE_OQ);
        if (hit) return i + (uint64_t)__builtin_ctz(hit);
    }
    return n;
}

AVX512 static void from_f16(float *dst, const void *src, uint64_t n) {
    const char *p = src;
    uint64_t i = 0;
    for (; n - i >= 16; i += 16) {
        __m256i half = _mm256_loadu_si256((const __m256i *)(const void *)(p + 2 * i));
        _mm512_storeu_ps(dst + i, _mm512_cvtph_ps(half));
    }
    shardy__generic_from_f16(dst + i, p + 2 * i, n - i);
}

/* The 16 products or squared differences at a and b, added to 16 sums (vec_generic.h). */
AVX512_INLINE void exact_step(__m512d sum[2], const float *a, const float *b, bool squared) {
#pragma GCC unroll 2
    for (int s = 0; s < 2; s++) {
        __m512d x = _mm512_cvtps_pd(_mm256_loadu_ps(a + 8 * s));
        __m512d y = _mm512_cvtps_pd(_mm256_loadu_ps(b + 8 * s));
        if (squared) {
            x = _mm512_sub_pd(x, y);
            y = x;
        }
        sum[s] = _mm512_add_pd(sum[s], _mm512_mul_pd(x, y));
    }
}

AVX512_INLINE double exact(const float *a, const float *b, uint32_t dim, bool squared) {
    __m512d sum[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
    float tail_a[SHARDY__LANES], tail_b[SHARDY__LANES];
    uint32_t i = 0;
    for (; dim - i >= SHARDY__LANES; i += SHARDY__LANES) exact_step(sum, a + i, b + i, squared);
    if (i < dim) {
        exact_step(sum, shardy__padded(tail_a, a + i, dim - i),
                   shardy__padded(tail_b, b + i, dim - i), squared);
    }
    __m512d eight = _mm512_add_pd(sum[0], sum[1]);
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

AVX512 static double exact_dot(const float *a, const float *b, uint32_t dim) {
    return exact(a, b, dim, false);
}

AVX512 static double exact_l2(const float *a, const float *b, uint32_t dim) {
    return exact(a, b, dim, true);
}

SHARDY__GENERIC_FUNCTIONS(AVX512)

/* Also true only if the operating system saves the registers: the check reads XCR0. */
static bool available(void) { return __builtin_cpu_supports("avx512f"); }

const shardy__vec_level shardy__vec_avx512 = {
    .kernels = {"avx512", dot, l2, dot_rows, l2_rows},
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
